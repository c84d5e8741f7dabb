"""A month's use divided into statements, and seats divided among them. Pure: rows in, statements out.

Departments are those that may be shown by themselves (usage/breakdown/departments.py); all others are one statement.
A cost centre is the sum of its departments that are shown, never of one that is not, so that no statement tells more
than the departments do. Seats are paid whatever is used and by nobody in particular: they are divided by exchanges,
which are counted; where a provider had no use in the month its seats stay with the organisation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from toktra.catalogue import Catalogue
from toktra.server.costs.assumptions import Assumptions, Kind
from toktra.server.costs.projection import Projection
from toktra.server.costs.seats import SeatCost
from toktra.server.statements.month import Month
from toktra.server.usage.breakdown.departments import OTHERS
from toktra.server.usage.breakdown.divided_days import DepartmentDay
from toktra.server.usage.coverage import Coverage


class Of(StrEnum):
    """What a statement is of, as addresses have it."""

    ORGANISATION = "organisation"
    CENTRE = "centre"
    DEPARTMENT = "department"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose statement: `key` is a department's name or a cost centre's code, empty for the two that need none."""

    of: Of
    key: str = ""
    name: str = ""
    """A cost centre's name, where it was given one."""

    @property
    def address(self) -> str:
        """As an address names it: department:Engineering."""
        return f"{self.of}:{self.key}" if self.key else self.of.value


@dataclass(frozen=True, slots=True)
class SeatShare:
    """A statement's share of one provider's seats."""

    whole: SeatCost
    exchanges: int
    of_exchanges: int
    """Of everybody. 0: nobody used it, and all of it is the organisation's."""
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One department, cost centre, the rest, or the whole organisation in one month."""

    subject: Subject
    departments: tuple[str, ...]
    """Those it is the sum of, by name; of a cost centre only."""
    withheld: tuple[str, ...]
    """Departments of the cost centre that may not be shown by themselves, and are not in it."""
    centre: Subject | None
    """The cost centre of a department."""
    projection: Projection
    seats: tuple[SeatShare, ...]

    @property
    def seats_amount(self) -> float:
        return sum(one.amount for one in self.seats)


@dataclass(frozen=True, slots=True, kw_only=True)
class Showback:
    """All statements of a month, and what they rest on."""

    month: Month
    currency: str
    currency_fault: str
    """Why figures are in US dollars and not in the currency that was chosen; empty when they are as chosen."""
    assumptions: Assumptions
    coverage: Sequence[Coverage]
    estimator_versions: tuple[str, ...]
    whole: Statement
    centres: tuple[Statement, ...]
    centres_withheld: tuple[Subject, ...]
    """Cost centres of which no department is shown by itself."""
    departments: tuple[Statement, ...]
    others: Statement | None
    """None when every department is shown."""
    by_department: bool
    """Whether any use of the month can be told by department."""

    @property
    def all(self) -> list[Statement]:
        rest = [self.others] if self.others else []
        return [self.whole, *self.centres, *self.departments, *rest]

    def find(self, address: str) -> Statement | None:
        return next((one for one in self.all if one.subject.address == address), None)


@dataclass(frozen=True, slots=True)
class Centre:
    """A cost centre and its departments, those that are shown and those that are not."""

    subject: Subject
    shown: tuple[str, ...]
    withheld: tuple[str, ...]


def rows_of_departments(divided: Iterable[DepartmentDay]) -> dict[str, list[DepartmentDay]]:
    """The rows of each department, by name, and of OTHERS at the end where there are any."""
    rows: dict[str, list[DepartmentDay]] = defaultdict(list)
    for use in divided:
        rows[use.department].append(use)
    return {name: rows[name] for name in sorted(rows, key=lambda name: (name == OTHERS, name.casefold()))}


def centres_of(assumptions: Assumptions, month: Month, shown: Iterable[str]) -> list[Centre]:
    """The cost centres of a month with their departments, by code. A department changes its centre with a month."""
    on_show = set(shown)
    names: dict[str, str] = {}
    members: dict[str, list[str]] = defaultdict(list)
    for department in assumptions.subjects(Kind.COST_CENTRE):
        centre = assumptions.cost_centre(department, month.first)
        if centre is not None:
            members[centre.code].append(department)
            names[centre.code] = names.get(centre.code) or centre.name
    return [
        Centre(
            Subject(Of.CENTRE, code, names[code]),
            tuple(name for name in own if name in on_show),
            tuple(name for name in own if name not in on_show),
        )
        for code, own in sorted(members.items())
    ]


def seat_shares(
    seats: Sequence[SeatCost], own: Iterable[DepartmentDay], whole: Mapping[str, int], catalogue: Catalogue
) -> tuple[SeatShare, ...]:
    """What a part of the rows bears of each provider's seats. `whole`: exchanges of everybody, by provider."""
    exchanges = exchanges_by_provider(own, catalogue)
    return tuple(
        SeatShare(
            seat,
            exchanges[seat.provider_id],
            whole[seat.provider_id],
            seat.amount * exchanges[seat.provider_id] / whole[seat.provider_id],
        )
        for seat in seats
        if exchanges.get(seat.provider_id)
    )


def exchanges_by_provider(rows: Iterable[DepartmentDay], catalogue: Catalogue) -> dict[str, int]:
    """Exchanges by the id of their provider."""
    found: dict[str, int] = defaultdict(int)
    for use in rows:
        provider = catalogue.find(use.provider_host)
        if provider is not None:
            found[provider.id] += use.exchanges
    return found
