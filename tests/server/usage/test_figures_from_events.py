"""Figures of random organisations, periods and filters beside a reading of the raw events that shares no code with it.

The reading takes every event of every organisation as the database's superuser and adds up in Python: who is in which
department is known here, and so is which departments are large enough to be told of.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from toktra.catalogue import load_catalogue
from toktra.server.database.pool import Database
from toktra.server.ingest.service import Ingest
from toktra.server.people.service import add_person
from toktra.server.statements.month import newest
from toktra.server.statements.service import showback
from toktra.server.tenants.service import find_tenant
from toktra.server.usage import service as usage
from toktra.server.usage.breakdown import service
from toktra.server.usage.breakdown.lines import Amounts
from toktra.server.usage.breakdown.view import View
from toktra.server.usage.period import Period, span
from toktra.server.usage.person import Subject, person_overview
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls

NOW = datetime.now(UTC)
TODAY = NOW.date()
HOSTS = ("api.openai.com", "api.anthropic.com", "chatgpt.com", "api.mistral.ai", "api.githubcopilot.com", "claude.ai")
PROVIDERS = {host: load_catalogue().find(host) for host in HOSTS}
SIZES = {"Engineering": (6, 8), "Sales": (5, 6), "Legal": (1, 6), "Board": (0, 3)}


@dataclass(frozen=True, slots=True)
class Sum:
    """What some events come to."""

    exchanges: int
    sent: int
    received: int
    tokens: int

    @classmethod
    def of(cls, events: Iterable[Any]) -> Sum:
        events = list(events)
        return cls(
            sum(event.estimated_input_tokens > 0 for event in events),
            sum(event.request_bytes for event in events),
            sum(event.response_bytes for event in events),
            sum(event.estimated_input_tokens + event.estimated_output_tokens for event in events),
        )

    @classmethod
    def shown(cls, amounts: Amounts) -> Sum:
        return cls(amounts.exchanges, amounts.request_bytes, amounts.response_bytes, round(amounts.tokens_middle))


@dataclass(slots=True)
class Known:
    """One organisation, as it was made up."""

    office: Any
    department: dict[UUID, str]

    @property
    def told_of(self) -> set[str]:
        """The departments that may be shown: by the rule's words, not by its code."""
        sizes = Counter(self.department.values())
        sizes[""] += 1  # the owner
        small = {name for name, size in sizes.items() if size < 5}
        large = sorted((size, name) for name, size in sizes.items() if size >= 5)
        if small and sum(sizes[name] for name in small) < 5 and large:
            small.add(large[0][1])
        return set(sizes) - small


async def made_up(office: Any, draw: random.Random) -> Known:
    """People in departments of random sizes, and their use on random days of this year and the one before."""
    department: dict[UUID, str] = {}
    desks = []
    for name, (least, most) in SIZES.items():
        for _ in range(draw.randint(least, most)):
            person = await add_person(office.database, office.tenant.tenant_id, display_name="X", role=Role.EMPLOYEE)
            department[person] = name
            desks.append(await office.desk(person, enrolled_days_ago=399))
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        for person, name in department.items():
            await connection.execute("update person set department = %s where person_id = %s", [name, person])
        await connection.execute(
            "update department_period h set department = p.department from person p where p.person_id = h.person_id"
        )
    for _ in range(70):
        back = draw.choice([draw.randrange(1, 50), draw.randrange(365, 390)])
        day = datetime.combine(TODAY - timedelta(days=back), time(draw.randrange(24), draw.randrange(60)), UTC)
        await draw.choice(desks).use(
            host=draw.choice(HOSTS),
            at=day,
            times=draw.randrange(1, 3),
            request_bytes=draw.randrange(1, 10**6),
            response_bytes=draw.randrange(10**6),
            estimated_input_tokens=draw.choice([0, draw.randrange(1, 10**5)]),
        )
    return Known(office, department)


def raw(urls: Urls, tenant_id: UUID) -> list[Any]:
    """Every stored event of an organisation, past row-level security."""
    with psycopg.connect(urls.superuser, row_factory=namedtuple_row) as connection:
        cursor = connection.execute("select *, (at at time zone 'UTC')::date as day from usage_event")
        rows: list[Any] = cursor.fetchall()
    return [row for row in rows if row.tenant_id == tenant_id]


def keys(by: str, known: Known) -> Callable[[Any], str]:
    def key(event: Any) -> str:
        provider = PROVIDERS[event.provider_host]
        assert provider is not None
        own = known.department[event.person_id]
        names: dict[str, str] = {
            "provider": provider.id,
            "kind": provider.kind.value,
            "host": event.provider_host,
            "department": own if own in known.told_of else "",
        }
        return names[by]

    return key


