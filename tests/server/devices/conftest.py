"""The owner's browser, and what the database holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import psycopg
import pytest

from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.service import find_tenant
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls


@pytest.fixture
async def owner_id(database: Database, tenant: object) -> UUID:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    return await add_person(
        database, found.tenant_id, display_name="Robin Example", role=Role.OWNER, email="robin@example.org"
    )


@pytest.fixture
async def site(api: httpx.AsyncClient, database: Database, owner_id: UUID) -> httpx.AsyncClient:
    """The owner's browser."""
    found = await find_tenant(database, "north")
    assert found is not None
    answer = await api.post(await create_sign_in_link(database, found, owner_id))
    assert answer.status_code == 303
    return api


@pytest.fixture
def rows(urls: Urls) -> Callable[..., list[tuple[object, ...]]]:
    """What the database holds, whatever tenant: rows("select …", values)."""

    def query(statement: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(urls.superuser) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    return query
