"""Somebody holds both databases, all keys and all logs after a month of 200 people, and tells nobody apart.

The month is simulated with the real applications: people opt in on the site, devices draw tickets, open mailboxes in
random order on one day, upload what is sealed by the device's own code, and redeem; every night what is due is done.
Each mailbox has one upload a day instead of 24, since every hour of every mailbox looks the same; from the second day
on uploads go into the database by the function that the service calls, without HTTP in between.
`TOKTRA_ADVERSARY_PEOPLE` and `TOKTRA_ADVERSARY_DAYS` change the size. What a real device does with real traffic is in
`tests/end_to_end/test_personal_mode.py`, which looks for the same in every file of an installation.

The statistics. The adversary orders people and mailboxes by everything there is an order of (place of the row, its
transaction, its key, its first record), and holds each order of people against each of mailboxes, both ways round:

- *Hits*: first is matched with first, second with second. By chance the hits of one matching are Poisson distributed
  with mean 1 (the fixed points of a random permutation), however many people there are. p is how likely the best of as
  many random matchings has as many hits as the best of these.
- *Ranks*: Spearman's rho between a person's place and their mailbox's finds what is ordered only roughly. By chance
  rho * sqrt(people - 1) is close to a standard normal; p is that of the largest, times the number of matchings.

Either fails below 0.001. That both find an order which is there is checked on the day of opening, before its night.
"""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import msgspec
import psycopg
import pytest
from psycopg import sql
from tests.server.perks.conftest import Office, SecondLedger, second_ledger, switched_on

