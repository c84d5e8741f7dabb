"""Sums of use at a real collector: an HTTP server that reads OTLP as the protocol's own classes do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from toktra.server.database.pool import Database
from toktra.server.jobs import Work
from toktra.server.metrics.usage import NAME, NotExported, export_usage
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls

DAY = date(2026, 11, 20)


@dataclass
class Collector:
    """What it was told, and what it answers."""

    endpoint: str = ""
    status: int = 200
    told: list[ExportMetricsServiceRequest] = field(default_factory=list)


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/metrics"
            body = self.rfile.read(int(self.headers["content-length"]))
            found.told.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(found.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def use(urls: Urls, tenant: Tenant, people: int) -> None:
    """Use of two providers by so many people on the day."""
    with psycopg.connect(urls.superuser) as connection:
        for number in range(people):
            row = connection.execute(
                "insert into person (tenant_id, display_name) values (%s, %s) returning person_id",
                [tenant.tenant_id, f"Person {number}"],
            ).fetchone()
            assert row is not None
            connection.execute(
                "insert into usage_daily values (%s, %s, %s, 'claude.ai', 'e1', 3, 10, 10, 100, 20)",
                [tenant.tenant_id, DAY, row[0]],
            )
        for host in ("claude.ai", "api.anthropic.com", "api.openai.com"):
            connection.execute(
                "insert into usage_hourly values (%s, '2026-11-20 10:00Z', %s, 'e1', 3, 10, 10, 100, 20)",
                [tenant.tenant_id, host],
            )


def work(database: Database, tenant: Tenant, urls: Urls, endpoint: str | None) -> Work:
    settings = ServerSettings(database_url=urls.app, otlp_endpoint=endpoint)
    tick = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
    return Work(tenant.tenant_id, database, settings, attempt=1, is_last_attempt=False, tick=tick)


async def test_a_finished_day_is_told_by_provider_and_kind_of_token(
    database: Database, tenant: Tenant, urls: Urls, collector: Collector
) -> None:
    use(urls, tenant, people=5)
    await export_usage.function(work(database, tenant, urls, collector.endpoint))
    (told,) = collector.told
    (resource,) = told.resource_metrics
    assert {pair.key: pair.value.string_value for pair in resource.resource.attributes} == {
        "service.name": "toktra",
        "toktra.organisation": "north",
    }
    (metric,) = resource.scope_metrics[0].metrics
    assert (metric.name, metric.unit) == (NAME, "{token}")
    found = {}
    for point in metric.histogram.data_points:
        attributes = {pair.key: pair.value.string_value for pair in point.attributes}
        found[attributes["gen_ai.provider.name"], attributes["gen_ai.token.type"]] = (point.count, point.sum)
        assert attributes.keys() == {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.type"}
        assert not point.HasField("min")
        assert datetime.fromtimestamp(point.start_time_unix_nano / 1e9, UTC) == datetime(2026, 11, 20, tzinfo=UTC)
        assert datetime.fromtimestamp(point.time_unix_nano / 1e9, UTC) == datetime(2026, 11, 21, tzinfo=UTC)
    assert found == {
        ("anthropic", "input"): (6, 200),
        ("anthropic", "output"): (6, 40),
        ("openai", "input"): (3, 100),
        ("openai", "output"): (3, 20),
    }


async def test_nothing_is_told_of_fewer_than_five_people_or_without_a_collector(
    database: Database, tenant: Tenant, urls: Urls, collector: Collector
) -> None:
    use(urls, tenant, people=4)
    await export_usage.function(work(database, tenant, urls, collector.endpoint))
    await export_usage.function(work(database, tenant, urls, None))
    assert collector.told == []


async def test_a_collector_that_refuses_is_an_error_to_try_again(
    database: Database, tenant: Tenant, urls: Urls, collector: Collector
) -> None:
    use(urls, tenant, people=5)
    collector.status = 400
    with pytest.raises(NotExported):
        await export_usage.function(work(database, tenant, urls, collector.endpoint))
