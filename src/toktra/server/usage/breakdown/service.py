"""Reads the hourly rollup and says how a period's use divides, bucket by bucket and line by line, with every range."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.costs import service as costs
from toktra.server.costs.projection import Pricing, Projection, project_together
from toktra.server.costs.ranges import Interval
from toktra.server.database.pool import Connection, Database
from toktra.server.usage.breakdown.buckets import Bucket, Cutting, Rows, Uses, cut
from toktra.server.usage.breakdown.departments import Division, by_department, division_of
from toktra.server.usage.breakdown.forecast import LOOK_BACK_DAYS, Forecast, forecast
from toktra.server.usage.breakdown.lines import (
    Amounts,
    Line,
    Summing,
    amounts_of,
    is_drawable,
    lines_of,
    names_of,
    wanted,
)
from toktra.server.usage.breakdown.view import Grain, Measure, View
from toktra.server.usage.coverage import Coverage, coverage_of
from toktra.server.usage.discretion import CROWD
from toktra.server.usage.period import Window
from toktra.server.usage.totals import HostDay

DRAWN_LINES: Final = 4
"""As many as differ in colour and dash, and can be told apart."""

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Everything on the page."""

    view: View
    window: Window
    window_against: Window | None
    currency: str
    currency_fault: str
    total: Amounts
    total_before: Amounts | None
    lines: list[Line]
    """Most tokens first by the upper end."""
    drawn: list[Line]
    buckets: list[Bucket]
    coverage: list[Coverage]
    hours_withheld: bool
    """Whether hours of some day are not shown, because fewer than five people had any use on it."""
    first_seen: list[str]
    """Names of the providers that were never used before the period."""
    forecast: Forecast | None
    departments: list[str]
    """Those that a view can be narrowed to."""
    estimator_versions: list[str]
    """Of the period's records."""

    @property
    def is_empty(self) -> bool:
        return not self.lines


async def breakdown(database: Database, tenant_id: UUID, view: View, now: datetime) -> Breakdown:
    """The figures of one view."""
    window, against = view.window(now), view.window_against(now)
    async with database.tenant(tenant_id) as connection:
        ledger = _Ledger(connection, tenant_id)
        first = min(window.first_day, against.first_day) if against else window.first_day
        division = await division_of(connection, tenant_id, first, window.last_day)
        uses, uses_against = await ledger.uses([window, against] if against else [window], view, division)
        history = await ledger.history(view, now)
        asked = dict.fromkeys([*window.days, *(against.days if against else ()), *history])
        standing = {day.day: day for day in await coverage_of(connection, tenant_id, list(asked), now)}
        pricing = await costs.shared_pricing(connection, tenant_id, first, window.last_day)
        by_hour, withheld = await ledger.hours(window, view) if view.grain is Grain.HOUR else ({}, frozenset())
        seen_before = await ledger.used_before(window, {use.provider_host for use in uses.whole})
    # One currency for both periods: dollars for all when a rate is missing on any day.
    (projected, _before), pricing, fault = costs.projections(
        pricing, uses.whole, uses_against.whole, first=first, last=window.last_day
    )
    of = Summing(pricing)
    has_before = bool(uses_against.whole) or (
        against is not None and any(standing[day].reported for day in against.days)
    )
    lines = lines_of(uses.parts, uses_against.parts if has_before else None, view, of)
    drawn = [line for line in lines if is_drawable(line.now, view.measure)][:DRAWN_LINES]
    coverage = [standing[day] for day in window.days]
    rows = Rows(of_days=uses, of_hours=by_hour, withheld=withheld)
    return Breakdown(
        view=view,
        window=window,
        window_against=against,
        currency=projected.currency,
        currency_fault=fault,
        total=amounts_of(projected, uses.whole),
        total_before=of(uses_against.whole) if against and has_before else None,
        lines=lines,
        drawn=drawn,
        buckets=cut(rows, coverage, drawn, window, Cutting(view, of)),
        coverage=coverage,
        hours_withheld=any(use.day in withheld for use in uses.whole),
        first_seen=names_of(use.provider_host for use in uses.whole if use.provider_host not in seen_before),
        forecast=_forecast(
            projected,
            [(standing[day], own) for day, own in history.items() if standing[day].reported or own],
            view,
            pricing,
            now,
        ),
        departments=list(division.shown),
        estimator_versions=sorted({use.estimator_version for use in uses.whole}),
    )


