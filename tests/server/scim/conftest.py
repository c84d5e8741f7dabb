"""An organisation whose own directory speaks SCIM to the whole application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from toktra.server.audit.service import Actor
from toktra.server.database.pool import Database
from toktra.server.scim.tokens import create_token
from toktra.server.tenants.service import Tenant, find_tenant

CORE = "urn:ietf:params:scim:schemas:core:2.0"
WORK = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Directory:
    """Requests of the organisation's directory."""

    client: httpx.AsyncClient
    database: Database
    tenant: Tenant

    async def user(self, name: str, **more: Any) -> dict[str, Any]:
        """Adds a user and answers what came back."""
        sent = {"schemas": [f"{CORE}:User"], "userName": f"{name}@north.example", "displayName": name, **more}
        answer = await self.client.post("/Users", json=sent)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def group(self, name: str, *users: dict[str, Any]) -> dict[str, Any]:
        sent = {
            "schemas": [f"{CORE}:Group"],
            "displayName": name,
            "members": [{"value": user["id"]} for user in users],
        }
        answer = await self.client.post("/Groups", json=sent)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def patch(self, path: str, *operations: dict[str, Any]) -> httpx.Response:
        return await self.client.patch(path, json={"schemas": [PATCH], "Operations": list(operations)})

    async def rows(self, statement: str) -> list[Any]:
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            cursor = await connection.execute(statement)
            return [tuple(row) for row in await cursor.fetchall()]


@pytest.fixture
async def north(database: Database, tenant: object) -> Tenant:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    return found


@pytest.fixture
async def token(database: Database, north: Tenant) -> str:
    async with database.tenant(north.tenant_id) as connection:
        return str(await create_token(connection, north, "Directory", Actor.system()))


@pytest.fixture
async def directory(api: httpx.AsyncClient, database: Database, north: Tenant, token: str) -> AsyncIterator[Directory]:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    async with httpx.AsyncClient(transport=api._transport, base_url="http://test/scim/v2", headers=headers) as client:
        yield Directory(client, database, north)
