"""Somebody at a device says that its account is theirs: by a code of that device, once, and without what was before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from tests.server.directory.test_accounts import AS_KEPT, FROM_EVENTS, give, use

from toktra.server.database.pool import Database
from toktra.server.rights.erasure import erase
from toktra.server.web.access import Role
from toktra.wire.claims import CLAIMS_PATH, ClaimAsked, ClaimOffered
from toktra.wire.events import encode
from toktra.wire.signatures import sign

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice

    from toktra.server.tenants.service import Tenant

Browser = Callable[[UUID], Awaitable[httpx.AsyncClient]]
Person = Callable[..., Awaitable[UUID]]
Rows = Callable[..., list[tuple[object, ...]]]


async def post_claim(device: SignedDevice, account: str = "ada", **signed_as: Any) -> httpx.Response:
    body = encode(ClaimAsked(account=account))
    headers = {"content-type": "application/json"}
    what = {"key_id": device.enrolled.key_id, "private_key": device.private_key, **signed_as}
    sign(method="POST", url=f"https://server{CLAIMS_PATH}", headers=headers, body=body, **what)
    return await device.api.post(CLAIMS_PATH, content=body, headers=headers)


async def claim(device: SignedDevice, account: str = "ada") -> str:
    """The page to confirm at."""
    answer = await post_claim(device, account)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=ClaimOffered).path


@pytest.fixture
async def ada(person: Person) -> UUID:
    return await person("Ada Example", "ada@example.org")


async def test_a_new_account_is_theirs_from_the_first_use_on(
    browser: Browser, ada: UUID, device: SignedDevice, rows: Rows
) -> None:
    page, hers = await claim(device), await browser(ada)
    asked = await hers.get(page)
    assert asked.status_code == 200
    for said in ("desk-1", "ada", "Ada Example", "Confirm only if it was you"):
        assert said in asked.text
    assert rows("select * from account") == []  # looking changes nothing
    done = await hers.post(page)
    assert (done.status_code, done.headers["location"]) == (303, "/me/devices?said=claimed")
    shown = (await hers.get("/me/devices?said=claimed")).text
    assert "The account is yours from now on." in shown
    assert "desk-1" in shown
    await use(device, 1, "ada")
    assert rows("select distinct person_id from usage_event") == [(ada,)]
    assert (await hers.post(page)).status_code == 404  # once
    tags = rows("select tag, actor_id, subject_id from audit_entry where tag = 'account:assigned'")
    assert tags == [("account:assigned", ada, ada)]


async def test_what_was_before_waits_for_a_second_person(
    browser: Browser, site: httpx.AsyncClient, ada: UUID, device: SignedDevice, rows: Rows
) -> None:
    await use(device, 1, "ada")
    [(made_up,)] = rows("select person_id from person where from_account")
    page, hers = await claim(device), await browser(ada)
    assert "an administrator hands it over" in (await hers.get(page)).text
    await hers.post(page)
    await use(device, 7, "ada")
    held = rows("select person_id, count(*) from usage_event group by 1")
    assert set(held) == {(made_up, 6), (ada, 6)}
    theirs = f"/devices/{device.enrolled.device}"
    assert "took this account as theirs on the device" in (await site.get(theirs)).text
    assert (await give(site, device, "ada", "ada@example.org")).status_code == 303
    assert rows("select distinct person_id from usage_event") == [(ada,)]
    assert rows(AS_KEPT) == rows(FROM_EVENTS)
    assert rows("select count(*) from person where from_account") == [(0,)]
    assert "took this account" not in (await site.get(theirs)).text


async def test_nobody_hands_themself_what_was_before(
    browser: Browser, person: Person, device: SignedDevice, rows: Rows
) -> None:
    sam = await person("Sam Sample", "sam@example.org", Role.ADMINISTRATOR)
    await use(device, 1, "ada")
    theirs = await browser(sam)
    assert (await theirs.post(await claim(device))).status_code == 303
    refused = await give(theirs, device, "ada", "sam@example.org")
    assert refused.status_code == 422
    assert "Someone else must say" in refused.text
    assert rows("select count(*) from usage_event where person_id = %s", sam) == [(0,)]


async def test_codes_that_lead_nowhere(
    browser: Browser, person: Person, ada: UUID, device: SignedDevice, other_device: SignedDevice, rows: Rows
) -> None:
    hers, his = await browser(ada), await browser(await person("Kim Example", "kim@example.org"))
    first = await claim(device)
    second = await claim(device)  # ends the first
    other = await claim(other_device, "kim")
    assert (await hers.get(first)).status_code == 404
    for page in ("/claim/north-0000-0000-0000", "/claim/nonsense", second.replace("north", "south")):
        assert (await hers.get(page)).status_code == 404
        assert (await hers.post(page)).status_code == 404
    typed = await hers.post("/claim", data={"code": second.rpartition("/")[2].upper()})
    assert "Is this account yours?" in typed.text
    assert (await hers.post(second)).status_code == 303

    third = await claim(device)
    taken = await his.get(third)
    assert (taken.status_code, "somebody else" in taken.text) == (404, True)
    assert (await his.post(third)).status_code == 404
    assert rows("select person_id from account") == [(ada,)]

    rows("update account_claim set expires_at = now()")
    assert (await his.post(other)).status_code == 404
    async with httpx.AsyncClient(transport=device.api._transport, base_url="http://test") as visitor:
        answer = await visitor.get(third)
        assert (answer.status_code, "next=%2Fclaim%2F" in answer.text) == (401, True)


async def test_only_the_device_itself_gets_a_code(device: SignedDevice, other_device: SignedDevice, rows: Rows) -> None:
    forged = await post_claim(device, private_key=other_device.private_key)
    assert forged.status_code == 401
    assert (await post_claim(device, "a" * 300)).status_code == 400
    rows("update device set status = 'revoked' where device_id = %s", device.enrolled.device)
    assert (await post_claim(device)).status_code == 403
    rows("update tenant set status = 'suspended'")
    assert (await post_claim(other_device)).status_code == 403
    assert rows("select * from account_claim") == []


async def test_an_erasure_takes_what_waited_and_every_trace_of_the_claim(
    browser: Browser, ada: UUID, device: SignedDevice, database: Database, organisation: Tenant, rows: Rows
) -> None:
    await use(device, 1, "ada.lovelace")
    hers = await browser(ada)
    await hers.post(await claim(device, "ada.lovelace"))
    await claim(device, "ada.lovelace")  # asked for once more, and never confirmed
    async with database.tenant(organisation.tenant_id) as connection:
        erased = await erase(connection, organisation.tenant_id, ada, uuid4())
    assert (erased.events, erased.devices) == (6, 1)
    assert rows("select count(*) from usage_event") == [(0,)]
    for table in ("person", "account", "account_claim", "device", "usage_daily"):
        [(held,)] = rows(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")
        assert "ada.lovelace" not in str(held), table