from toktra.agent.perks.account_file import Terms
from toktra.agent.perks.age import NotOpened, Sealer, unseal
from toktra.agent.perks.keys import Key, new_key
from toktra.agent.perks.tickets import draw, finish
from toktra.personal.database.pool import Ledger
from toktra.personal.housekeeping import Housekeeping
from toktra.wire.events import encode
from toktra.wire.personal import (
    PersonalRecord,
    PersonalUse,
    Ticket,
    TicketKeys,
    encode_upload,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.server.perks.conftest import Desk

    from toktra.server.database.embedded import EmbeddedPostgres

PEOPLE = int(os.environ.get("TOKTRA_ADVERSARY_PEOPLE", "200"))
DAYS = int(os.environ.get("TOKTRA_ADVERSARY_DAYS", "30"))
FAILS_BELOW = 0.001
HOST = "private-thing.example"
"""A provider's host that is used in personal mode and nowhere else."""


@dataclass
class MovedClock:
    """Of the personal service; the month is the real one, since the organisation's server has the real clock."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Someone:
    """A person as the world knows them, and no adversary."""

    person_id: UUID
    desk: Desk
    key: Key
    tickets: list[Ticket]

    @property
    def mailbox(self) -> bytes:
        return sha256(self.key.mailbox.encode()).digest()


@pytest.fixture
def clock() -> MovedClock:
    today = datetime.now(UTC)
    return MovedClock(today.replace(hour=12, minute=0))


@pytest.fixture
def personal(
    postgres: EmbeddedPostgres, tmp_path: Path, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecondLedger]:
    """As everywhere, with a clock that is moved; what is due by it is done by the test."""

    async def nothing(self: Housekeeping) -> None:
        del self

    monkeypatch.setattr(Housekeeping, "keep", nothing)
    with second_ledger(postgres, tmp_path, clock=clock) as running:
        yield running


@pytest.mark.timeout(600)
async def test_who_holds_everything_learns_nothing(
    office: Office, personal: SecondLedger, clock: MovedClock, capfd: pytest.CaptureFixture[str]
) -> None:
    await switched_on(office, tickets="3")
    chance = random.Random(8)
    async with httpx.AsyncClient(base_url=personal.url) as service:
        people = [await someone(office, personal.url, f"Person {number}", service) for number in range(PEOPLE)]
        opened = chance.sample(people, len(people))
        for one in opened:
            answer = await service.post("/v1/mailbox", content=encode(one.tickets.pop()), headers=bearer(one.key))
            assert answer.status_code == 201, answer.text
        the_statistics_find_an_order_that_is_there(personal, opened)
        for one in chance.sample(people, len(people)):
            await uploads(service, one.key, clock.now.date(), used=chance.random() < 0.3)
        for one in chance.sample(people, len(people)):
            answer = await service.post("/v1/redemptions", content=encode(one.tickets.pop()))
            assert answer.status_code == 200, answer.text
    async with Ledger(personal.superuser, connections=1) as ledger:
        housekeeping = Housekeeping(ledger, clock)
        for _ in range(DAYS - 1):
            clock.now += timedelta(days=1)
            await housekeeping.once()
            stored(personal, chance.sample(people, len(people)), clock.now.date(), chance)
        clock.now += timedelta(days=1)
        await housekeeping.once()

    nothing_opens(personal)
    nothing_personal_in_the_corporate_ledger(office, people)
    nothing_corporate_in_the_personal_ledger(personal, office, people)
    logs = "".join(capfd.readouterr())
    for one in people:
        assert one.key.mailbox not in logs
        assert one.mailbox.hex() not in logs
    assert HOST not in logs
    for name, found in matched(office, personal, people).items():
        print(name, found)
        assert found.p >= FAILS_BELOW, f"{name}: {found}"


async def someone(office: Office, service_url: str, name: str, service: httpx.AsyncClient) -> Someone:
    """Opts in on the site, and draws the month's tickets with a device, by the device's own code."""
    person_id = await office.person(name)
    browser = await office.browser(person_id)
    assert (await browser.post("/me/token-perks/join", data={"read": "yes"})).status_code == 303
    desk = office.desk(person_id, name.lower().replace(" ", "-"))
    drawn = draw(3)
    given = await desk.allowance(*drawn.blinded)
    terms = Terms(
        programme=given.programme,
        tier=given.tier,
        month=given.month,
        tokens_per_ticket=given.tokens_per_ticket,
        tickets=given.tickets,
    )
    shown = await service.get(f"/v1/programmes/{given.programme}/keys/{given.month}")
    public = msgspec.json.decode(shown.content, type=TicketKeys).keys[given.tier]
    return Someone(person_id, desk, new_key(service_url), finish(drawn, given.evaluated, public, terms))


async def uploads(service: httpx.AsyncClient, key: Key, day: date, *, used: bool) -> None:
    body = encode_upload(str(uuid4()), day, sealed(key, day, used=used))
    answer = await service.post("/v1/mailbox/uploads", content=body, headers=bearer(key))
    assert answer.status_code == 200, answer.text


def stored(personal: SecondLedger, people: list[Someone], day: date, chance: random.Random) -> None:
    """One upload of each, in this order, each in a transaction of its own: as for uploads that come one by one."""
    with psycopg.connect(personal.app, autocommit=True) as connection:
        for one in people:
            connection.execute(
                "select store_uploads(%b, array[%b], array[%b]::uuid[], array[%b])",
                [day, one.mailbox, uuid4(), sealed(one.key, day, used=chance.random() < 0.3)],
            )


def sealed(key: Key, day: date, *, used: bool) -> bytes:
    """By the device's own code."""
    use = PersonalUse(
        at=datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC),
        provider_host=HOST,
        request_bytes=2_000,
        response_bytes=9_000,
        estimated_input_tokens=300,
        estimated_output_tokens=700,
        estimator_version="e1",
    )
    return Sealer(key.recipient).seal(PersonalRecord(uses=(use,) if used else ()))


def bearer(key: Key) -> dict[str, str]:
    return {"authorization": f"Bearer {key.mailbox}"}


