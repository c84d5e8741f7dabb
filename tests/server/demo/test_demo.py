"""The sample organisation: filled through the way every device's use takes, the same every time, and only once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date
from random import Random
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner, Result

from toktra.catalogue import load_catalogue
from toktra.server.database.pool import Database
from toktra.server.demo.commands import demo
from toktra.server.demo.habits import Year, amounts, uses_of
from toktra.server.demo.organisation import DEPARTMENTS, TOOLS, people
from toktra.server.people.service import create_sign_in_link
from toktra.server.tenants.service import find_tenant, owner_of

if TYPE_CHECKING:
    from tests.server.conftest import Urls


def run(urls: Urls) -> Result:
    own = {"TOKTRA_DATABASE_URL": urls.app, "TOKTRA_OWNER_DATABASE_URL": urls.owner, "TOKTRA_DATA": None}
    return CliRunner(env=own).invoke(demo, ["--people", "12", "--days", "40"])


async def test_it_is_filled_once_and_every_page_says_sample(
    urls: Urls, api: httpx.AsyncClient, database: Database
) -> None:
    first = await asyncio.to_thread(run, urls)
    assert first.exit_code == 0, first.output
    assert "12 invented people" in first.output
    again = await asyncio.to_thread(run, urls)
    assert again.exit_code == 0
    assert "is there already" in again.output

    tenant = await find_tenant(database, "demo")
    assert tenant is not None
    owner = await owner_of(database, tenant)
    assert owner is not None
    async with database.tenant(tenant.tenant_id) as connection:
        cursor = await connection.execute(
            "select count(*) as events, count(distinct person_id) as people,"
            " min(at) < now() - interval '20 days' as old, max(at) <= now() as past from usage_event"
        )
        found = await cursor.fetchone()
    assert found is not None
    assert found.events > 100
    assert found.people > 5
    assert found.old
    assert found.past
    async with database.tenant(tenant.tenant_id) as connection:
        cursor = await connection.execute(
            "select count(*) as devices from device d where d.previous_report_on is distinct from (select max(r.day)"
            " from device_day r where r.device_id = d.device_id and r.day < d.last_report_on)"
        )
        at_odds = await cursor.fetchone()
    assert at_odds is not None
    assert at_odds.devices == 0
    await api.post(await create_sign_in_link(database, tenant, owner))
    for path in ("/", "/usage", "/cost"):
        assert "These figures are a sample" in (await api.get(path)).text


def test_everything_used_is_in_the_catalogue() -> None:
    assert all(load_catalogue().find(tool.host) for tool in TOOLS.values())
    assert sum(department.share for department in DEPARTMENTS) == pytest.approx(1)


def test_people_are_the_same_every_time_and_say_that_they_are_invented() -> None:
    first, second = (people(200, Random(1)) for _ in range(2))
    assert first == second
    assert len(first) == 200
    assert all("Sample" in person.name and person.email.endswith("@example.org") for person in first)
    assert Counter(person.department.name for person in first).most_common(1)[0][0] == "Engineering"


def test_weeks_have_a_shape_and_use_grows() -> None:
    draw = Random(2)
    year = Year(date(2026, 11, 20), 365)
    days: Counter[date] = Counter()
    for person in people(60, draw):
        for day in year:
            uses = uses_of(person, day, year, draw)
            assert uses == sorted(uses, key=lambda use: use[0])
            assert all(at.date() == day and at.tzinfo is UTC for at, _tool in uses)
            days[day] += len(uses)
    weekend = sum(number for day, number in days.items() if day.weekday() >= 5)
    assert weekend < 0.1 * sum(days.values())
    assert sum(days[day] for day in list(year)[-60:]) > 1.5 * sum(days[day] for day in list(year)[:60])


def test_amounts_are_those_of_a_record() -> None:
    draw = Random(3)
    for tool in TOOLS.values():
        found = amounts(tool, draw)
        assert found["estimated_input_tokens"] >= 1
        assert min(found.values()) >= 0
