"""Sums of use for an OpenTelemetry collector: each finished day's tokens by provider, in the GenAI conventions' words.

The conventions' metric is a histogram of the tokens of single operations. Only its count (exchanges) and sum (tokens)
are told: how large single exchanges were is nobody's, and the collector gets no more than the Overview shows. A day is
told once it is over, and only when five people or more stand behind it.
Source: OpenTelemetry semantic conventions, gen-ai metrics, `gen_ai.client.token.usage`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import toktra
from toktra.catalogue import Catalogue, load_catalogue
from toktra.server.jobs import Work, periodic_job
from toktra.server.tenants.service import find_tenant_by_id
from toktra.server.usage.discretion import CROWD
from toktra.server.usage.sums import people_on, sums_of_all
from toktra.server.usage.totals import HostDay

NAME: Final = "gen_ai.client.token.usage"
OPERATION: Final = "exchange"
"""Which operation it was cannot be seen from outside, so it is none of those the conventions name."""
_ANSWER_WITHIN_S: Final = 20.0
_CONVENTIONAL: Final = {
    "chatgpt": "openai",
    "claude": "anthropic",
    "gemini": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "azure": "azure.ai.openai",
    "mistral": "mistral_ai",
    "x-ai": "x_ai",
    "grok": "x_ai",
    "watsonx": "ibm.watsonx.ai",
    "perplexity-api": "perplexity",
    "deepseek-chat": "deepseek",
}
"""Providers that the conventions call otherwise; all others keep their id from the catalogue, as is asked there."""


class NotExported(Exception):
    """The collector did not take the figures."""


@periodic_job("metrics:export-usage", cron="30 1 * * *")
async def export_usage(work: Work) -> None:
    """Tells of the day before the one it is for."""
    if work.settings.otlp_endpoint is None or work.tick is None:
        return
    day = work.tick.date() - timedelta(days=1)
    async with work.transaction() as connection:
        if await people_on(connection, work.tenant_id, day) < CROWD:
            return
        rows = await sums_of_all(connection, work.tenant_id, day, day)
    if rows:
        tenant = await find_tenant_by_id(work.database, work.tenant_id)
        data = usage_of(rows, day, tenant.slug, load_catalogue())
        await asyncio.to_thread(_send, data, work.settings.otlp_endpoint)


def usage_of(rows: Iterable[HostDay], day: date, organisation: str, catalogue: Catalogue) -> MetricsData:
    """One point for each provider and kind of token. Estimates: their middle, without its range."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        provider = catalogue.find(row.provider_host)
        name = _CONVENTIONAL.get(provider.id, provider.id) if provider else row.provider_host
        for kind, tokens in (("input", row.input_tokens), ("output", row.output_tokens)):
            point = sums[name, kind]
            point[0] += row.exchanges
            point[1] += tokens
    start = datetime.combine(day, time(), UTC)
    points = [
        HistogramDataPoint(
            attributes={"gen_ai.operation.name": OPERATION, "gen_ai.provider.name": name, "gen_ai.token.type": kind},
            start_time_unix_nano=_nanoseconds(start),
            time_unix_nano=_nanoseconds(start + timedelta(days=1)),
            count=exchanges,
            sum=tokens,
            bucket_counts=[],
            explicit_bounds=[],
            min=None,  # type: ignore[arg-type]  # optional in the protocol
            max=None,  # type: ignore[arg-type]
        )
        for (name, kind), (exchanges, tokens) in sorted(sums.items())
    ]
    metric = Metric(
        NAME, "Tokens used, estimated from sizes.", "{token}", Histogram(points, AggregationTemporality.DELTA)
    )
    scope = ScopeMetrics(InstrumentationScope("toktra", toktra.__version__), [metric], "")
    resource = Resource({"service.name": "toktra", "toktra.organisation": organisation})
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _send(data: MetricsData, endpoint: str) -> None:
    exporter = OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", timeout=_ANSWER_WITHIN_S)
    try:
        if exporter.export(data) is not MetricExportResult.SUCCESS:
            raise NotExported
    finally:
        exporter.shutdown()


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000
