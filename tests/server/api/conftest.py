"""An organisation with use in its ledger, and programs of people in different roles that ask the API about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

import httpx
import pytest
from tests.server.usage.conftest import office, owner_api

from toktra.server.api.clients import Kind, create
from toktra.server.api.scopes import Scope
from toktra.server.people.service import add_person
from toktra.server.people.signed_in import SignedIn
from toktra.server.web.access import Role

__all__ = ["office", "owner_api"]

MakeKey = Callable[..., Awaitable[dict[str, str]]]


@pytest.fixture
def key_of(office: Any) -> MakeKey:
    """Headers with a new API key that a new person of a role made: key_of(Role.OWNER, {Scope.USAGE_READ})."""

    async def make(role: Role = Role.OWNER, scopes: Collection[Scope] = tuple(Scope), days: int = 30) -> dict[str, str]:
        tenant_id = office.tenant.tenant_id
        person_id = await add_person(office.database, tenant_id, display_name=f"Kim the {role}", role=role)
        reader = SignedIn(office.tenant, person_id, f"Kim the {role}", role)
        async with office.database.tenant(tenant_id) as connection:
            made = await create(connection, reader, Kind.KEY, "nightly report", scopes, days=days)
        return {"authorization": f"Bearer {made.secret}"}

    return make


@pytest.fixture
async def key(key_of: MakeKey) -> dict[str, str]:
    """An owner's key with every scope."""
    return await key_of()


@pytest.fixture
def rows(office: Any) -> Callable[..., Awaitable[list[Any]]]:
    """What a query finds in this organisation's tables."""

    async def find(query: str, *values: Any) -> list[Any]:
        async with office.database.tenant(office.tenant.tenant_id) as connection:
            found: list[Any] = await (await connection.execute(query, list(values))).fetchall()
            return found

    return find


async def get(api: httpx.AsyncClient, path: str, key: dict[str, str], status: int = 200, **params: Any) -> Any:
    """The body of an answer, which has this status."""
    answer = await api.get(f"/v1{path}", params=params, headers=key)
    assert answer.status_code == status, answer.text
    return answer.json()
