"""What is told, to whom, and how often; what a change of a budget leaves as it was."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from toktra.server.budgets import service
from toktra.server.budgets.budget import Subject, SubjectKind, Unit, Version
from toktra.server.budgets.checking import check_budgets
from toktra.server.budgets.periods import Every, Rhythm, Stretch
from toktra.server.budgets.spending import Ledger

if TYPE_CHECKING:
    from tests.server.budgets.conftest import Firm

TODAY = date(2026, 11, 20)
EARLY = date(2026, 11, 3)


async def told(firm: Firm) -> list[tuple[date, int, bool]]:
    rows = await firm.rows("select period_first, threshold, is_certain from budget_alert order by told_at, threshold")
    return [tuple(row) for row in rows]


async def letters(firm: Firm) -> list[dict[str, Any]]:
    return [row.content for row in await firm.rows("select content from mail_letter order by written_at")]


async def look(firm: Firm, day: date = TODAY) -> None:
    await check_budgets(firm.database, firm.tenant.tenant_id, day)


async def test_each_threshold_is_told_once_in_a_period_and_anew_in_the_next(firm: Firm) -> None:
    await firm.budget()
    await firm.use(firm.owner, EARLY, 700_000)
    for _ in range(2):
        await look(firm)
    first = date(2026, 11, 1)
    (half,) = [one for one in await told(firm) if one[1] == 50]
    assert half == (first, 50, True)
    assert {threshold for _first, threshold, _certain in await told(firm)} <= {50, 80}
    before = len(await told(firm))
    assert len(await letters(firm)) == before
    assert (await letters(firm))[0]["subject"] == "Whole organisation has reached 50 %"
    await firm.use(firm.owner, date(2026, 12, 2), 700_000)
    await look(firm, date(2026, 12, 2))
    assert (date(2026, 12, 1), 50, True) in await told(firm)


async def test_two_that_look_at_once_tell_once(firm: Firm) -> None:
    await firm.budget()
    await firm.use(firm.owner, EARLY, 5_000_000)
    await asyncio.gather(*(look(firm) for _ in range(4)))
    assert [threshold for _first, threshold, _certain in await told(firm)] == [50, 80, 100]
    assert len(await letters(firm)) == 3


async def test_what_the_upper_end_alone_reaches_may_have_been_reached(firm: Firm) -> None:
    await firm.use(firm.owner, EARLY, 100_000)
    budget_id = await firm.budget(thresholds=(100,), amount=Decimal(10_000_000))
    async with firm.database.tenant(firm.tenant.tenant_id) as connection:
        found = await service.find_budget(connection, firm.tenant.tenant_id, budget_id)
        assert found is not None
        ledger = Ledger(connection, firm.tenant.tenant_id, TODAY)
        spent = (await service.stands(ledger, found, found.rhythm.around(TODAY))).spent.interval
    assert spent.low < spent.high
    between = Decimal(int((spent.low + spent.high) / 2))
    await service.change(
        firm.database, firm.reader, found, Version(
            valid_from=TODAY, amount=between, currency=None, thresholds=(100,), tells_of_forecast=False,
            owner_id=firm.owner,
        )
    )  # fmt: skip
    await look(firm)
    assert await told(firm) == [(date(2026, 11, 1), 100, False)]
    (letter,) = await letters(firm)
    assert letter["subject"] == "Whole organisation may have reached 100 %"
    assert "The upper end of its range did." in letter["paragraphs"][0]


async def test_a_rolling_budget_tells_again_only_after_as_many_days(firm: Firm) -> None:
    await firm.budget(rhythm=Rhythm(Every.ROLLING, 10), thresholds=(50,))
    for back in range(40):
        await firm.use(firm.owner, TODAY - timedelta(days=back), 100_000)
    for back in (12, 11, 5, 1, 0):
        await look(firm, TODAY - timedelta(days=back))
    assert [first for first, _threshold, _certain in await told(firm)] == [
        TODAY - timedelta(days=12), TODAY - timedelta(days=1)
    ]  # fmt: skip


async def test_departments_under_five_people_are_told_of_to_nobody(firm: Firm) -> None:
    await firm.hire("Engineering", 5)
    await firm.hire("Legal", 3)
    await firm.hire("Sales", 6)
    for department in ("Engineering", "Legal", "Sales"):
        await firm.budget(Subject(SubjectKind.DEPARTMENT, department), thresholds=(50,))
        await firm.use(firm.people[department][0], EARLY, 900_000)
    await look(firm)
    subjects = {letter["subject"] for letter in await letters(firm)}
    assert subjects == {"Sales has reached 50 %"}  # Engineering is withheld as well: Legal could be subtracted


async def test_history_stays_with_the_department_of_the_day(firm: Firm) -> None:
    await firm.hire("Engineering", 6)
    await firm.hire("Sales", 6)
    for table in ("person", "department_period"):
        await firm.execute(f"update {table} set department = 'Sales' where person_id = %s", firm.owner)
    mover = firm.people["Engineering"][0]
    await firm.use(mover, date(2026, 11, 3), 600_000)
    await firm.use(mover, date(2026, 11, 12), 200_000)
    await firm.execute("insert into department_period values (%s, %s, %s, %s)", firm.tenant.tenant_id, mover,
                        date(2026, 11, 10), "Sales")  # fmt: skip
    await firm.execute("update person set department = 'Sales' where person_id = %s", mover)
    async with firm.database.tenant(firm.tenant.tenant_id) as connection:
        ledger = Ledger(connection, firm.tenant.tenant_id, TODAY)
        november = Stretch(date(2026, 11, 1), date(2026, 11, 30))
        middles = {}
        for department in ("Engineering", "Sales"):
            subject = Subject(SubjectKind.DEPARTMENT, department)
            middles[department] = (await ledger.spent(subject, Unit.TOKENS, None, november)).middle
    assert middles["Engineering"] / middles["Sales"] == pytest.approx(3, rel=0.01)


async def test_providers_people_and_seats_count_for_their_own(firm: Firm) -> None:
    await firm.hire("Engineering", 1)
    (person,) = firm.people["Engineering"]
    await firm.use(person, EARLY, 300_000)
    await firm.use(firm.owner, EARLY, 900_000, "api.anthropic.com")
    november = Stretch(date(2026, 11, 1), date(2026, 11, 30))
    async with firm.database.tenant(firm.tenant.tenant_id) as connection:
        ledger = Ledger(connection, firm.tenant.tenant_id, TODAY)

        async def middle(subject: Subject) -> float:
            return (await ledger.spent(subject, Unit.TOKENS, None, november)).middle

        of_person = await middle(Subject(SubjectKind.PERSON, person_id=person))
        of_openai = await middle(Subject(SubjectKind.PROVIDER, "openai"))
        of_all = await middle(Subject(SubjectKind.ORGANISATION))
        of_anthropic = await middle(Subject(SubjectKind.PROVIDER, "anthropic"))
    assert of_person == of_openai
    assert of_openai + of_anthropic == pytest.approx(of_all)
    assert 0 < of_openai < of_anthropic


async def test_of_a_persons_budget_no_figure_leaves_the_ledger(firm: Firm) -> None:
    await firm.hire("Engineering", 1)
    (person,) = firm.people["Engineering"]
    await firm.budget(Subject(SubjectKind.PERSON, person_id=person), thresholds=(50,))
    await firm.use(person, EARLY, 900_000)
    await look(firm)
    first, letter = await letters(firm)
    assert first["subject"] == "A budget was set for your AI use"
    (to, _owner) = await firm.rows("select person_id from mail_letter order by written_at")
    assert to.person_id == person
    assert letter["subject"] == "Engineering 0 has reached 50 %"
    assert [fact["name"] for fact in letter["facts"]] == ["Period"]


async def test_a_currency_without_a_rate_is_said_and_told_of_once_there_is_one(firm: Firm) -> None:
    await firm.use(firm.owner, EARLY, 900_000_000)
    await firm.budget(currency="CHF", amount=Decimal(1), thresholds=(100,))
    await look(firm)
    assert await told(firm) == []
    async with firm.database.tenant(firm.tenant.tenant_id) as connection:
        (now,) = await service.how_they_stand(connection, firm.tenant.tenant_id, TODAY)
    assert "There is no exchange rate for CHF" in now.fault
    await firm.execute(
        "insert into cost_assumption (tenant_id, kind, subject, valid_from, value) "
        """values (%s, 'exchange_rate', 'CHF', '2026-01-01', '{"per_usd": 0.9}')""",
        firm.tenant.tenant_id,
    )
    await look(firm)
    assert await told(firm) == [(date(2026, 11, 1), 100, True)]


async def test_a_period_is_closed_with_the_amount_that_was_in_force_and_no_change_reaches_it(firm: Firm) -> None:
    budget_id = await firm.budget(amount=Decimal(1_000_000))
    await firm.use(firm.owner, date(2026, 10, 31), 600_000)
    async with firm.database.tenant(firm.tenant.tenant_id) as connection:
        found = await service.find_budget(connection, firm.tenant.tenant_id, budget_id)
    assert found is not None
    await service.change(
        firm.database, firm.reader, found, Version(
            valid_from=date(2026, 11, 1), amount=Decimal(5), currency=None, thresholds=(), tells_of_forecast=False,
            owner_id=None,
        )
    )  # fmt: skip
    await look(firm, date(2026, 11, 2))
    assert await firm.rows("select * from budget_period") == []  # devices may still report
    await look(firm, date(2026, 11, 3))
    await look(firm, date(2026, 11, 3))
    (closed,) = await firm.rows("select period_first, period_last, amount, low, high from budget_period")
    assert closed[:3] == (date(2026, 10, 1), date(2026, 10, 31), Decimal(1_000_000))
    assert 0 < closed.low < 600_000 < closed.high
    assert (date(2026, 10, 1), 50, True) in await told(firm)  # missed while it ran, told all the same


async def test_an_ended_budget_tells_nobody_and_keeps_its_history(firm: Firm) -> None:
    budget_id = await firm.budget()
    async with firm.database.tenant(firm.tenant.tenant_id) as connection:
        found = await service.find_budget(connection, firm.tenant.tenant_id, budget_id)
    assert found is not None
    await service.end(firm.database, firm.reader, found, TODAY)
    await firm.use(firm.owner, EARLY, 5_000_000)
    await look(firm)
    assert await told(firm) == []
    tags = [row.tag for row in await firm.rows("select tag from audit_entry order by number")]
    assert tags == ["budget:changed", "budget:changed"]
