"""An organisation with people in every role, devices that report, and a browser for each person."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from toktra.catalogue import load_catalogue
from toktra.server.app import create_app
from toktra.server.database.pool import Database
from toktra.server.ingest.service import Ingest
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role
from toktra.wire.columns import in_columns
from toktra.wire.events import Batch, UsageEvent
from toktra.wire.signatures import KeyId

if TYPE_CHECKING:
    from tests.server.conftest import Urls

_keys = itertools.count(1)


@dataclass(slots=True)
class Desk:
    """A device with one account, which belongs to one person."""

    ingest: Ingest
    key: KeyId
    hostname: str
    sequence: int = 0

    async def use(self, *, days_ago: int = 0, times: int = 1, at: datetime | None = None, **fields: Any) -> datetime:
        """So many uses at one time, taken in as the server takes in batches; that time."""
        when = (at or datetime.now(UTC) - timedelta(days=days_ago)).replace(microsecond=0)
        event: dict[str, Any] = {
            "provider_host": "api.anthropic.com",
            "request_bytes": 16_000,
            "response_bytes": 80_000,
            "estimated_input_tokens": 4_000,
            "estimated_output_tokens": 800,
            "at": when,
            "device": str(self.key.device),
            "user": "someone",
            **fields,
        }
        batch = Batch(
            epoch=1,
            prev_seq=self.sequence,
            agent_version="1.0",
            estimator_version="e1",
            events=[UsageEvent(sequence=self.sequence + place, **event) for place in range(1, times + 1)],
        )
        self.sequence += times
        await self.ingest.take_in(self.key, in_columns(batch))
        return when


@dataclass(slots=True)
class Office:
    """An organisation under test."""

    database: Database
    tenant: Tenant
    ingest: Ingest

    async def person(self, name: str, role: Role = Role.EMPLOYEE) -> UUID:
        return await add_person(self.database, self.tenant.tenant_id, display_name=name, role=role)

    async def desk(self, person: UUID, hostname: str = "desk", *, enrolled_days_ago: int = 90) -> Desk:
        """A device whose account is this person's, enrolled some time ago."""
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            cursor = await connection.execute(
                "insert into device (tenant_id, public_key, hostname, platform, agent_version, enrolled_at) "
                "values (%s, %s, %s, 'linux', '1.0', now() - %s) returning device_id",
                [self.tenant.tenant_id, next(_keys).to_bytes(32), hostname, timedelta(days=enrolled_days_ago)],
            )
            row = await cursor.fetchone()
            assert row is not None
            await connection.execute(
                "insert into account (tenant_id, device_id, name, person_id) values (%s, %s, 'someone', %s)",
                [self.tenant.tenant_id, row[0], person],
            )
        return Desk(self.ingest, KeyId(self.tenant.tenant_id, row[0]), hostname)


@dataclass(slots=True)
class Browsers:
    """Signs people in, each with cookies of their own, over one running application."""

    transport: httpx.ASGITransport
    stack: AsyncExitStack
    opened: dict[UUID, httpx.AsyncClient] = field(default_factory=dict)

    async def of(self, office: Office, person: UUID) -> httpx.AsyncClient:
        if person not in self.opened:
            browser = httpx.AsyncClient(transport=self.transport, base_url="http://test")
            self.opened[person] = await self.stack.enter_async_context(browser)
            answer = await browser.post(await create_sign_in_link(office.database, office.tenant, person))
            assert answer.status_code == 303
        return self.opened[person]


@pytest.fixture
async def office(database: Database, tenant: object) -> Office:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    return Office(database, found, Ingest(database, load_catalogue(), accepted_age_days=400))


@pytest.fixture
async def other_office(database: Database, other_tenant: object) -> Office:
    del other_tenant
    found = await find_tenant(database, "south")
    assert found is not None
    return Office(database, found, Ingest(database, load_catalogue(), accepted_age_days=400))


@pytest.fixture
async def browsers(urls: Urls) -> AsyncIterator[Browsers]:
    app = create_app(ServerSettings(database_url=urls.app, database_connections=10, run_jobs=False))
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        yield Browsers(httpx.ASGITransport(app), stack)
