"""Use that is attributed to no person: how its days are closed, and how what was kept of persons becomes such sums.

A day's sums grow until it is over; then it is decided, once, which of its groups' figures may be shown, and only then
do they go into the totals (usage_hourly). So nobody can look twice and subtract.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection
from toktra.server.usage.discretion import CROWD
from toktra.server.usage.suppression import total_may_be_shown, withheld

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("groups.sql"), "apsycopg")


async def wait_for_batches(connection: Connection, tenant_id: UUID) -> None:
    """Until the caller's transaction ends, no batch of the organisation is taken in; none is under way."""
    await _queries.wait_for_batches(connection, tenant_id=tenant_id)


async def close_days(connection: Connection, tenant_id: UUID) -> int:
    """Closes the days that are over, within the caller's transaction; answers how many there were. Safe to repeat."""
    today: date = await _queries.today(connection)
    if not await _open_days(connection, tenant_id, today):
        return 0
    await wait_for_batches(connection, tenant_id)
    days = await _open_days(connection, tenant_id, today)  # again: someone else may have closed them meanwhile
    for day in days:
        by_department = await _queries.has_departments(connection, tenant_id=tenant_id, day=day)
        rows = _queries.people_reporting(connection, tenant_id=tenant_id, day=day, by_department=by_department)
        await _close(connection, tenant_id, day, {row.department: row.people async for row in rows})
    return len(days)


async def forget_people_of_oldest_day(connection: Connection, tenant_id: UUID, *, by_department: bool) -> bool:
    """Turns the oldest day's use by person into sums of groups, and deletes its events. False when there is none left.

    Within the caller's transaction. Its hours go, too: at these levels nothing finer than a day is kept.
    """
    await wait_for_batches(connection, tenant_id)
    day: date | None = await _queries.oldest_day_by_person(connection, tenant_id=tenant_id)
    if day is None:
        await _queries.delete_all_events(connection, tenant_id=tenant_id)
        return False
    of = {"tenant_id": tenant_id, "day": day}
    today: date = await _queries.today(connection)
    rows = _queries.people_of_day(connection, **of, by_department=by_department)
    people = {row.department: row.people async for row in rows}
    await _queries.sum_day_by_group(connection, **of, into_day=min(day, today), by_department=by_department)
    await _queries.delete_hours(connection, **of)
    first = datetime.combine(day, time(), UTC)
    await _queries.delete_events(connection, tenant_id=tenant_id, first=first, last=first + timedelta(days=1))
    if day < today:
        await _close(connection, tenant_id, day, people)
    return True


async def forget_departments(connection: Connection, tenant_id: UUID) -> None:
    """Makes all that is kept by department the organisation's, within the caller's transaction."""
    await wait_for_batches(connection, tenant_id)
    await _queries.merge_departments(connection, tenant_id=tenant_id)
    await _queries.merge_closed_days(connection, tenant_id=tenant_id, crowd=CROWD)


async def _open_days(connection: Connection, tenant_id: UUID, today: date) -> list[date]:
    return [row.day async for row in _queries.days_to_close(connection, tenant_id=tenant_id, today=today)]


async def _close(connection: Connection, tenant_id: UUID, day: date, people: Mapping[str, int]) -> None:
    """Decides what of a day is shown."""
    of = {"tenant_id": tenant_id, "day": day}
    with_use = {row.department: 0 async for row in _queries.departments_of_day(connection, **of)}
    groups = {**with_use, **people}
    shows_total = total_may_be_shown(groups)
    hidden = withheld(groups)
    for department, number in groups.items():
        is_shown = shows_total and department not in hidden
        await _queries.close_group(connection, **of, department=department, people=number, is_shown=is_shown)
    if shows_total:
        await _queries.add_day_to_totals(connection, **of)