class _Ledger:
    """The queries of this page for one organisation."""

    def __init__(self, connection: Connection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def uses(self, windows: Sequence[Window], view: View, division: Division) -> tuple[Uses, Uses]:
        """The rows of one or two windows that the view wants, divided by department where it asks for that."""
        whole = [await self.days(window) for window in windows]
        if not view.is_by_department:
            found = [Uses.undivided(wanted(rows, view)) for rows in whole]
        else:  # together, as what divides them is the same
            together = (use for rows in whole for use in rows)
            divided = await by_department(self._connection, self._tenant_id, windows, together, division)
            found = []
            for window, rows in zip(windows, whole, strict=True):
                days = frozenset(window.days)
                parts = wanted((use for use in divided if use.day in days), view)
                found.append(Uses.undivided(parts) if view.department else Uses(wanted(rows, view), parts))
        now, *before = found
        return now, before[0] if before else Uses.undivided([])

    async def days(self, window: Window) -> list[HostDay]:
        rows = _queries.days(self._connection, tenant_id=self._tenant_id, first=window.start, last=window.end)
        return [HostDay(**row._asdict()) async for row in rows]

    async def hours(self, window: Window, view: View) -> tuple[dict[datetime, list[HostDay]], frozenset[date]]:
        """Rows by hour, of days on which a crowd had any use; and the other days, whose hours stay unsaid."""
        crowded = _queries.days_with_a_crowd(self._connection, tenant_id=self._tenant_id, days=window.days, crowd=CROWD)
        shown = [row.day async for row in crowded]
        found: dict[datetime, list[HostDay]] = defaultdict(list)
        rows = _queries.hours(
            self._connection, tenant_id=self._tenant_id, first=window.start, last=window.end, days=shown
        )
        async for row in rows:
            fields = row._asdict()
            hour = fields.pop("hour").astimezone(UTC)
            found[hour] += wanted([HostDay(**fields)], view)
        return found, frozenset(window.days) - frozenset(shown)

    async def used_before(self, window: Window, hosts: set[str]) -> set[str]:
        if not hosts:
            return set()
        rows = _queries.hosts_before(
            self._connection, tenant_id=self._tenant_id, first=window.start, hosts=sorted(hosts)
        )
        return {row.host async for row in rows}

    async def history(self, view: View, now: datetime) -> dict[date, list[HostDay]]:
        """The rows of each finished day that a forecast goes by; empty for a view that is of the past."""
        today = now.astimezone(UTC).date()
        if view.is_by_department or view.last != today or view.measure not in (Measure.TOKENS, Measure.COST):
            return {}
        start = datetime(today.year, today.month, today.day, tzinfo=UTC)
        window = Window(start - timedelta(days=LOOK_BACK_DAYS), start)
        of_day: dict[date, list[HostDay]] = {day: [] for day in window.days}
        for use in wanted(await self.days(window), view):
            of_day[use.day].append(use)
        return of_day


def _forecast(
    projected: Projection,
    history: Sequence[tuple[Coverage, list[HostDay]]],
    view: View,
    pricing: Pricing,
    now: datetime,
) -> Forecast | None:
    """Of tokens, by the end of the month, for a view of this month."""
    today = now.astimezone(UTC).date()
    if view.first != today.replace(day=1) or not history:
        return None
    last = (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    if view.measure is Measure.COST:
        if projected.cost is None:
            return None
        amounts = {day.day: _middle(project_together(uses, pricing).cost) for day, uses in history}
        return forecast(_middle(projected.cost), projected.cost, amounts, today, last)
    amounts = {day.day: project_together(uses, pricing).tokens_middle for day, uses in history}
    return forecast(projected.tokens_middle, projected.tokens, amounts, today, last)


def _middle(interval: Interval | None) -> float:
    return (interval.low + interval.high) / 2 if interval else 0.0
