"""Use divided by department, so that no group of fewer than five people is shown, nor can be found by subtracting.

Where use is kept with its person, it counts with the department the person was in on that day; where it is kept by
department, the sums are there already. What may not be shown by itself, and use without a department, is the rest of
the total: "all others together". Only days that are over: a total that grows while it is watched would tell when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection
from toktra.server.usage.breakdown.divided_days import DepartmentDay, divided_days, what_divides
from toktra.server.usage.period import Window
from toktra.server.usage.sums import sums_by_department
from toktra.server.usage.suppression import withheld
from toktra.server.usage.totals import HostDay

OTHERS: Final = ""
"""Stands for all that is not shown by department."""
_COUNTED: Final = ("exchanges", "request_bytes", "response_bytes", "input_tokens", "output_tokens")

_amounts: Final[Callable[[HostDay], tuple[int, ...]]] = attrgetter(*_COUNTED)
_place: Final[Callable[[HostDay], tuple[Any, ...]]] = attrgetter("day", "provider_host", "estimator_version")


@dataclass(frozen=True, slots=True)
class Division:
    """What divides some days by department, and the departments that are shown of them, by name."""

    by: tuple[Any, ...]
    shown: tuple[str, ...]


_MOST_DIVISIONS: Final = 500
_divisions: Final[dict[tuple[UUID, date, date], Division]] = {}

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("departments.sql"), "apsycopg")


async def by_department(
    connection: Connection,
    tenant_id: UUID,
    windows: Sequence[Window],
    everything: Iterable[HostDay],
    division: Division | None = None,
) -> list[DepartmentDay]:
    """The rows of windows of whole days that are over, divided; `everything` are their rows undivided.

    `division`: what `division_of` says of all these days, when the caller has asked already.
    """
    if division is None:
        first, last = min(window.first_day for window in windows), max(window.last_day for window in windows)
        division = await division_of(connection, tenant_id, first, last)
    by_name = frozenset(division.shown)
    whole = dict.fromkeys(everything)  # windows may overlap
    days: dict[date, None] = {}
    kept: list[DepartmentDay] = []
    for window in windows:
        for department, use in await sums_by_department(connection, tenant_id, window.first_day, window.last_day):
            if department != OTHERS and use.day not in days:
                kept.append(_of(use, department))
        days |= dict.fromkeys(window.days)
    divided = await divided_days(connection, tenant_id, list(days), whole, division.by)
    named = [*(use for use in divided if use.department in by_name), *kept]
    return [*named, *_rest(whole, named)]


async def departments_shown(connection: Connection, tenant_id: UUID, first: date, last: date) -> list[str]:
    """The departments whose use of these days is shown by itself, by name. No other may be, whatever it is called."""
    return list((await division_of(connection, tenant_id, first, last)).shown)


async def division_of(connection: Connection, tenant_id: UUID, first: date, last: date) -> Division:
    """How use of these days divides. Who is in which department is counted again only when that has changed."""
    by = await what_divides(connection, tenant_id)
    place = tenant_id, first, last
    known = _divisions.pop(place, None)
    if known is None or known.by != by:
        rows = _queries.people_by_department(connection, tenant_id=tenant_id, first=first, last=last)
        people = {row.department: row.people async for row in rows}
        shown = sorted(people.keys() - withheld(people) - {OTHERS}, key=str.casefold)
        known = Division(by, tuple(shown))
    _divisions[place] = known
    while len(_divisions) > _MOST_DIVISIONS:
        del _divisions[next(iter(_divisions))]
    return known


def _rest(everything: Iterable[HostDay], shown: Iterable[HostDay]) -> list[DepartmentDay]:
    """What is in the total and in no department that is shown."""
    taken: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(_COUNTED))
    for use in shown:
        amounts = taken[_place(use)]
        for number, amount in enumerate(_amounts(use)):
            amounts[number] += amount
    rest = []
    for use in everything:
        left = {
            name: max(0, all_ - own)
            for name, all_, own in zip(_COUNTED, _amounts(use), taken[_place(use)], strict=True)
        }
        if any(left.values()):
            rest.append(_of(use, OTHERS, **left))
    return rest


def _of(use: HostDay, department: str, **changes: int) -> DepartmentDay:
    own = {name: getattr(use, name) for name in HostDay.__struct_fields__}
    return DepartmentDay(**own | changes, department=department)