def nothing_opens(personal: SecondLedger) -> None:
    """No server holds a key that opens records, and no record shows a word of what is in it."""
    with psycopg.connect(personal.superuser) as connection:
        records = [bytes(row[0]) for row in connection.execute("select sealed from record")]
    assert len(records) == PEOPLE * DAYS
    assert all(one.startswith(b"age-encryption.org/v1\n") for one in records)
    assert not any(word in one for one in records for word in (HOST.encode(), b'"uses":'))
    files = [path.read_bytes() for path in personal.data.rglob("*") if path.is_file()]
    assert files, "the seed of the tickets is there"
    assert not any(b"AGE-SECRET-KEY" in content for content in files)
    stranger = new_key("https://x.example")
    for one in records[:: max(1, len(records) // 50)]:
        with pytest.raises(NotOpened):
            unseal(one, stranger.identity)


def nothing_personal_in_the_corporate_ledger(office: Office, people: list[Someone]) -> None:
    """No mailbox, host, key, nonce or ticket stands in any table, as text, whatever the column."""
    told = whole(office.urls.superuser)
    for one in people:
        for word in (one.key.mailbox, one.mailbox.hex(), one.key.recipient, one.key.identity):
            assert word not in told
    assert HOST not in told
    for ticket in people[0].tickets:
        assert ticket.nonce.hex() not in told
    assert "personal-mode" not in told


def nothing_corporate_in_the_personal_ledger(personal: SecondLedger, office: Office, people: list[Someone]) -> None:
    told = whole(personal.superuser)
    for one in people:
        assert str(one.person_id) not in told
        assert str(one.desk.key.device) not in told
    assert str(office.tenant.tenant_id) not in told


def whole(superuser: str) -> str:
    """Every row of every table as text, but what is sealed; no table is left out, nor is one that comes later."""
    with psycopg.connect(superuser) as connection:
        tables = connection.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall()
        parts: list[str] = []
        for schema, table in tables:
            rows = connection.execute(
                sql.SQL("select (to_jsonb(t) - 'sealed')::text from {} t").format(sql.Identifier(schema, table))
            )
            parts += [str(row[0]) for row in rows]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class Found:
    """The best of all matchings, and how likely chance alone does as well."""

    best: float
    p: float


def matched(office: Office, personal: SecondLedger, people: list[Someone]) -> dict[str, Found]:
    """Every order of people against every one of mailboxes; see the top of this file."""
    of_people = orders(
        office.urls.superuser, "perks_enrolment", "person_id", ("ctid", "xmin::text::bigint", "person_id")
    ) + orders(office.urls.superuser, "perks_drawn", "person_id", ("ctid", "xmin::text::bigint"))
    of_people.append([one.person_id for one in people])  # the audit trail and the sessions have when each came to be
    of_mailboxes = orders(personal.superuser, "mailbox", "digest", ("ctid", "xmin::text::bigint", "digest"))
    of_mailboxes.append(first_seen(personal.superuser))
    whose = {one.person_id: one.mailbox for one in people}
    return statistics([[whose[person] for person in order] for order in of_people], of_mailboxes)


def the_statistics_find_an_order_that_is_there(personal: SecondLedger, opened: list[Someone]) -> None:
    """Before the first night the table of mailboxes has the order of opening; who knew that order would be told."""
    [place] = orders(personal.superuser, "mailbox", "digest", ("ctid",))
    for found in statistics([[one.mailbox for one in opened]], [place]).values():
        assert found.p < FAILS_BELOW


def statistics(mine: list[list[Any]], theirs: list[list[Any]]) -> dict[str, Found]:
    both_ways = [order for one in theirs for order in (one, one[::-1])]
    hits = max(sum(a == b for a, b in zip(one, other, strict=True)) for one in mine for other in both_ways)
    number, tries = len(mine[0]), len(mine) * len(both_ways)
    fewer = sum(math.exp(-1) / math.factorial(k) for k in range(hits))
    rho = max(abs(spearman(one, other)) for one in mine for other in theirs)
    likely = math.erfc(rho * math.sqrt(number - 1) / math.sqrt(2)) * len(mine) * len(theirs)
    return {
        "hits": Found(hits, 1 - fewer**tries),
        "ranks": Found(round(rho, 3), min(1.0, likely)),
    }


def spearman(one: list[Any], other: list[Any]) -> float:
    """Spearman's rho of two orders of the same things: 1 for the same order, 0 for none, -1 for the reverse."""
    place = {what: number for number, what in enumerate(other)}
    apart = sum((number - place[what]) ** 2 for number, what in enumerate(one))
    return 1 - 6 * apart / (len(one) ** 3 - len(one))


def orders(superuser: str, table: str, key: str, by: tuple[str, ...]) -> list[list[Any]]:
    """The keys in each order that the table has."""
    with psycopg.connect(superuser) as connection:
        return [
            [_plain(row[0]) for row in connection.execute(f"select {key} from {table} order by {one}".encode())]
            for one in by
        ]


def first_seen(superuser: str) -> list[Any]:
    """Mailboxes by the place of their first record on the disk."""
    with psycopg.connect(superuser) as connection:
        rows = connection.execute(
            "select mailbox from (select mailbox, tableoid, ctid, row_number() over (partition by mailbox "
            "order by tableoid, ctid) as n from record) r where n = 1 order by tableoid, ctid"
        )
        return [_plain(row[0]) for row in rows]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, bytes | memoryview) else value
