"""What was spent of a budget, read from the ledger: the same figures as everywhere else, with the same discretion.

A department counts with its days that are over, and only while five people or more stand behind it; what is not shown
there is not told by an alert either. Seats are money that no token changes: they are in budgets of money for the whole
organisation or one provider, whose seats they are; they belong to no department and no person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from toktra.server.budgets.budget import Subject, SubjectKind, Unit
from toktra.server.budgets.periods import Stretch
from toktra.server.budgets.standing import Spent
from toktra.server.costs import service as costs
from toktra.server.costs.projection import Pricing, project_together
from toktra.server.costs.ranges import Interval
from toktra.server.costs.seats import seat_costs
from toktra.server.database.pool import Connection
from toktra.server.usage.breakdown.departments import by_department, departments_shown
from toktra.server.usage.breakdown.forecast import LOOK_BACK_DAYS
from toktra.server.usage.coverage import reporting_shares
from toktra.server.usage.period import Window
from toktra.server.usage.sums import oldest_day, sums_of_all, sums_of_person
from toktra.server.usage.totals import HostDay

_DAY: Final = timedelta(days=1)


Growth = Callable[[date], Interval]
"""What had been spent by the end of a day."""


class NotShown(Exception):
    """Fewer than five people stand behind this department, or use is not kept by department."""


class Ledger:
    """Reads what was spent, for one organisation and one day; what several budgets need is read once."""

    def __init__(self, connection: Connection, tenant_id: UUID, today: date) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self.today = today
        self._all: dict[tuple[date, date], list[HostDay]] = {}
        self._pricing: dict[tuple[date, date, bool], Pricing] = {}

    async def spent(self, subject: Subject, unit: Unit, currency: str | None, stretch: Stretch) -> Spent:
        """What `subject` spent in a period up to today. Raises NotShown, or NoExchangeRate for an amount of money."""
        upto = min(stretch.last, self.today - _DAY if subject.kind is SubjectKind.DEPARTMENT else self.today)
        first = min(stretch.first, upto - timedelta(days=LOOK_BACK_DAYS))
        rows = await self._rows(subject, Stretch(first, upto), stretch)
        counting = await self._counting(subject, unit, currency, first, upto)
        of_period = [row for row in rows if row.day >= stretch.first]
        interval, middle = counting.sum(of_period, max(first, stretch.first), upto)
        return Spent(interval, middle, await self._history(rows, counting, upto), upto)

    async def growth(self, subject: Subject, unit: Unit, currency: str | None, stretch: Stretch) -> Growth:
        """What had been spent by the end of any day of a period that is over. Raises as `spent`."""
        rows = await self._rows(subject, stretch, stretch)
        counting = await self._counting(subject, unit, currency, stretch.first, stretch.last)

        def by(day: date) -> Interval:
            return counting.sum([row for row in rows if row.day <= day], stretch.first, day)[0]

        return by

    async def first_day(self) -> date | None:
        """The first day with any use."""
        return await oldest_day(self._connection, self._tenant_id)

    async def _rows(self, subject: Subject, read: Stretch, shown: Stretch) -> Sequence[HostDay]:
        if subject.kind is SubjectKind.PERSON:
            if subject.person_id is None:
                raise ValueError("a budget of a person names the person")
            return await sums_of_person(self._connection, self._tenant_id, subject.person_id, read.first, read.last)
        everything = await self._everything(read.first, read.last)
        if subject.kind is SubjectKind.PROVIDER:
            return [row for row in everything if _provider_of(row.provider_host) == subject.key]
        if subject.kind is SubjectKind.ORGANISATION:
            return everything
        last = min(shown.last, read.last)
        if subject.key not in await departments_shown(self._connection, self._tenant_id, shown.first, last):
            raise NotShown
        window = Window(_midnight(read.first), _midnight(read.last + _DAY))
        divided = await by_department(self._connection, self._tenant_id, [window], everything)
        return [row for row in divided if row.department == subject.key]

    async def _everything(self, first: date, last: date) -> list[HostDay]:
        if (first, last) not in self._all:
            self._all[first, last] = await sums_of_all(self._connection, self._tenant_id, first, last)
        return self._all[first, last]

    async def _counting(self, subject: Subject, unit: Unit, currency: str | None, first: date, last: date) -> _Counting:
        is_of_one = subject.kind is SubjectKind.PERSON
        if (first, last, is_of_one) not in self._pricing:
            under = costs.pricing if is_of_one else costs.shared_pricing
            self._pricing[first, last, is_of_one] = await under(self._connection, self._tenant_id, first, last)
        pricing = self._pricing[first, last, is_of_one]
        return _Counting(replace(pricing, currency=currency) if currency else pricing, unit, subject)

    async def _history(self, rows: Sequence[HostDay], counting: _Counting, upto: date) -> dict[date, float]:
        of_day: dict[date, list[HostDay]] = defaultdict(list)
        for row in rows:
            if row.day < self.today and upto - row.day <= timedelta(days=LOOK_BACK_DAYS):
                of_day[row.day].append(row)
        if not of_day:
            return {}
        first = min(of_day)
        days = [first + timedelta(days=place) for place in range((min(upto, self.today - _DAY) - first).days + 1)]
        reported = await reporting_shares(self._connection, self._tenant_id, days)
        return {day: counting.sum(of_day[day], day, day)[1] for day in days if of_day[day] or reported.get(day, 0) > 0}


class _Counting:
    """Turns rows into what a budget is counted in."""

    def __init__(self, pricing: Pricing, unit: Unit, subject: Subject) -> None:
        self._pricing = pricing
        self._unit = unit
        self._subject = subject

    def sum(self, rows: Iterable[HostDay], first: date, last: date) -> tuple[Interval, float]:
        """The range, and its middle. Raises NoExchangeRate."""
        projected = project_together(rows, self._pricing)
        if self._unit is Unit.TOKENS:
            return projected.tokens, projected.tokens_middle
        cost = projected.cost or Interval(0.0, 0.0)
        seats = self._seats(first, last)
        return Interval(cost.low + seats, cost.high + seats), (cost.low + cost.high) / 2 + seats

    def _seats(self, first: date, last: date) -> float:
        if self._subject.kind not in (SubjectKind.ORGANISATION, SubjectKind.PROVIDER) or last < first:
            return 0.0
        rates, currency = self._pricing.rates, self._pricing.currency
        return sum(
            one.amount
            for one in seat_costs(rates.assumptions, rates.catalogue, first, last, currency)
            if self._subject.key in ("", one.provider_id)
        )


def _provider_of(host: str) -> str | None:
    provider = costs.catalogue().find(host)
    return provider.id if provider else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
