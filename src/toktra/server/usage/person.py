"""One person's use: their figures for themself and for others, and, only for themself, every single event.

Both readers get the figures from `person_overview`. Others get them up to yesterday: a total that includes today,
looked at twice, would tell when. Nobody but the person ever gets a time (see discretion). Whether their devices
reported on a day is not among the figures: a day without a report could be a private one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.catalogue import Catalogue, load_catalogue
from toktra.catalogue.uncertainty import Part, Range, input_range, output_range
from toktra.server.costs import service as costs
from toktra.server.costs.projection import Pricing
from toktra.server.costs.ranges import Interval
from toktra.server.database.pool import Connection, Database
from toktra.server.usage import totals
from toktra.server.usage.coverage import Coverage, rest_on_alike
from toktra.server.usage.discretion import minute_may_be_shown
from toktra.server.usage.overview import ChartDay, Newest, Overview, Standing
from toktra.server.usage.period import Period, Window, span
from toktra.server.usage.totals import HostDay

_READ_AT_ONCE: Final = 2000
_PACKED_AT_ONCE: Final = timedelta(days=7)

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("person.sql"), "apsycopg")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose figures are asked for, and whether they ask themself."""

    tenant_id: UUID
    person_id: UUID
    is_reader: bool

    @property
    def named(self) -> dict[str, UUID]:
        return {"tenant_id": self.tenant_id, "person_id": self.person_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Everything that is kept about one use, as stored, and what the estimate's numbers stand for."""

    at: datetime
    provider_host: str
    provider: str
    request_bytes: int
    response_bytes: int
    estimated_input_tokens: int
    estimated_output_tokens: int
    estimator_version: str
    device_id: UUID
    hostname: str | None
    """None when the device is gone from the register."""
    epoch: int
    sequence: int

    @property
    def tokens_in(self) -> Range:
        return input_range([self._part])

    @property
    def tokens_out(self) -> Range:
        return output_range([self._part])

    @property
    def is_continuation(self) -> bool:
        """Whether this is the rest of an exchange that an earlier event began; it is not counted as one."""
        return self.estimated_input_tokens == 0

    @property
    def _part(self) -> Part:
        return Part(
            provider_host=self.provider_host,
            exchanges=1,
            input_tokens=self.estimated_input_tokens,
            output_tokens=self.estimated_output_tokens,
            estimator_version=self.estimator_version,
        )


def last_moment_for(subject: Subject, now: datetime) -> datetime:
    """Up to when the reader may be told: now for the person, the end of yesterday (UTC) for others."""
    if subject.is_reader:
        return now
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC) - timedelta(microseconds=1)


async def person_overview(connection: Connection, subject: Subject, period: Period, now: datetime) -> Overview:
    """The figures of one person, as the Overview of an organisation of one, read in the caller's transaction."""
    until = last_moment_for(subject, now)
    chosen = span(period, until)
    uses = await _whole_days(connection, subject, chosen.current.days)
    uses_before = await _before(connection, subject, chosen.before)
    coverage = await _coverage(connection, subject, [*chosen.before.days, *chosen.current.days])
    coverage_before, coverage = coverage[: len(chosen.before.days)], coverage[-len(chosen.current.days) :]
    had_devices = any(day.reported for day in coverage_before)
    newest = await _newest(connection, subject, until)
    pricing = await costs.pricing(connection, subject.tenant_id, chosen.before.first_day, chosen.current.last_day)
    (current, before), under, fault = costs.projections(
        pricing, uses, uses_before, first=chosen.before.first_day, last=chosen.current.last_day
    )
    return Overview(
        span=chosen,
        made_at=now,
        version="",
        standing=await _standing(connection, subject, newest, uses),
        totals=totals.totals(current),
        totals_before=totals.totals(before) if had_devices else None,
        is_comparable=rest_on_alike(coverage, coverage_before),
        names_people=True,
        people=1 if uses else 0,
        people_before=None,
        people_known=1,
        newest=newest,
        reporting=coverage[-1],
        days=_chart(uses, coverage, under),
        middles_before=_middles(uses_before, coverage_before, len(coverage), under),
        providers=totals.by_provider(current),
        currency_fault=fault,
        last=None,
    )


async def newest_own_event(database: Database, subject: Subject, day: date) -> Event | None:
    """The newest event of the person who asks, which is of this day. Raises PermissionError for others."""
    _check_own(subject)
    async with database.tenant(subject.tenant_id) as connection:
        row = await _queries.newest_event(connection, **subject.named, since=datetime.combine(day, time(), UTC))
    return _event(row) if row else None


async def own_events(database: Database, subject: Subject, *, skip: int, most: int) -> tuple[list[Event], int]:
    """Events of the person who asks, newest first, and how many there are. Raises PermissionError for others."""
    _check_own(subject)
    async with database.tenant(subject.tenant_id) as connection:
        rows = _queries.newest_events(connection, **subject.named, skip=skip, most=most)
        events = [_event(row) async for row in rows]
        return events, await _queries.count_events(connection, **subject.named)


async def own_days(connection: Connection, subject: Subject) -> list[HostDay]:
    """All sums by day of the person who asks, oldest first. Raises PermissionError for others."""
    _check_own(subject)
    return await _whole_days(connection, subject, [date(2000, 1, 1), date(9999, 12, 31)])


