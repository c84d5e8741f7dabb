"""An office whose people have browsers, and devices that ask for weeks with the agent's own code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role
from toktra.wire.portal import QUESTION_BYTES, WeeksAnswer, WeeksQuestion, decode_answer, filled
from toktra.wire.signatures import KeyId, sign

if TYPE_CHECKING:
    from tests.server.conftest import Urls

WEEK = {"zone": "Europe/Berlin", "version": "0", "do": "save", "mon-1-from": "12:00", "mon-1-to": "13:00"}


@dataclass(slots=True)
class Desk:
    """A device with a key, whose accounts belong to people."""

    api: httpx.AsyncClient
    key: KeyId
    private_key: Ed25519PrivateKey

    async def post(self, body: bytes, **signed_as: Any) -> httpx.Response:
        headers = {"content-type": "application/json"}
        what = {
            "method": "POST",
            "url": "https://server/ingest/v1/weeks",
            "body": body,
            "key_id": str(self.key),
            "private_key": self.private_key,
        }
        sign(headers=headers, **{**what, **signed_as})
        return await self.api.post("/ingest/v1/weeks", content=body, headers=headers)

    async def asks(self, **question: Any) -> WeeksAnswer:
        body = filled(WeeksQuestion(agent_version="1.0", **{"in_use": False, **question}), QUESTION_BYTES)
        answer = await self.post(body)
        assert answer.status_code == 200, answer.text
        return decode_answer(answer.content)


@dataclass(slots=True)
class Office:
    """An organisation under test."""

    database: Database
    tenant: Tenant
    api: httpx.AsyncClient

    async def person(self, name: str, role: Role = Role.EMPLOYEE) -> UUID:
        return await add_person(self.database, self.tenant.tenant_id, display_name=name, role=role)

    async def browser(self, person: UUID) -> httpx.AsyncClient:
        """Signed in as this person, with cookies of its own over the same running application."""
        browser = httpx.AsyncClient(transport=self.api._transport, base_url="http://test")
        answer = await browser.post(await create_sign_in_link(self.database, self.tenant, person))
        assert answer.status_code == 303
        return browser

    async def desk(self, **people: UUID) -> Desk:
        """A device with an account for each person, by name."""
        private_key = Ed25519PrivateKey.generate()
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            cursor = await connection.execute(
                "insert into device (tenant_id, public_key, hostname, platform, agent_version) "
                "values (%s, %s, 'desk', 'linux', '1.0') returning device_id",
                [self.tenant.tenant_id, private_key.public_key().public_bytes_raw()],
            )
            [device_id] = await cursor.fetchone() or [None]
            for name, person in people.items():
                await connection.execute(
                    "insert into account (tenant_id, device_id, name, person_id) values (%s, %s, %s, %s)",
                    [self.tenant.tenant_id, device_id, name, person],
                )
        return Desk(self.api, KeyId(self.tenant.tenant_id, device_id), private_key)


async def chooses(browser: httpx.AsyncClient, desk: Desk, do: str = "send") -> httpx.Response:
    """The person says that their week may go to this device."""
    return await browser.post("/me/privacy-hours/devices", data={"device": str(desk.key.device), "do": do})


@pytest.fixture
async def office(api: httpx.AsyncClient, database: Database, tenant: object) -> Office:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    return Office(database, found, api)


@pytest.fixture
async def other_office(api: httpx.AsyncClient, database: Database, other_tenant: object) -> Office:
    del other_tenant
    found = await find_tenant(database, "south")
    assert found is not None
    return Office(database, found, api)


@pytest.fixture
async def own(urls: Urls) -> AsyncIterator[OwnDatabase]:
    async with OwnDatabase(urls.privacy) as pool:
        yield pool
