"""Budgets as they are kept: made, changed from a day on, ended, and read with their history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.budgets import wording
from toktra.server.budgets.budget import Budget, Subject, SubjectKind, Unit, Version
from toktra.server.budgets.entering import Entered, Entering
from toktra.server.budgets.periods import Every, Rhythm, Stretch
from toktra.server.budgets.spending import Ledger, NotShown
from toktra.server.budgets.standing import Standing, standing
from toktra.server.costs import service as costs
from toktra.server.costs.assumptions import BASE_CURRENCY, Kind
from toktra.server.costs.currency import NoExchangeRate
from toktra.server.costs.ranges import Interval
from toktra.server.database.pool import Connection, Database
from toktra.server.mail import post
from toktra.server.people.names import active_emails
from toktra.server.people.signed_in import SignedIn
from toktra.server.tenants.attribution import attribution_of
from toktra.server.usage.breakdown.departments import departments_shown
from toktra.server.web.access import Action, Role, may

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

_MOST_ALERTS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message that was sent: a threshold, once in a period."""

    budget_id: UUID
    period_first: date
    threshold: int
    is_certain: bool
    told_at: datetime
    amount: float
    interval: Interval
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A period that is over, as it was when it was closed."""

    stretch: Stretch
    amount: float
    currency: str | None
    interval: Interval | None
    """None when it was not shown or had no rate."""
    fault: str | None


@dataclass(frozen=True, slots=True)
class Now:
    """A budget and how its running period stands, or why that cannot be said."""

    budget: Budget
    standing: Standing | None
    fault: str = ""
    is_withheld: bool = False


async def budgets_of(connection: Connection, tenant_id: UUID) -> list[Budget]:
    """All of an organisation's, also those that are ended, oldest first."""
    rows = [row async for row in _queries.budgets(connection, tenant_id=tenant_id)]
    return [_budget(list(group)) for _key, group in groupby(rows, key=attrgetter("budget_id"))]


async def find_budget(connection: Connection, tenant_id: UUID, budget_id: UUID) -> Budget | None:
    return next((one for one in await budgets_of(connection, tenant_id) if one.budget_id == budget_id), None)


async def stands(ledger: Ledger, budget: Budget, stretch: Stretch) -> Standing:
    """How a period stands. Raises NotShown or NoExchangeRate."""
    version = budget.on(min(stretch.last, ledger.today))
    spent = await ledger.spent(budget.subject, budget.unit, version.currency, stretch)
    return standing(stretch, version, spent, rolls=budget.rhythm.every is Every.ROLLING)


async def how_they_stand(connection: Connection, tenant_id: UUID, today: date) -> list[Now]:
    """Every open budget with its running period."""
    ledger = Ledger(connection, tenant_id, today)
    return [await now_of(ledger, budget) for budget in await budgets_of(connection, tenant_id) if budget.is_open]


async def budgets_of_person(connection: Connection, tenant_id: UUID, person_id: UUID, today: date) -> list[Now]:
    """The open budgets that are for one person, for that person to read."""
    ledger = Ledger(connection, tenant_id, today)
    return [
        await now_of(ledger, budget)
        for budget in await budgets_of(connection, tenant_id)
        if budget.is_open and budget.subject.person_id == person_id
    ]


async def now_of(ledger: Ledger, budget: Budget) -> Now:
    try:
        return Now(budget, await stands(ledger, budget, budget.rhythm.around(ledger.today)))
    except NotShown:
        return Now(budget, None, is_withheld=True)
    except NoExchangeRate as fault:
        return Now(budget, None, fault=str(fault))


async def add(database: Database, reader: SignedIn, entered: Entered) -> UUID:
    """Makes a budget, in force from its first version's day on. Whoever it is for is written to."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        return await add_within(connection, reader, entered)


async def add_within(connection: Connection, reader: SignedIn, entered: Entered) -> UUID:
    """The same within the caller's transaction, as are the two below."""
    tenant_id = reader.tenant.tenant_id
    budget_id: UUID = await _queries.add_budget(
        connection,
        tenant_id=tenant_id,
        subject_kind=entered.subject.kind.value,
        subject=entered.subject.key,
        person_id=entered.subject.person_id,
        unit=entered.unit.value,
        period=entered.rhythm.every.value,
        rolling_days=entered.rhythm.rolling_days,
        starts_on=entered.version.valid_from,
    )
    await _add_version(connection, reader, budget_id, entered.version)
    if entered.subject.person_id is not None:
        letter = wording.letter_to_the_person(entered.version, entered.rhythm, reader.display_name)
        await post(connection, tenant_id, letter, person_id=entered.subject.person_id)
    await _record(connection, reader, budget_id, entered.version, done="made", about=entered.subject)
    return budget_id


async def change(database: Database, reader: SignedIn, budget: Budget, version: Version) -> None:
    """Says something else of a budget from a day on. What was in force before stays on its days."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        await change_within(connection, reader, budget, version)


async def change_within(connection: Connection, reader: SignedIn, budget: Budget, version: Version) -> None:
    await _add_version(connection, reader, budget.budget_id, version)
    await _record(connection, reader, budget.budget_id, version, done="changed", about=budget.subject)


async def end(database: Database, reader: SignedIn, budget: Budget, today: date) -> None:
    """Ends a budget; its history stays."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        await end_within(connection, reader, budget, today)


