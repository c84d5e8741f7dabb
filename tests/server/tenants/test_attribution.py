"""Levels of attribution: what is kept at each, what may be shown of it, and what a change does to what was kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from toktra.server.audit.service import Actor
from toktra.server.database.pool import Database
from toktra.server.ingest.groups import close_days
from toktra.server.tenants.attribution import Change, Level, NothingToChange, attribution_of, change
from toktra.server.tenants.clearing import clear
from toktra.server.usage.discretion import CROWD
from toktra.server.usage.sums import sums_by_department, sums_of_all

DEPARTMENTS = ("", "Design", "Legal", "Sales")
DAYS = (1, 2, 9)
ACTOR = Actor.system()

Used = list[tuple[int, int, int]]
"""Person, days ago, host."""


Run = Callable[[Callable[[Database], Awaitable[Any]]], Any]


@pytest.fixture(scope="module")
def run(module_urls: Any) -> Iterator[Run]:
    """Does something with the server's pool, which is open for the whole module."""
    with asyncio.Runner() as runner:
        database = Database(module_urls.app, connections=2)
        runner.run(database.open())
        yield lambda work: runner.run(_awaited(work(database)))
        runner.run(database.close())


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


async def to_level(database: Database, firm: Any, level: Level, now: datetime | None = None) -> Change:
    async with database.tenant(firm.tenant_id) as connection:
        more = level > (await attribution_of(connection, firm.tenant_id)).decided
        reason = "Agreed with the works council"
        made = await change(connection, firm.tenant_id, ACTOR, level, reason, more=more, now=now or datetime.now(UTC))
    await clear(database, firm.tenant_id)
    return made


async def shown(database: Database, firm: Any) -> list[int]:
    """Every figure there is: of the firm and of departments, by day."""
    first, last = firm.today - timedelta(days=30), firm.today
    async with database.tenant(firm.tenant_id) as connection:
        await close_days(connection, firm.tenant_id)
        uses = await sums_of_all(connection, firm.tenant_id, first, last)
        uses += [use for _name, use in await sums_by_department(connection, firm.tenant_id, first, last)]
    return [use.request_bytes for use in uses]


def combinations(figures: list[int]) -> set[int]:
    """What adding and subtracting any of them leaves: every part of a sum that occurs in it an odd number of times."""
    found = {0}
    for figure in figures:
        found |= {figure ^ other for other in found}
    return found - {0}


@st.composite
def organisations(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int, int]]]:
    """The department of each person, and moves: person, new department, days ago."""
    people = draw(st.lists(st.integers(0, 3), min_size=3, max_size=16))
    move = st.tuples(st.integers(0, len(people) - 1), st.integers(0, 3), st.sampled_from(DAYS))
    moves = draw(st.lists(move, max_size=4))
    return people, moves


class TestNobodyIsIsolated:
    @settings(max_examples=12, phases=[Phase.generate])  # making a failure smaller takes minutes here
    @given(organisations(), st.sampled_from([Level.DEPARTMENT, Level.ORGANISATION]), st.randoms(use_true_random=False))
    def test_in_what_was_kept_of_persons_before(
        self, run: Run, new_firm: Any, organisation: Any, level: Level, random: Any
    ) -> None:
        firm = new_firm()
        people, moves = organisation
        for department in people:
            firm.person(DEPARTMENTS[department] or None)
        for person, department, days_ago in moves:
            firm.moves(person, DEPARTMENTS[department] or None, days_ago)
        for person, days_ago in product(range(len(people)), DAYS):
            if random.random() < 0.8:
                firm.used(person, days_ago)
        self._check(run, firm, level)

    @settings(max_examples=12, phases=[Phase.generate])  # making a failure smaller takes minutes here
    @given(organisations(), st.randoms(use_true_random=False))
    def test_in_what_arrives_without_persons(self, run: Run, new_firm: Any, organisation: Any, random: Any) -> None:
        firm = new_firm()
        people, moves = organisation
        for department in people:
            firm.person(DEPARTMENTS[department] or None)
        for person, days_ago in product(range(len(people)), DAYS):
            if random.random() < 0.8:
                firm.arrived(person, DEPARTMENTS[people[person]], days_ago)
        for person, department, days_ago in moves:  # during the day: what arrived before counts where they were
            firm.moves(person, DEPARTMENTS[department] or None, days_ago)
        self._check(run, firm, None)

    def _check(self, run: Run, firm: Any, level: Level | None) -> None:
        async def work(database: Database) -> None:
            if level is not None:
                await to_level(database, firm, level)
            figures = await shown(database, firm)
            for found in combinations(figures):
                assert len(firm.people_in(found)) >= CROWD
            assert await shown(database, firm) == figures, "looking again must say the same"

        run(work)


