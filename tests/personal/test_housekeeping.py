"""What happens by the clock, over months: records end at 90 days, finished days lose their order, months are closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.personal.conftest import NOW, Owner, open_mailbox, service
from tests.personal.test_mailboxes import records_of
from tests.personal.test_redemptions import MONTH, Organisation

from toktra.personal.database.pool import Ledger
from toktra.personal.housekeeping import Housekeeping
from toktra.personal.noise import EPSILON, noised
from toktra.wire.events import encode
from toktra.wire.personal import KEPT_DAYS

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from tests.personal.conftest import MovedClock, Urls

TODAY = NOW.date()


@pytest.fixture
async def housekeeping(own_urls: Urls, clock: MovedClock) -> AsyncIterator[Housekeeping]:
    async with Ledger(own_urls.app, connections=1) as ledger:
        yield Housekeeping(ledger, clock)


@pytest.fixture
async def own_api(
    own_urls: Urls, clock: MovedClock, tmp_path: Path, operator_secret: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """The service over this test's database; what is due by the clock is done by the test."""

    async def nothing(self: Housekeeping) -> None:
        del self

    monkeypatch.setattr(Housekeeping, "keep", nothing)
    async with service(own_urls, clock, tmp_path, operator_secret=operator_secret) as api:
        yield api


@pytest.fixture
def own_owner(own_api: httpx.AsyncClient, own_urls: Urls) -> Owner:
    return open_mailbox(own_urls, Owner(own_api))


