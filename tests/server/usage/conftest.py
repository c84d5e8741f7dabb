"""An organisation whose people report through the device API, and its owner's browser."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from toktra.catalogue import load_catalogue
from toktra.server.database.pool import Database
from toktra.server.ingest.service import Ingest
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role
from toktra.wire.columns import in_columns
from toktra.wire.events import Batch, UsageEvent
from toktra.wire.signatures import KeyId


@dataclass(slots=True)
class Desk:
    """A device with one account, which belongs to one person."""

    ingest: Ingest
    key: KeyId
    sequence: int = 0

    async def use(
        self, *, host: str = "api.anthropic.com", times: int = 1, at: datetime | None = None, **fields: int
    ) -> None:
        """So many uses of a provider, taken in as the server takes in batches."""
        event: dict[str, Any] = {
            "provider_host": host,
            "request_bytes": 16_000,
            "response_bytes": 80_000,
            "estimated_input_tokens": 4_000,
            "estimated_output_tokens": 800,
            "at": (at or datetime.now(UTC)).replace(microsecond=0),
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


@dataclass(slots=True)
class Office:
    """An organisation under test."""

    database: Database
    tenant: Tenant
    owner: UUID
    ingest: Ingest

    async def desk(self, person: UUID | None = None, *, enrolled_days_ago: int = 0) -> Desk:
        """A device of this person, or of a new one."""
        if person is None:
            person = await add_person(
                self.database, self.tenant.tenant_id, display_name=secrets.token_hex(4), role=Role.EMPLOYEE
            )
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            cursor = await connection.execute(
                "insert into device (tenant_id, public_key, hostname, platform, agent_version, enrolled_at) "
                "values (%s, %s, 'desk', 'linux', '1.0', now() - %s) returning device_id",
                [self.tenant.tenant_id, secrets.token_bytes(32), timedelta(days=enrolled_days_ago)],
            )
            row = await cursor.fetchone()
            assert row is not None
            await connection.execute(
                "insert into account (tenant_id, device_id, name, person_id) values (%s, %s, 'someone', %s)",
                [self.tenant.tenant_id, row[0], person],
            )
        return Desk(self.ingest, KeyId(self.tenant.tenant_id, row[0]))

    async def reported(self, desk: Desk, days_ago: int) -> None:
        """As if the device had reported on an earlier day."""
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            await connection.execute(
                "insert into device_day (tenant_id, day, device_id) "
                "values (%s, (now() at time zone 'UTC')::date - %s, %s) on conflict do nothing",
                [self.tenant.tenant_id, days_ago, desk.key.device],
            )


@pytest.fixture
async def office(database: Database, tenant: object) -> Office:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    owner = await add_person(database, found.tenant_id, display_name="Robin Example", role=Role.OWNER)
    return Office(database, found, owner, Ingest(database, load_catalogue(), accepted_age_days=400))


@pytest.fixture
async def owner_api(api: httpx.AsyncClient, office: Office) -> httpx.AsyncClient:
    """The owner's browser, signed in."""
    await api.post(await create_sign_in_link(office.database, office.tenant, office.owner))
    return api
