"""People and devices by the API: names to those who may, figures with a reason, and never a time of day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
from tests.server.api.conftest import get

from toktra.server.api.scopes import Scope
from toktra.server.audit.service import Actor
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.attribution import Level, change
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.api.conftest import MakeKey

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
CLOCK = re.compile(r"\d\d:\d\d")


async def at_work(office: Any) -> Any:
    """A person with a device and some use yesterday and today."""
    tenant_id = office.tenant.tenant_id
    ada = await add_person(office.database, tenant_id, display_name="Ada Example", role=Role.EMPLOYEE)
    desk = await office.desk(ada, enrolled_days_ago=30)
    await desk.use(at=datetime.combine(YESTERDAY, time(9, 17), UTC), times=3)
    await desk.use(times=2)
    return ada


async def test_a_persons_figures_are_the_pages_and_the_person_reads_who_looked(
    office: Any, owner_api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    ada = await at_work(office)
    path = f"/v1/people/{ada}/usage"
    for body in ({}, {"reason": "x"}, {"reason": " " * 40}, {"reason": "A good one", "period": "1d"}):
        refused = await owner_api.post(path, json=body, headers=key)
        assert refused.status_code == 422, refused.text
    assert "nightly report" not in await who_looked(office, owner_api, ada)
    answer = await owner_api.post(path, json={"reason": "Licence  question", "period": "7d"}, headers=key)
    found = answer.json()
    assert found["exchanges"] == 3  # today's are told tomorrow
    assert found["days"]["last"] == str(YESTERDAY)
    assert not CLOCK.search(answer.text)
    page = unescape(await who_looked(office, owner_api, ada))
    assert "Purpose given: “Licence question”." in page
    assert "By the program “nightly report”." in page
    await owner_api.post(await create_sign_in_link(office.database, office.tenant, office.owner))
    shown = (await owner_api.post(f"/people/{ada}/usage", data={"reason": "The same on the page", "period": "7d"})).text
    assert re.search(r">\s*3\s*<", shown)
    trail = await get(owner_api, "/audit", key, tag="usage:viewed")
    assert [(one["actor"], one["command"], one["reason"]) for one in trail["items"]] == [
        ("person", None, "The same on the page"),
        ("program", "nightly report", "Licence question"),
    ]
    assert "Kim the owner, by the program “nightly report”" in unescape((await owner_api.get("/audit")).text)


async def who_looked(office: Any, api: httpx.AsyncClient, person: Any) -> str:
    await api.post(await create_sign_in_link(office.database, office.tenant, person))
    return (await api.get("/me/who-looked")).text


async def test_there_are_no_figures_of_a_person_where_none_are_kept(
    office: Any, api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    ada = await at_work(office)
    officer = Actor.person(office.owner, Role.PRIVACY_OFFICER)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await change(
            connection,
            office.tenant.tenant_id,
            officer,
            Level.DEPARTMENT,
            "agreed with the works council",
            more=False,
            now=datetime.now(UTC),
        )
    answer = await api.post(f"/v1/people/{ada}/usage", json={"reason": "Licence question"}, headers=key)
    assert answer.status_code == 409
    assert "without persons" in answer.json()["detail"]
    assert (await get(api, "/audit", key, tag="usage:viewed"))["items"] == []


async def test_the_directory_page_by_page_and_each_entry_a_look(
    office: Any, api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    ada = await at_work(office)
    names, cursor = [], ""
    while cursor is not None:
        page = await get(api, "/people", key, limit=1, cursor=cursor)
        names += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(names) == ["Ada Example", "Kim the owner", "Robin Example"]
    for _ in range(2):
        assert (await get(api, f"/people/{ada}", key))["role"] == "employee"
    [look] = (await get(api, "/audit", key, tag="person:viewed"))["items"]
    assert look["subject_id"] == str(ada)


async def test_devices_are_told_by_day(office: Any, api: httpx.AsyncClient, key: dict[str, str]) -> None:
    await at_work(office)
    answer = await api.get("/v1/devices", headers=key)
    [desk] = answer.json()["items"]
    assert desk["status"] == "active"
    assert date.fromisoformat(desk["enrolled_on"]) == YESTERDAY - timedelta(days=29)
    assert not CLOCK.search(answer.text)
    assert await get(api, f"/devices/{desk['device_id']}", key) == desk


async def test_the_trail_goes_on_where_it_stopped(api: httpx.AsyncClient, key_of: MakeKey) -> None:
    for _ in range(4):
        key = await key_of(Role.AUDITOR, {Scope.AUDIT_READ})
    first = await get(api, "/audit", key, limit=3)
    rest = await get(api, "/audit", key, limit=3, cursor=first["next_cursor"])
    entries = [*first["items"], *rest["items"]]
    assert [one["number"] for one in entries] == list(range(len(entries), 0, -1))
    assert all(newer["previous_hash"] == older["hash"] for newer, older in pairwise(entries))
    assert rest["next_cursor"] is None
