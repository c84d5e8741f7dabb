"""A view as a file: what its chart and its table show, with what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from toktra.server.usage.breakdown.lines import Amounts, Line
from toktra.server.usage.breakdown.service import Breakdown
from toktra.server.usage.breakdown.view import Grain
from toktra.server.usage.coverage import Coverage

CSV_HEADER: Final = (
    "from",
    "to",
    "name",
    "hosts",
    "exchanges",
    "request_bytes",
    "response_bytes",
    "tokens_low",
    "tokens_high",
    "cost_low",
    "cost_high",
    "currency",
    "unpriced_exchanges",
    "device_days_reported",
    "device_days_enrolled",
    "estimator_version",
)


def csv_rows(found: Breakdown) -> Iterator[list[str]]:
    """Every bucket of every drawn line, then the whole period of every line and, without a name, of all together."""
    is_hourly = found.view.grain is Grain.HOUR
    for bucket in found.buckets:
        start = bucket.start.isoformat() if is_hourly else bucket.first.isoformat()
        for line, amounts in zip(found.drawn, bucket.amounts or (), strict=False):
            yield [start, bucket.last.isoformat(), *_cells(found, line, amounts, bucket.coverage)]
    days = [found.view.first.isoformat(), found.view.last.isoformat()]
    reported, enrolled = (sum(getattr(day, name) for day in found.coverage) for name in ("reported", "enrolled"))
    whole = Coverage(found.view.first, reported, enrolled)
    for line in found.lines:
        yield [*days, *_cells(found, line, line.now, whole)]
    yield [*days, *_cells(found, None, found.total, whole)]


def _cells(found: Breakdown, line: Line | None, amounts: Amounts, coverage: Coverage) -> list[str]:
    cost = amounts.cost
    return [
        line.name if line else "",
        " ".join(line.hosts) if line else "",
        str(amounts.exchanges),
        str(amounts.request_bytes),
        str(amounts.response_bytes),
        str(round(amounts.tokens.low)),
        str(round(amounts.tokens.high)),
        f"{cost.low:.4f}" if cost else "",
        f"{cost.high:.4f}" if cost else "",
        found.currency if cost else "",
        str(amounts.unpriced_exchanges),
        str(coverage.reported),
        str(coverage.enrolled),
        " ".join(found.estimator_versions),
    ]
