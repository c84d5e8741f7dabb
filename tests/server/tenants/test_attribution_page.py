"""Deciding about attribution on its page, and what every reader is told and shown from then on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role

REASON = "Agreed with the works council in November"


async def organisation(database: Database) -> Tenant:
    found = await find_tenant(database, "north")
    assert found is not None
    return found


async def signed_in(api: httpx.AsyncClient, database: Database, role: Role) -> UUID:
    """Signs a new person of this role in with the browser `api`."""
    tenant = await organisation(database)
    person = await add_person(database, tenant.tenant_id, display_name=f"Kim {role}", role=role)
    await api.post(await create_sign_in_link(database, tenant, person))
    return person


async def decide(api: httpx.AsyncClient, way: str, level: str, reason: str = REASON) -> httpx.Response:
    return await api.post(f"/attribution/{way}", data={"level": level, "reason": reason})


def text_of(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text.replace("\u00a0", " ")))


async def rows(database: Database, statement: str) -> list[Any]:
    tenant = await organisation(database)
    async with database.tenant(tenant.tenant_id) as connection:
        cursor = await connection.execute(statement)
        return [tuple(row) for row in await cursor.fetchall()]


async def test_less_detail_holds_for_the_next_batch(api: httpx.AsyncClient, device: Any, database: Database) -> None:
    await device.send(device.batch(1, 3))
    await signed_in(api, database, Role.PRIVACY_OFFICER)
    answer = await decide(api, "less", "department")
    assert answer.headers["location"] == "/attribution?said=less"
    assert await rows(database, "select * from usage_event") == []
    assert (await device.send(device.batch(4, 2))).json() == {"epoch": 1, "last_seq": 5}
    for table in ("usage_event", "usage_daily", "usage_hourly"):
        assert await rows(database, f"select * from {table}") == [], table
    assert await rows(database, "select department, exchanges from usage_group_daily") == [("", 5)]
    assert (await device.send(device.batch(4, 2))).status_code == 200
    assert await rows(database, "select exchanges from usage_group_daily") == [(5,)], "a batch counts once"


async def test_more_detail_begins_tomorrow_and_everyone_is_told_today(
    api: httpx.AsyncClient, device: Any, database: Database
) -> None:
    await signed_in(api, database, Role.PRIVACY_OFFICER)
    await decide(api, "less", "organisation")
    answer = await decide(api, "more", "person", "A pilot with <b>volunteers</b> of one team")
    assert answer.headers["location"] == "/attribution?said=more"
    await device.send(device.batch(1, 1))
    assert await rows(database, "select * from usage_event") == []
    await signed_in(api, database, Role.EMPLOYEE)
    for path in ("/me", "/me/notices"):
        page = await api.get(path)
        assert "More detail is kept from" in text_of(page)
        assert "A pilot with &lt;b&gt;volunteers&lt;/b&gt; of one team" in page.text
    assert "Nothing is kept about your use" in text_of(await api.get("/me"))


async def test_only_what_happens_afterwards_is_kept_with_its_person(
    api: httpx.AsyncClient, device: Any, database: Database
) -> None:
    """As on the day after the decision: the level holds since an hour ago, and a device brings older records."""
    await signed_in(api, database, Role.PRIVACY_OFFICER)
    await decide(api, "less", "department")
    await decide(api, "more", "person")
    tenant = await organisation(database)
    async with database.tenant(tenant.tenant_id) as connection:
        await connection.execute("update attribution set person_since = now() - interval '1 hour'")
    now = datetime.now(UTC).replace(microsecond=0)
    await device.send(device.batch(1, 2, at=now - timedelta(hours=2)))
    await device.send(device.batch(3, 1, at=now))
    assert await rows(database, "select sequence from usage_event") == [(3,)]
    assert await rows(database, "select * from usage_group_daily") == [], "alone, it could be told apart"


@pytest.mark.parametrize(
    ("role", "way", "status"),
    [
        (Role.OWNER, "more", 403),
        (Role.ADMINISTRATOR, "more", 403),
        (Role.ADMINISTRATOR, "less", 403),
        (Role.OWNER, "less", 303),
    ],
)
async def test_more_detail_needs_a_privacy_officer(
    api: httpx.AsyncClient, database: Database, tenant: object, role: Role, way: str, status: int
) -> None:
    del tenant
    await signed_in(api, database, role)
    assert (await decide(api, way, "department")).status_code == status


@pytest.mark.parametrize(
    ("way", "level", "reason", "words"),
    [
        ("less", "department", " ", "Reason: give"),
        ("less", "planet", REASON, "Level: choose one"),
        ("less", "person", REASON, "It is so already"),
        ("more", "department", REASON, "It is so already"),
        ("more", "organisation", REASON, "It is so already"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    api: httpx.AsyncClient, database: Database, tenant: object, way: str, level: str, reason: str, words: str
) -> None:
    del tenant
    await signed_in(api, database, Role.PRIVACY_OFFICER)
    answer = await decide(api, way, level, reason)
    assert answer.status_code == 400
    assert words in answer.text
    assert await rows(database, "select * from attribution_change") == []


async def test_nobody_opens_figures_of_a_person_where_none_are_kept(
    api: httpx.AsyncClient, device: Any, database: Database
) -> None:
    await device.send(device.batch(1, 3))
    ((person,),) = await rows(database, "select person_id from account")
    await signed_in(api, database, Role.PRIVACY_OFFICER)
    await decide(api, "less", "department")
    for answer in (
        await api.get(f"/people/{person}/usage"),
        await api.post(f"/people/{person}/usage", data={"reason": "to see", "period": "7d"}),
    ):
        assert answer.status_code == 404
        assert "keeps AI use without persons" in answer.text
    for path in ("/me/events", "/me/as-others-see-it"):
        assert (await api.get(path)).headers["location"] == "/me"


async def test_the_overview_ends_with_yesterday_and_says_what_is_left_out(
    api: httpx.AsyncClient, device: Any, database: Database
) -> None:
    """Five people's devices reported on one day, four on another: only the first is in any figure."""
    tenant = await organisation(database)
    await signed_in(api, database, Role.PRIVACY_OFFICER)
    await decide(api, "less", "organisation")
    async with database.tenant(tenant.tenant_id) as connection:
        for number in range(5):
            await connection.execute(
                "with p as (insert into person (tenant_id, display_name) values (%(t)s, 'P') returning person_id), "
                "d as (insert into device (tenant_id, public_key, hostname, platform, agent_version, enrolled_at) "
                "values (%(t)s, decode(lpad(%(n)s::text, 64, '0'), 'hex'), 'desk', 'linux', '1', "
                "now() - interval '9 days') returning device_id) "
                "insert into account select %(t)s, d.device_id, 'a', p.person_id from p, d",
                {"t": tenant.tenant_id, "n": number},
            )
        await connection.execute(
            "insert into device_day select a.tenant_id, (now() at time zone 'UTC')::date - ago, a.device_id "
            "from (select *, row_number() over () as place from account where name = 'a') a, (values (1), (3)) d (ago) "
            "where d.ago = 3 or a.place < 5"
        )
        await connection.execute(
            "insert into usage_group_daily select %s, (now() at time zone 'UTC')::date - ago, '', 'api.openai.com', "
            "'e1', exchanges, 1000, 1000, 100, 100 from (values (1, 7), (3, 11)) d (ago, exchanges)",
            [tenant.tenant_id],
        )
    await device.send(device.batch(1, 2))
    page = text_of(await api.get("/"))
    assert "Exchanges = counted 11" in page
    assert "People with any use" not in page
    assert "Last exchanges" not in page
    assert "Days on which fewer than five people reported" in page
    assert await rows(database, "select people, is_shown from usage_group_day order by day") == [(5, True), (4, False)]
