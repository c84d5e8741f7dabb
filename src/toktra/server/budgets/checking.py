"""Looks at every budget a few times an hour: tells of each threshold once in a period, and closes what is over.

A period is closed some days after its end, so that devices which were offline are in it. An alert and its messages are
one transaction: whoever looks at the same time waits, and finds it told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.budgets import wording
from toktra.server.budgets.budget import FORECAST, Budget
from toktra.server.budgets.periods import Every, Stretch
from toktra.server.budgets.service import budgets_of, stands
from toktra.server.budgets.spending import Ledger, NotShown
from toktra.server.budgets.standing import Reached, Standing
from toktra.server.costs.currency import NoExchangeRate
from toktra.server.database.pool import Connection, Database
from toktra.server.jobs import Work, periodic_job
from toktra.server.mail import post
from toktra.server.people.names import names_of
from toktra.server.webhooks.service import announce

CLOSED_AFTER: Final = timedelta(days=3)
"""How long after its end a period takes in what devices report late."""

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


@periodic_job("budgets:check", cron="*/10 * * * *")
async def check(work: Work) -> None:
    await check_budgets(work.database, work.tenant_id, datetime.now(UTC).date())


async def check_budgets(database: Database, tenant_id: UUID, today: date) -> None:
    """Everything that is to be told or closed as of a day (UTC). Safe to repeat, also at the same time."""
    async with database.tenant(tenant_id) as connection:
        budgets = await budgets_of(connection, tenant_id)
    people = [one.subject.person_id for one in budgets if one.subject.person_id]
    names = await names_of(database, tenant_id, people)
    for budget in budgets:
        async with database.tenant(tenant_id) as connection:
            await _Check(connection, tenant_id, Ledger(connection, tenant_id, today), names).look(budget)


@dataclass(frozen=True, slots=True)
class _Check:
    """One organisation's look, within one transaction."""

    connection: Connection
    tenant_id: UUID
    ledger: Ledger
    names: dict[UUID, str]

    async def look(self, budget: Budget) -> None:
        of = {"tenant_id": self.tenant_id, "budget_id": budget.budget_id}
        if await _queries.lock_budget(self.connection, **of) is None:
            return
        today = self.ledger.today
        if budget.is_open and budget.starts_on <= today:
            await self._tell_of(budget, budget.rhythm.around(today))
        for stretch in await self._to_close(budget):
            await self._tell_of(budget, stretch)
            await self._close(budget, stretch)

    async def _to_close(self, budget: Budget) -> list[Stretch]:
        """Periods that are over for long enough and not yet closed, oldest first. Rolling ones have no end."""
        if budget.rhythm.every is Every.ROLLING:
            return []
        last: date | None = await _queries.last_closed(
            self.connection, tenant_id=self.tenant_id, budget_id=budget.budget_id
        )
        until = self.ledger.today - CLOSED_AFTER
        first = budget.rhythm.around(budget.starts_on).first
        over = list(budget.rhythm.ended_between(first, until))[::-1]
        ended = budget.ended_on or date.max
        return [one for one in over if (last is None or one.first > last) and one.first <= ended]

    async def _tell_of(self, budget: Budget, stretch: Stretch) -> None:
        try:
            found = await stands(self.ledger, budget, stretch)
        except (NotShown, NoExchangeRate):  # pages say so; once it can be said, it is
            return
        since = stretch.first
        rows = _queries.told(self.connection, tenant_id=self.tenant_id, budget_id=budget.budget_id, since=since)
        told = {row.threshold async for row in rows}
        for reached in found.reached():
            if reached.threshold not in told:
                await self._tell(budget, found, reached)

    async def _tell(self, budget: Budget, found: Standing, reached: Reached) -> None:
        rolls = budget.rhythm.every is Every.ROLLING
        interval = found.spent.interval
        if reached.threshold == FORECAST and found.forecast is not None:
            interval = found.forecast.total
        told = wording.Told(
            budget=budget,
            name=wording.name_of(budget.subject, self.names),
            period=budget.rhythm.name(found.stretch),
            threshold=reached.threshold,
            is_certain=reached.is_certain,
            version=found.version,
            interval=interval,
        )
        # A rolling period begins anew every day: told once, a threshold is not told again for as many days as it has.
        await _queries.add_alert(
            self.connection,
            tenant_id=self.tenant_id,
            budget_id=budget.budget_id,
            period_first=found.stretch.last if rolls else found.stretch.first,
            threshold=reached.threshold,
            is_certain=reached.is_certain,
            amount=found.version.amount,
            low=interval.low,
            high=interval.high,
            currency=found.version.currency,
        )
        if found.version.owner_id is not None:
            await post(self.connection, self.tenant_id, wording.letter(told), person_id=found.version.owner_id)
        await announce(self.connection, self.tenant_id, "budget.threshold_reached", wording.event(told))

    async def _close(self, budget: Budget, stretch: Stretch) -> None:
        version = budget.on(stretch.last)
        low = high = fault = None
        try:
            found = await stands(self.ledger, budget, stretch)
            low, high = found.spent.interval.low, found.spent.interval.high
        except NotShown:
            fault = "not-shown"
        except NoExchangeRate:
            fault = "no-rate"
        await _queries.add_period(
            self.connection,
            tenant_id=self.tenant_id,
            budget_id=budget.budget_id,
            period_first=stretch.first,
            period_last=stretch.last,
            amount=version.amount,
            currency=version.currency,
            low=low,
            high=high,
            fault=fault,
        )