async def end_within(connection: Connection, reader: SignedIn, budget: Budget, today: date) -> None:
    tenant_id = reader.tenant.tenant_id
    await _queries.end_budget(connection, tenant_id=tenant_id, budget_id=budget.budget_id, ended_on=today)
    await _record(connection, reader, budget.budget_id, budget.on(today), done="ended", about=budget.subject)


async def entering(connection: Connection, tenant_id: UUID, today: date, *, may_name_people: bool) -> Entering:
    """What new entries are checked against. `may_name_people`: whether this reader may make budgets of persons."""
    attribution = await attribution_of(connection, tenant_id)
    return Entering(
        departments=await departments_shown(connection, tenant_id, today, today),
        providers={provider.id for provider in costs.catalogue().providers},
        people=await active_emails(connection, tenant_id),
        may_name_people=may_name_people and attribution.names_people,
        currencies=await currencies(connection, tenant_id, today),
        today=today,
    )


async def currencies(connection: Connection, tenant_id: UUID, today: date) -> list[str]:
    """Those with a rate, the one of figures first."""
    assumed = await costs.assumptions_of(connection, tenant_id)
    usual = assumed.currency(today)
    return list(dict.fromkeys([usual, BASE_CURRENCY, *assumed.subjects(Kind.EXCHANGE_RATE)]))


def may_know_of(role: Role, budget: Budget) -> bool:
    """Whether someone in this role is told of a budget."""
    is_person = budget.subject.kind is SubjectKind.PERSON
    return may(role, Action.READ_PERSON_BUDGETS if is_person else Action.READ_BUDGETS)


def may_change(role: Role, budget: Budget) -> bool:
    is_person = budget.subject.kind is SubjectKind.PERSON
    return may(role, Action.CHANGE_PERSON_BUDGETS if is_person else Action.CHANGE_BUDGETS)


async def alerts(connection: Connection, tenant_id: UUID, most: int) -> list[Alert]:
    """The newest messages of all budgets."""
    rows = _queries.alerts(connection, tenant_id=tenant_id, most=most)
    return [
        Alert(
            budget_id=row.budget_id,
            period_first=row.period_first,
            threshold=row.threshold,
            is_certain=row.is_certain,
            told_at=row.told_at,
            amount=float(row.amount),
            interval=Interval(row.low, row.high),
            currency=row.currency,
        )
        async for row in rows
    ]


async def alerts_about(connection: Connection, tenant_id: UUID, person_id: UUID) -> list[Alert]:
    """Every message about budgets that are for one person, newest first, for the copy of that person's data."""
    theirs = {one.budget_id for one in await budgets_of(connection, tenant_id) if one.subject.person_id == person_id}
    found = await alerts(connection, tenant_id, _MOST_ALERTS) if theirs else []
    return [one for one in found if one.budget_id in theirs]


async def closed_periods(connection: Connection, tenant_id: UUID, budget_id: UUID) -> list[Closed]:
    """A budget's periods that are over, newest first."""
    rows = _queries.periods(connection, tenant_id=tenant_id, budget_id=budget_id)
    return [
        Closed(
            stretch=Stretch(row.period_first, row.period_last),
            amount=float(row.amount),
            currency=row.currency,
            interval=None if row.low is None else Interval(row.low, row.high),
            fault=row.fault,
        )
        async for row in rows
    ]


async def _add_version(connection: Connection, reader: SignedIn, budget_id: UUID, version: Version) -> None:
    await _queries.add_version(
        connection,
        tenant_id=reader.tenant.tenant_id,
        budget_id=budget_id,
        valid_from=version.valid_from,
        amount=version.amount,
        currency=version.currency,
        thresholds=list(version.thresholds),
        tells_of_forecast=version.tells_of_forecast,
        owner_id=version.owner_id,
        set_by=reader.person_id,
    )


async def _record(
    connection: Connection, reader: SignedIn, budget_id: UUID, version: Version, *, done: str, about: Subject
) -> None:
    after: Mapping[str, str] = {
        "budget": str(budget_id),
        "for": about.kind.value,
        "done": done,
        "amount": f"{version.amount} {version.currency or 'tokens'}",
        "valid_from": version.valid_from.isoformat(),
    }
    await audit.record(
        connection,
        reader.tenant.tenant_id,
        Tag.BUDGET_CHANGED,
        reader.actor,
        subject_id=about.person_id,
        after=dict(after),
    )


def _budget(rows: list[Any]) -> Budget:
    row = rows[0]
    return Budget(
        budget_id=row.budget_id,
        subject=Subject(SubjectKind(row.subject_kind), row.subject, row.person_id),
        unit=Unit(row.unit),
        rhythm=Rhythm(Every(row.period), row.rolling_days),
        starts_on=row.starts_on,
        ended_on=row.ended_on,
        versions=tuple(
            Version(
                valid_from=one.valid_from,
                amount=one.amount,
                currency=one.currency,
                thresholds=tuple(one.thresholds),
                tells_of_forecast=one.tells_of_forecast,
                owner_id=one.owner_id,
                set_by=one.set_by,
                set_at=one.set_at,
            )
            for one in rows
        ),
    )