async def all_own_events(database: Database, subject: Subject) -> AsyncIterator[Sequence[Event]]:
    """Every event of the person who asks, oldest first, some at a time: a slow reader keeps no connection.

    Raises PermissionError for others.
    """
    _check_own(subject)
    last: dict[str, Any] = {
        "at": datetime(2000, 1, 1, tzinfo=UTC),
        "device_id": UUID(int=0),
        "epoch": 0,
        "sequence": 0,
    }
    while True:
        async with database.tenant(subject.tenant_id) as connection:
            rows = _queries.events_after(connection, **subject.named, **last, most=_READ_AT_ONCE)
            events = [_event(row) async for row in rows]
        if not events:
            return
        yield events
        last = {name: getattr(events[-1], name) for name in last}


async def every_own_event(database: Database, subject: Subject) -> AsyncIterator[Sequence[Event]]:
    """The same as all_own_events, for a job that packs many: a week at a time, which is held in memory.

    Raises PermissionError for others.
    """
    _check_own(subject)
    async with database.tenant(subject.tenant_id) as connection:
        found = await _queries.span_of_events(connection, **subject.named)
    if found is None or found.first is None:
        return
    first = found.first
    while first <= found.last:
        last = first + _PACKED_AT_ONCE
        async with database.tenant(subject.tenant_id) as connection:
            rows = _queries.events_within(connection, **subject.named, first=first, last=last)
            events = [_event(row) async for row in rows]
        for place in range(0, len(events), _READ_AT_ONCE):
            yield events[place : place + _READ_AT_ONCE]
        first = last


def _check_own(subject: Subject) -> None:
    if not minute_may_be_shown(is_own=subject.is_reader, people=1):
        raise PermissionError("single events of a person are for that person only")


async def _whole_days(connection: Connection, subject: Subject, days: Sequence[date]) -> list[HostDay]:
    if not days:
        return []
    rows = _queries.sums(connection, **subject.named, first=days[0], last=days[-1])
    return [HostDay(**row._asdict()) async for row in rows]


async def _before(connection: Connection, subject: Subject, window: Window) -> list[HostDay]:
    """The window before ends within its last day, as the current one does, so that like is compared with like."""
    *whole, last = window.days
    uses = await _whole_days(connection, subject, whole)
    midnight = datetime.combine(last, time(), UTC)
    rows = _queries.sums_within(connection, **subject.named, first=midnight, last=window.end)
    return [*uses, *[HostDay(**row._asdict()) async for row in rows]]


async def _coverage(connection: Connection, subject: Subject, days: Sequence[date]) -> list[Coverage]:
    """For each day the person's devices, all taken to have reported: a private day must look like one without use.

    Only the person is told how many really did, and only for the last day.
    """
    devices = [row async for row in _queries.devices_enrolled(connection, **subject.named)]

    def enrolled(day: date) -> int:
        return sum(
            1 for row in devices if row.since <= day and (row.is_active or (row.until is not None and row.until >= day))
        )

    coverage = [Coverage(day, enrolled(day), enrolled(day)) for day in days]
    if subject.is_reader:
        reported: int = await _queries.devices_that_reported(connection, **subject.named, day=days[-1])
        coverage[-1] = Coverage(days[-1], reported, max(reported, coverage[-1].enrolled))
    return coverage


async def _newest(connection: Connection, subject: Subject, until: datetime) -> Newest | None:
    day: date | None = await _queries.newest_day(connection, **subject.named, last=until.astimezone(UTC).date())
    if day is None:
        return None
    if not minute_may_be_shown(is_own=subject.is_reader, people=1):
        return Newest(day, None)
    at: datetime | None = await _queries.newest_time(
        connection, **subject.named, since=datetime.combine(day, time(), UTC)
    )
    return Newest(day, at)


async def _standing(
    connection: Connection, subject: Subject, newest: Newest | None, uses: Sequence[HostDay]
) -> Standing:
    if uses:
        return Standing.FIGURES
    if newest is not None:
        return Standing.NONE_IN_PERIOD
    has_device = [row async for row in _queries.devices_enrolled(connection, **subject.named) if row.is_active]
    return Standing.NO_RECORD if has_device else Standing.NO_DEVICE


def _chart(uses: Sequence[HostDay], coverage: Sequence[Coverage], under: Pricing) -> list[ChartDay]:
    of_day = totals.by_day(uses, under)
    nothing = totals.DayTokens(0, Interval(0, 0))
    return [ChartDay(day, of_day.get(day.day, nothing if day.reported else None)) for day in coverage]


def _middles(uses: Sequence[HostDay], coverage: Sequence[Coverage], length: int, under: Pricing) -> list[float | None]:
    of_day = totals.by_day(uses, under)
    middles: list[float | None] = [
        float(of_day[day.day].middle) if day.day in of_day else 0.0 if day.reported else None for day in coverage
    ]
    return [*middles[:length], *[None] * (length - len(middles))]


def _event(row: Any) -> Event:
    return Event(**row._asdict() | {"at": row.at.astimezone(UTC), "provider": _provider_name(row.provider_host)})


@lru_cache(maxsize=1024)  # events are many and hosts are few
def _provider_name(host: str) -> str:
    provider = _catalogue().find(host)
    return provider.name if provider else host


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()