def asked(urls: Urls, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(urls.owner) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def days_of(urls: Urls) -> set[str]:
    """The tables that records are in."""
    return {
        name
        for (name,) in asked(
            urls, "select inhrelid::regclass::text from pg_inherits where inhparent = 'record'::regclass"
        )
    }


STEPS = (*range(6), 45, *range(86, KEPT_DAYS + 7), 134, 135, *range(174, 183))
"""Days on which something arrives. Every edge of 90 days between them is stepped over day by day."""


async def test_every_record_is_gone_at_90_days_by_its_table_and_not_before(
    own_owner: Owner, own_urls: Urls, clock: MovedClock, housekeeping: Housekeeping
) -> None:
    arrived: list[date] = []
    for passed in STEPS:
        clock.now = NOW + timedelta(days=passed)
        await housekeeping.once()
        assert (await own_owner.upload(clock.now.date())).status_code == 200
        arrived.append(clock.now.date())
        oldest = clock.now.date() - timedelta(days=KEPT_DAYS - 1)
        [(days,)] = asked(own_urls, "select array_agg(day order by day) from record")
        assert days == [day for day in arrived if day >= oldest]
        assert f"record_{oldest - timedelta(days=1):%Y%m%d}" not in days_of(own_urls)
    made = {day + timedelta(days=ahead) for day in arrived for ahead in (0, 1)}
    assert days_of(own_urls) == {f"record_{day:%Y%m%d}" for day in made if day >= oldest}


async def test_a_service_that_was_off_for_a_year_begins_by_dropping(
    own_owner: Owner, own_urls: Urls, clock: MovedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own_owner.upload(TODAY)
    monkeypatch.undo()  # housekeeping as it runs
    clock.forward(days=365)
    async with service(own_urls, clock, tmp_path):
        await until(
            lambda: days_of(own_urls) == {f"record_{TODAY + timedelta(days=ahead):%Y%m%d}" for ahead in (365, 366)}
        )


async def test_where_the_drop_is_late_nothing_lapsed_is_shown(own_owner: Owner, clock: MovedClock) -> None:
    await own_owner.upload(TODAY - timedelta(days=1))
    await own_owner.upload(TODAY)
    clock.forward(days=KEPT_DAYS - 1)
    assert {record.day for record in await records_of(own_owner)} == {TODAY}
    clock.forward(days=1)
    assert await records_of(own_owner) == []


def rows_in_place(urls: Urls, table: str, column: str) -> list[Any]:
    """As they lie on the disk."""
    return [value for (value,) in asked(urls, f"select {column} from {table} order by ctid")]


async def test_a_finished_day_says_nothing_about_who_came_when(
    own_api: httpx.AsyncClient, own_urls: Urls, clock: MovedClock, housekeeping: Housekeeping
) -> None:
    owners = [open_mailbox(own_urls, Owner(own_api)) for _ in range(12)]
    for owner in owners:
        await owner.upload(TODAY)
    before = [await records_of(owner) for owner in owners]
    part = f"record_{TODAY:%Y%m%d}"
    transactions = set(rows_in_place(own_urls, part, "xmin::text"))
    assert len(transactions) == len(owners), "while the day lasts, each upload can be told from the others"
    clock.forward(days=1)
    await housekeeping.once()
    assert rows_in_place(own_urls, part, "record") == sorted(rows_in_place(own_urls, part, "record"))
    assert rows_in_place(own_urls, "mailbox", "digest") == sorted(owner.digest for owner in owners)
    for table in (part, "mailbox"):
        assert len(set(rows_in_place(own_urls, table, "xmin::text"))) == 1, "one transaction for all"
    assert [await records_of(owner) for owner in owners] == before


async def test_a_small_day_loses_its_order_every_hour_and_a_large_one_at_night(
    own_api: httpx.AsyncClient,
    own_urls: Urls,
    clock: MovedClock,
    housekeeping: Housekeeping,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("toktra.personal.housekeeping.SMALL_DAY", 6)
    owners = [open_mailbox(own_urls, Owner(own_api)) for _ in range(6)]
    part = f"record_{TODAY:%Y%m%d}"
    for hour in range(2):
        for owner in owners:
            await owner.upload(TODAY)
        clock.forward(hours=1)
        await housekeeping.once()
        assert len(set(rows_in_place(own_urls, "mailbox", "xmin::text"))) == 1
        assert len(set(rows_in_place(own_urls, part, "xmin::text"))) == (1, 1 + len(owners))[hour]
    clock.forward(days=1)
    await housekeeping.once()
    assert len(set(rows_in_place(own_urls, part, "xmin::text"))) == 1
    assert rows_in_place(own_urls, part, "record") == sorted(rows_in_place(own_urls, part, "record"))


async def test_who_opens_a_mailbox_while_all_are_written_anew_is_not_sent_away(own_urls: Urls) -> None:
    """As the service does it: it looks whether there is one, and then writes, in one transaction."""
    async with await psycopg.AsyncConnection.connect(own_urls.app) as opening:
        await opening.execute("select exists (select from mailbox where digest = %s)", [b"m" * 32])

        async def write_anew() -> None:
            async with await psycopg.AsyncConnection.connect(own_urls.app, autocommit=True) as settling:
                await settling.execute("select settle_mailboxes_and_tickets()")

        work = asyncio.create_task(write_anew())
        waiting = "select count(*) from pg_locks where not granted and relation = 'mailbox'::regclass"
        await until(lambda: asked(own_urls, waiting) == [(1,)])
        await opening.execute("insert into mailbox values (%s)", [b"m" * 32])
        await opening.commit()
        await work
    assert asked(own_urls, "select count(*) from mailbox") == [(1,)]


async def test_what_comes_later_for_a_finished_day_loses_its_place_the_next_night(
    own_owner: Owner, own_urls: Urls, clock: MovedClock, housekeeping: Housekeeping
) -> None:
    await own_owner.upload(TODAY)
    clock.forward(days=1)
    await housekeeping.once()
    await own_owner.upload(TODAY)
    part = f"record_{TODAY:%Y%m%d}"
    assert len(set(rows_in_place(own_urls, part, "xmin::text"))) == 2
    clock.forward(days=1)
    await housekeeping.once()
    assert len(set(rows_in_place(own_urls, part, "xmin::text"))) == 1
    assert len(await records_of(own_owner)) == 2


async def test_what_was_deleted_leaves_the_disk_the_next_night(
    own_owner: Owner, own_urls: Urls, clock: MovedClock, housekeeping: Housekeeping
) -> None:
    await own_owner.upload(TODAY)
    clock.forward(days=1)
    await housekeeping.once()
    await own_owner.ask("DELETE")
    size = "select pg_relation_size(%s)"
    part = f"record_{TODAY:%Y%m%d}"
    assert asked(own_urls, size, part) > [(0,)], "PostgreSQL marks rows as deleted and leaves them"
    clock.forward(days=1)
    await housekeeping.once()
    assert asked(own_urls, size, part) == [(0,)]


async def test_uploads_and_deletions_go_on_while_a_day_is_written_anew(
    own_owner: Owner, own_urls: Urls, clock: MovedClock, housekeeping: Housekeeping
) -> None:
    leaving = open_mailbox(own_urls, Owner(own_owner.api))
    await own_owner.upload(TODAY)
    await leaving.upload(TODAY)
    clock.forward(days=1)
    answers, _ = await asyncio.gather(
        asyncio.gather(*(own_owner.upload(TODAY) for _ in range(8)), leaving.ask("DELETE")), housekeeping.once()
    )
    assert [answer.status_code for answer in answers] == [200] * 8 + [204]
    assert len(await records_of(own_owner)) == 9
    assert asked(own_urls, "select count(*) from record where mailbox = %s", leaving.digest) == [(0,)]


async def test_two_processes_at_once_do_it_once(own_urls: Urls, clock: MovedClock, housekeeping: Housekeeping) -> None:
    async with Ledger(own_urls.app, connections=1) as ledger:
        other = Housekeeping(ledger, clock)
        await asyncio.gather(*(each.once() for each in (housekeeping, other) for _ in range(3)))
    assert len(days_of(own_urls)) == 2


async def test_a_closed_month_is_counted_once_with_noise_and_the_exact_number_is_gone(
    own_api: httpx.AsyncClient, own_urls: Urls, clock: MovedClock, housekeeping: Housekeeping, operator_secret: str
) -> None:
    organisation = Organisation(own_api, operator_secret)
    await organisation.offer(team=30, lead=60)
    opening, *used = await organisation.issue(13)
    await Owner(own_api).ask("POST", content=encode(opening))
    for ticket in used:
        await organisation.redeem(ticket)
    clock.now = datetime(2026, 12, 7, 23, 59, tzinfo=UTC)
    await housekeeping.once()
    published = await organisation.published()
    assert (published.epsilon, published.counts) == (EPSILON, ()), "an open month is not shown"

    drawn: list[tuple[int, int]] = []

    def draw(count: int, most_of_one: int) -> int:
        drawn.append((count, most_of_one))
        return noised(count, most_of_one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toktra.personal.housekeeping.noised", draw)
        clock.now = datetime(2026, 12, 8, tzinfo=UTC)
        for _ in range(2):
            await housekeeping.once()
    assert sorted(drawn) == [(0, 60), (12, 30)], "the ticket that opened a mailbox stands for no use"
    counts = (await organisation.published()).counts
    assert [(count.month, count.tier) for count in counts] == [(MONTH, "lead"), (MONTH, "team")]
    assert [count.most_tickets for count in counts] == [60, 30], "as wide as the noise is, whatever is offered later"
    await organisation.offer(team=90, lead=90)
    assert (await organisation.published()).counts == counts, "two looks are the same"
    assert asked(own_urls, "select count(*) from spent_ticket") == [(0,)]


async def test_months_that_passed_while_the_service_was_off_are_closed_in_turn(
    own_api: httpx.AsyncClient, clock: MovedClock, housekeeping: Housekeeping, operator_secret: str
) -> None:
    organisation = Organisation(own_api, operator_secret)
    await organisation.offer(team=30)
    clock.now = datetime(2027, 2, 9, tzinfo=UTC)
    await housekeeping.once()
    assert [count.month for count in (await organisation.published()).counts] == ["2027-01", "2026-12", MONTH]
    await organisation.offer(lead=10)
    clock.now = datetime(2027, 5, 1, tzinfo=UTC)
    await housekeeping.once()
    counts = (await organisation.published()).counts
    assert [count.month for count in counts if count.tier == "team"] == ["2027-02", "2027-01", "2026-12", MONTH]
    assert [count.month for count in counts if count.tier == "lead"] == ["2027-03", "2027-02"]


def test_the_noise_is_as_wide_as_the_budget_says() -> None:
    """Discrete Laplace of scale b: the mean of |noise| is near b. 4,000 draws put it within 10 % but once in 10^9."""
    most = 40
    draws = [noised(100_000, most) - 100_000 for _ in range(4000)]
    scale = most / EPSILON
    assert abs(sum(map(abs, draws)) / len(draws) / scale - 1) < 0.1
    assert abs(sum(draws) / len(draws)) < 0.15 * scale
    assert noised(0, 1) >= 0


async def until(done: Any) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
