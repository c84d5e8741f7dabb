"""Of the devices that were enrolled on each day, how many reported: what every total rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection

LOW_COVERAGE: Final = 0.8
"""Below this share of enrolled devices a day is marked: its total rests on few."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of the devices that could report on a day, how many did. By day, and only days that are over."""

    day: date
    reported: int
    enrolled: int
    is_over: bool = True
    """False for today. Whoever saw today's count grow could tell when a device began to report: `reported` then says
    how many are enrolled."""

    @property
    def share(self) -> float:
        return self.reported / self.enrolled if self.enrolled else 0.0

    @property
    def is_low(self) -> bool:
        """False on days before the first device: nothing is missing where nothing could report."""
        return self.is_over and self.enrolled > 0 and self.share < LOW_COVERAGE

    @property
    def missing(self) -> int:
        return max(0, self.enrolled - self.reported)


def rest_on_alike(one: Sequence[Coverage], other: Sequence[Coverage]) -> bool:
    """Whether two stretches of days had, per day, about as many reporting devices. A day that is not over says little,
    so it counts only where there is no other.
    """
    fewer, more = sorted(_reporting_a_day(days) for days in (one, other))
    return more > 0 and fewer >= LOW_COVERAGE * more


def _reporting_a_day(days: Sequence[Coverage]) -> float:
    told = [day for day in days if day.is_over] or days
    return sum(day.reported for day in told) / len(told)


_MOST_FINISHED_DAYS: Final = 100_000
_finished_days: Final[dict[tuple[UUID, date], tuple[int, int]]] = {}
"""Of a tenant and a day that is over: how many devices were enrolled, and how many reported. A device reports only on
the day it is, so as long as the first number stays so does the second, and counting two months of 12,000 devices for
every page would take most of its time."""

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


async def coverage_of(connection: Connection, tenant_id: UUID, days: Sequence[date], now: datetime) -> list[Coverage]:
    """For each day (UTC) in order: the devices that reported, of those that were enrolled. For today it is not told."""
    today = now.astimezone(UTC).date()
    enrolments = [row async for row in _queries.devices_enrolled(connection, tenant_id=tenant_id)]
    enrolled = {
        day: sum(
            row.devices
            for row in enrolments
            if row.since <= day and (row.is_active or (row.until is not None and row.until >= day))
        )
        for day in days
    }
    over = {day: number for day, number in enrolled.items() if day < today}
    reported = await _reported(connection, tenant_id, over, yesterday=today - timedelta(days=1))
    # A device whose clock or enrolment is odd may report all the same; more than all is all.
    return [
        Coverage(day, reported[day], max(enrolled[day], reported[day]))
        if day in over
        else Coverage(day, enrolled[day], enrolled[day], is_over=False)
        for day in days
    ]


async def _reported(
    connection: Connection, tenant_id: UUID, enrolled: Mapping[date, int], *, yesterday: date
) -> dict[date, int]:
    """Devices that reported on each of some days that are over. Those before yesterday, whose last batches may still be
    committing, are counted once and remembered.
    """
    known = {day: _finished_days.get((tenant_id, day)) for day in enrolled if day < yesterday}
    reported = {day: one[1] for day, one in known.items() if one is not None and one[0] == enrolled[day]}
    missing = [day for day in enrolled if day not in reported]
    if not missing:
        return reported
    rows = _queries.devices_that_reported(connection, tenant_id=tenant_id, first=min(missing), last=max(missing))
    counted = {row.day: row.devices async for row in rows}
    for day in missing:
        reported[day] = counted.get(day, 0)
        if day < yesterday:
            _finished_days[tenant_id, day] = enrolled[day], reported[day]
    while len(_finished_days) > _MOST_FINISHED_DAYS:
        del _finished_days[next(iter(_finished_days))]
    return reported


async def reporting_shares(connection: Connection, tenant_id: UUID, days: Sequence[date]) -> dict[date, float]:
    """The share of devices that reported on days that are over, or 1 on days before the first one."""
    told = await coverage_of(connection, tenant_id, days, datetime.now(UTC))
    return {one.day: one.share if one.enrolled else 1.0 for one in told}
