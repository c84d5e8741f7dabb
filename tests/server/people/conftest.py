"""An organisation with people in it, and browsers that are signed in."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role


@pytest.fixture
async def organisation(database: Database, tenant: object) -> Tenant:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    return found


@pytest.fixture
async def owner(database: Database, organisation: Tenant) -> UUID:
    return await add_person(database, organisation.tenant_id, display_name="Robin Example", role=Role.OWNER)


@pytest.fixture
async def link(database: Database, organisation: Tenant, owner: UUID) -> str:
    return await create_sign_in_link(database, organisation, owner)


@pytest.fixture
async def signed_in(api: httpx.AsyncClient, link: str) -> httpx.AsyncClient:
    """The owner's browser."""
    answer = await api.post(link)
    assert answer.status_code == 303
    return api