class TestLowering:
    def test_deletes_what_was_kept_of_persons(self, run: Run, firm: Any) -> None:
        for _ in range(6):
            firm.used(firm.person("Sales"), 3)

        async def work(database: Database) -> None:
            made = await to_level(database, firm, Level.DEPARTMENT)
            assert (made.former, made.level, made.is_more) == (Level.PERSON, Level.DEPARTMENT, False)

        run(work)
        for table in ("usage_event", "usage_daily"):
            assert firm.rows(f"select * from {table} where tenant_id = %s") == []
        assert firm.rows("select hour::time from usage_hourly where tenant_id = %s") == firm.rows(
            "select ('2026-01-01 00:00+00'::timestamptz)::time where %s is not null"
        ), "no hour is kept"
        assert firm.rows("select department, people, is_shown from usage_group_day where tenant_id = %s") == [
            ("Sales", 6, True)
        ]

    def test_past_use_counts_for_the_department_of_its_day(self, run: Run, firm: Any) -> None:
        for _ in range(5):
            firm.used(firm.person("Sales"), 9)
        for _ in range(5):
            firm.used(firm.person("Legal"), 9)
        moved = firm.person("Sales")
        then = [firm.bytes_of(person, 9) for person in range(11)]
        firm.used(moved, 9)
        firm.used(moved, 1)
        firm.moves(moved, "Legal", 2)
        run(lambda database: to_level(database, firm, Level.DEPARTMENT))
        assert firm.rows(
            "select department, request_bytes from usage_group_daily where tenant_id = %s and day = %s order by 1",
            firm.today - timedelta(days=9),
        ) == [("Legal", sum(then[5:10])), ("Sales", sum(then[:5]) + then[10])]
        assert firm.rows(
            "select department from usage_group_daily where tenant_id = %s and day = %s",
            firm.today - timedelta(days=1),
        ) == [("Legal",)]

    def test_again_forgets_the_departments(self, run: Run, firm: Any) -> None:
        for department in ("Sales", "Legal"):
            for _ in range(3):
                firm.used(firm.person(department), 3)

        async def work(database: Database) -> None:
            await to_level(database, firm, Level.DEPARTMENT)
            await to_level(database, firm, Level.ORGANISATION)

        run(work)
        assert firm.rows("select distinct department from usage_group_daily where tenant_id = %s") == [("",)]
        assert firm.rows("select department, people, is_shown from usage_group_day where tenant_id = %s") == [
            ("", 6, True)
        ]

    def test_that_was_broken_off_is_taken_up_again(self, run: Run, firm: Any) -> None:
        one = firm.person("Sales")
        for days_ago in (1, 2, 3):
            firm.used(one, days_ago)

        async def decide(database: Database) -> None:
            async with database.tenant(firm.tenant_id) as connection:
                of = (connection, firm.tenant_id, ACTOR, Level.DEPARTMENT, "Agreed with them")
                await change(*of, more=False, now=datetime.now(UTC))

        run(decide)
        assert len(firm.rows("select * from usage_daily where tenant_id = %s")) == 3

        async def go_on(database: Database) -> None:
            await asyncio.gather(clear(database, firm.tenant_id), clear(database, firm.tenant_id))
            async with database.tenant(firm.tenant_id) as connection:
                assert not (await attribution_of(connection, firm.tenant_id)).is_clearing

        run(go_on)
        assert firm.rows("select * from usage_daily where tenant_id = %s") == []


class TestRaising:
    def test_begins_with_the_next_day(self, run: Run, firm: Any) -> None:
        async def work(database: Database) -> None:
            now = datetime.now(UTC)
            await to_level(database, firm, Level.ORGANISATION)
            made = await to_level(database, firm, Level.PERSON, now)
            assert made.is_more
            assert made.effective_at == datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
            async with database.tenant(firm.tenant_id) as connection:
                found = await attribution_of(connection, firm.tenant_id)
            assert (found.level, found.next_level, found.next_at) == (
                Level.ORGANISATION,
                Level.PERSON,
                made.effective_at,
            )

        run(work)

    def test_can_be_taken_back_before_it_begins(self, run: Run, firm: Any) -> None:
        async def work(database: Database) -> None:
            await to_level(database, firm, Level.DEPARTMENT)
            await to_level(database, firm, Level.PERSON)
            await to_level(database, firm, Level.DEPARTMENT)
            async with database.tenant(firm.tenant_id) as connection:
                found = await attribution_of(connection, firm.tenant_id)
            assert (found.level, found.next_level) == (Level.DEPARTMENT, None)

        run(work)


@pytest.mark.parametrize("level", [Level.PERSON])
def test_what_is_so_already_is_no_change(run: Run, firm: Any, level: Level) -> None:
    with pytest.raises(NothingToChange):
        run(lambda database: to_level(database, firm, level))
    assert firm.rows("select * from attribution_change where tenant_id = %s") == []


def test_every_change_is_in_the_trail_with_what_was_before(run: Run, firm: Any) -> None:
    run(lambda database: to_level(database, firm, Level.DEPARTMENT))
    ((before, after, reason),) = firm.rows("select before, after, reason from audit_entry where tenant_id = %s")
    assert before == {"policy": "attribution", "value": "person"}
    assert (after["value"], reason) == ("department", "Agreed with the works council")