def summed(events: Iterable[Any], key: Callable[[Any], str]) -> dict[str, Sum]:
    events = list(events)
    return {name: Sum.of(event for event in events if key(event) == name) for name in {key(event) for event in events}}


def a_year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


@pytest.mark.parametrize("seed", range(3))
async def test_every_figure_is_that_of_the_events(
    seed: int, office: Any, urls: Urls, database: Database, other_tenant: object
) -> None:
    del other_tenant
    draw = random.Random(seed)
    south = await find_tenant(database, "south")
    assert south is not None
    owner = await add_person(database, south.tenant_id, display_name="Other", role=Role.OWNER)
    other = type(office)(database, south, owner, Ingest(database, load_catalogue(), accepted_age_days=400))
    for known in [await made_up(office, draw), await made_up(other, draw)]:
        events = raw(urls, known.office.tenant.tenant_id)
        assert len(events) >= 70
        for _ in range(12):
            await compare_views(known, events, draw)
        await compare_people(known, events, draw)
        await compare_statements(known, events)


async def compare_views(known: Known, events: list[Any], draw: random.Random) -> None:
    """One random view, line by line, beside what it is compared with."""
    last = TODAY - timedelta(days=draw.randrange(1, 25))
    first = last - timedelta(days=draw.randrange(25))
    asked = {
        "from": str(first),
        "to": str(last),
        "by": draw.choice(["provider", "kind", "host", "department"]),
        "against": draw.choice(["before", "year", "nothing"]),
        "provider": draw.choice(["", "", "openai", "anthropic"]),
        "kind": draw.choice(["", "", "api", "chat"]),
        "department": draw.choice(["", "", *SIZES]),
    }
    found = await service.breakdown(known.office.database, known.office.tenant.tenant_id, View.read(asked, TODAY), NOW)

    def is_asked(event: Any) -> bool:
        provider = PROVIDERS[event.provider_host]
        assert provider is not None
        own = known.department[event.person_id]
        return (
            asked["provider"] in ("", provider.id)
            and asked["kind"] in ("", provider.kind.value)
            and (not asked["department"] or (asked["department"] == own and own in known.told_of))
        )

    key = keys(asked["by"], known)
    now = [event for event in events if first <= event.day <= last and is_asked(event)]
    assert {line.key: Sum.shown(line.now) for line in found.lines} == summed(now, key), asked
    assert Sum.shown(found.total) == Sum.of(now), asked
    length = last - first + timedelta(days=1)
    start = {"before": first - length, "year": a_year_before(first), "nothing": date.min}[asked["against"]]
    then = [event for event in events if start <= event.day < start + length and is_asked(event)]
    if asked["against"] == "nothing" or not then:
        assert found.total_before is None or Sum.shown(found.total_before) == Sum.of([]), asked
    else:
        assert found.total_before is not None
        assert Sum.shown(found.total_before) == Sum.of(then), asked
        before = summed(then, key)
        for line in found.lines:
            assert line.before is not None
            assert Sum.shown(line.before) == before.get(line.key, Sum.of([])), asked


async def compare_people(known: Known, events: list[Any], draw: random.Random) -> None:
    """The overview, and what some people read of themselves and others of them."""
    tenant_id = known.office.tenant.tenant_id
    period = draw.choice(list(Period))
    chosen = span(period, NOW)
    days = (chosen.current.first_day, chosen.current.last_day)
    of_period = [event for event in events if days[0] <= event.day <= days[1]]
    whole = await usage.overview(
        known.office.database, tenant_id, known.office.owner, period, NOW, with_exchanges=False
    )
    assert whole.totals.exchanges == Sum.of(of_period).exchanges
    for person in draw.sample(sorted(known.department), 4):
        own = Sum.of(event for event in of_period if event.person_id == person)
        for is_reader in (True, False):
            async with known.office.database.tenant(tenant_id) as connection:
                found = await person_overview(connection, Subject(tenant_id, person, is_reader=is_reader), period, NOW)
            assert found.totals.exchanges == own.exchanges
            assert sum(line.exchanges for line in found.providers) == own.exchanges


async def compare_statements(known: Known, events: list[Any]) -> None:
    """Last month's statements, department by department."""
    month = newest(TODAY)
    found = await showback(known.office.database, known.office.tenant.tenant_id, month, NOW)
    of_month = [event for event in events if month.first <= event.day <= month.last]
    expected = {name: part.exchanges for name, part in summed(of_month, keys("department", known)).items()}
    parts = [*found.departments, *([found.others] if found.others else [])]
    assert {part.subject.key: part.projection.exchanges for part in parts} == expected
    assert found.whole.projection.exchanges == sum(expected.values())
