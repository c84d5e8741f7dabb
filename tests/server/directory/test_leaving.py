"""Leaving ends every way in at once: sessions, links, codes, and devices that were the person's alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.conftest import enrol_device, post_enrolment

from toktra.server.database.pool import Database
from toktra.server.devices.service import create_enrolment_code
from toktra.server.people.service import SignedIn, create_sign_in_link
from toktra.server.tenants.service import Tenant
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice

Person = Callable[..., Awaitable[UUID]]
Browser = Callable[[UUID], Awaitable[httpx.AsyncClient]]
Rows = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
async def ada(person: Person) -> UUID:
    return await person("Ada Example", "ada@example.org", Role.AUDITOR)


@pytest.fixture
async def laptop(api: httpx.AsyncClient, database: Database, organisation: Tenant, ada: UUID) -> SignedDevice:
    """Ada's, and nobody else's."""
    code = await create_enrolment_code(database, organisation, person_id=ada)
    return await enrol_device(api, str(code), hostname="laptop")


async def test_sessions_links_codes_and_own_devices_end_together(
    site: httpx.AsyncClient,
    api: httpx.AsyncClient,
    browser: Browser,
    database: Database,
    organisation: Tenant,
    ada: UUID,
    laptop: SignedDevice,
    rows: Rows,
) -> None:
    theirs = await browser(ada)
    link = await create_sign_in_link(database, organisation, ada)
    code = str(await create_enrolment_code(database, organisation, person_id=ada))
    assert (await theirs.get("/")).status_code == 200
    assert (await laptop.send(laptop.batch(1, 2))).status_code == 200

    answer = await site.post(f"/people/{ada}/leave")

    assert answer.status_code == 200
    assert "theirs alone and is revoked: laptop" in answer.text
    assert (await theirs.get("/")).status_code == 401
    assert (await api.get(link)).status_code == 410
    refused = await laptop.send(laptop.batch(3, 1))
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("revoked")
    assert (await post_enrolment(api, code, Ed25519PrivateKey.generate())).status_code == 403
    assert rows("select count(*) from usage_event") == [(2,)], "what was recorded stays"
    assert rows("select count(*) from session where person_id = %s", ada) == [(0,)]
    assert rows("select tag from audit_entry where tag in ('device:revoked', 'person:changed') order by number") == [
        ("device:revoked",),
        ("person:changed",),
    ]


async def test_a_shared_device_goes_on_and_says_so(
    site: httpx.AsyncClient, ada: UUID, laptop: SignedDevice, rows: Rows
) -> None:
    assert (await laptop.send(laptop.batch(1, 1))).status_code == 200
    assert (await laptop.send(laptop.batch(2, 1, user="bob"))).status_code == 200
    assert "No device was theirs alone." in (await site.post(f"/people/{ada}/leave")).text
    assert (await laptop.send(laptop.batch(3, 1, user="bob"))).status_code == 200
    assert rows("select status from device") == [("active",)]


async def test_a_device_shared_only_with_someone_who_has_left_ends_too(
    site: httpx.AsyncClient, ada: UUID, laptop: SignedDevice, rows: Rows
) -> None:
    await laptop.send(laptop.batch(1, 1, user="bob"))
    ((bob,),) = rows("select person_id from person where from_account")
    data = {"name": "Bob", "email": "bob@example.org"}
    assert (await site.post(f"/people/{bob}", data=data)).status_code == 303
    await site.post(f"/people/{bob}/leave")
    assert rows("select status from device") == [("active",)]
    await site.post(f"/people/{ada}/leave")
    assert rows("select status from device") == [("revoked",)]


async def test_coming_back_lets_in_again_and_revives_nothing(
    site: httpx.AsyncClient, browser: Browser, ada: UUID, laptop: SignedDevice, rows: Rows
) -> None:
    before = await browser(ada)
    await site.post(f"/people/{ada}/leave")
    assert "Left on" in (await site.get(f"/people/{ada}")).text
    assert (await site.post(f"/people/{ada}/return")).status_code == 303
    assert (await before.get("/")).status_code == 401
    assert (await laptop.send(laptop.batch(1, 1))).status_code == 403
    assert (await (await browser(ada)).get("/")).status_code == 200
    assert rows("select status, left_at from person where person_id = %s", ada) == [("active", None)]


async def test_when_any_part_fails_nobody_has_left(
    site: httpx.AsyncClient, browser: Browser, ada: UUID, laptop: SignedDevice, rows: Rows
) -> None:
    """The audit entry is the last thing written; a database that refuses it takes everything back."""
    theirs = await browser(ada)
    rows("alter table audit_entry add constraint no_more check (tag <> 'person:changed') not valid")
    with pytest.raises(psycopg.errors.CheckViolation):
        await site.post(f"/people/{ada}/leave")
    assert (await theirs.get("/")).status_code == 200
    assert (await laptop.send(laptop.batch(1, 1))).status_code == 200
    assert rows("select status, left_at from person where person_id = %s", ada) == [("active", None)]


async def test_leaving_again_changes_nothing(site: httpx.AsyncClient, owner: SignedIn, ada: UUID, rows: Rows) -> None:
    del owner
    await site.post(f"/people/{ada}/leave")
    left = rows("select left_at from person where person_id = %s", ada)
    assert (await site.post(f"/people/{ada}/leave")).status_code == 200
    assert rows("select left_at from person where person_id = %s", ada) == left
