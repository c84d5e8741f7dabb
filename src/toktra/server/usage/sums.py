"""Sums of use by day, for other rooms: what was used of each host."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection
from toktra.server.usage.totals import HostDay

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")
_person_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("person.sql"), "apsycopg")


async def sums_of_all(connection: Connection, tenant_id: UUID, first: date, last: date) -> list[HostDay]:
    """What was used of each host on each day (UTC) from `first` to `last`, as each version of the estimator saw it.

    From the rollup without people, which is as quick for ten thousand people as for ten.
    """
    start, end = datetime.combine(first, time(), UTC), datetime.combine(last + timedelta(days=1), time(), UTC)
    rows = _queries.sums(connection, tenant_id=tenant_id, first=start, last=end)
    return [HostDay(**row._asdict()) async for row in rows]


async def oldest_day(connection: Connection, tenant_id: UUID) -> date | None:
    """The first day (UTC) with any use; None when there is none."""
    day: date | None = await _queries.oldest_day(connection, tenant_id=tenant_id)
    return day


async def sums_by_department(
    connection: Connection, tenant_id: UUID, first: date, last: date
) -> list[tuple[str, HostDay]]:
    """What each department used of each host on each day, where use is kept by department; "" stands for none.

    Only what may be shown: departments of fewer than five people, and what hides them, are in the totals alone.
    """
    rows = _queries.sums_by_department(connection, tenant_id=tenant_id, first=first, last=last)
    return [
        (row.department, HostDay(**{k: v for k, v in row._asdict().items() if k != "department"})) async for row in rows
    ]


async def sums_of_person(
    connection: Connection, tenant_id: UUID, person_id: UUID, first: date, last: date
) -> list[HostDay]:
    """What one person used of each host on each day, where use is kept with its person."""
    rows = _person_queries.sums(connection, tenant_id=tenant_id, person_id=person_id, first=first, last=last)
    return [HostDay(**row._asdict()) async for row in rows]


async def people_on(connection: Connection, tenant_id: UUID, day: date) -> int:
    """How many people used anything on a day, where use is kept with its person."""
    number: int = await _queries.people_with_use(connection, tenant_id=tenant_id, days=[day])
    return number
