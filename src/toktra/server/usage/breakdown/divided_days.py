"""Use that is kept with its person, by department, of days that are over; each day is divided once and remembered.

Dividing a day reads a row for each of its people and providers: two seconds for two months of 10,000 people. What is
remembered of a day is told only as long as nothing it came from has changed: not the day's sums, which late records and
erasures change, and nothing of what divides them (see what_divides). So parts and total are always of one state, and
nothing can be found by subtracting one from the other.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection
from toktra.server.usage.totals import HostDay

REMEMBERED_S: Final = 3600.0
"""No longer than this, so that what the nightly deletion took is gone from here too."""
_MOST_DAYS: Final = 2000
"""Of all organisations together; about 10 kB each."""

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("departments.sql"), "apsycopg")


class DepartmentDay(HostDay, frozen=True, kw_only=True):
    """A row of one department, or of all others together."""

    department: str


@dataclass(frozen=True, slots=True)
class _Divided:
    """One day, and what it came from."""

    whole: frozenset[HostDay]
    by: tuple[Any, ...]
    since: float
    uses: tuple[DepartmentDay, ...]


_divided: Final[dict[tuple[UUID, date], _Divided]] = {}


async def what_divides(connection: Connection, tenant_id: UUID) -> tuple[Any, ...]:
    """Equal as long as nothing has changed that divides days in another way without changing their sums."""
    return tuple(await _queries.what_divides(connection, tenant_id=tenant_id))


async def divided_days(
    connection: Connection, tenant_id: UUID, days: Sequence[date], everything: Iterable[HostDay], by: tuple[Any, ...]
) -> list[DepartmentDay]:
    """The use of each day by department, "" for none; `everything` are the days' rows undivided, `by` what divides.

    Every department is in it, also those that may not be shown: that is for the caller to withhold.
    """
    whole: dict[date, set[HostDay]] = defaultdict(set)
    for use in everything:
        whole[use.day].add(use)
    now = time.monotonic()
    known: dict[date, tuple[DepartmentDay, ...]] = {}
    for day in days:
        found = _divided.get((tenant_id, day))
        if found and found.by == by and found.whole == whole[day] and now - found.since < REMEMBERED_S:
            known[day] = found.uses
    missing = [day for day in days if day not in known]
    made: dict[date, list[DepartmentDay]] = defaultdict(list)
    if missing:
        async for row in _queries.use_by_department(connection, tenant_id=tenant_id, days=missing):
            made[row.day].append(DepartmentDay(**row._asdict()))
    for day in missing:
        known[day] = tuple(made[day])
        _divided.pop((tenant_id, day), None)
        _divided[tenant_id, day] = _Divided(frozenset(whole[day]), by, now, known[day])
    while len(_divided) > _MOST_DAYS:
        del _divided[next(iter(_divided))]
    return [use for day in days for use in known[day]]
