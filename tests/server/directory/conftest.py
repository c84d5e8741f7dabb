"""An organisation with a directory, its owner and an administrator, each with a browser that is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

from toktra.server.database.pool import Database
from toktra.server.people.service import SignedIn, add_person, create_sign_in_link
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls

Browser = Callable[[UUID], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def organisation(database: Database, tenant: object) -> Tenant:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    return found


@pytest.fixture
def person(database: Database, organisation: Tenant) -> Callable[..., Awaitable[UUID]]:
    """Adds someone: await person("Ada Example", "ada@example.org", Role.FINANCE)."""

    async def add(name: str, email: str | None = None, role: Role = Role.EMPLOYEE) -> UUID:
        return await add_person(database, organisation.tenant_id, display_name=name, role=role, email=email)

    return add


@pytest.fixture
async def owner_id(person: Callable[..., Awaitable[UUID]]) -> UUID:
    return await person("Robin Example", "robin@example.org", Role.OWNER)


@pytest.fixture
async def owner(owner_id: UUID, organisation: Tenant) -> SignedIn:
    return SignedIn(organisation, owner_id, "Robin Example", Role.OWNER)


@pytest.fixture
async def administrator(person: Callable[..., Awaitable[UUID]], organisation: Tenant) -> SignedIn:
    person_id = await person("Sam Sample", "sam@example.org", Role.ADMINISTRATOR)
    return SignedIn(organisation, person_id, "Sam Sample", Role.ADMINISTRATOR)


@pytest.fixture
async def browser(api: httpx.AsyncClient, database: Database, organisation: Tenant) -> AsyncIterator[Browser]:
    """Signs someone in, in a browser of their own: await browser(person_id)."""
    opened: list[httpx.AsyncClient] = []

    async def sign_in(person_id: UUID) -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=api._transport, base_url="http://test")
        opened.append(client)
        answer = await client.post(await create_sign_in_link(database, organisation, person_id))
        assert answer.status_code == 303
        return client

    yield sign_in
    for client in opened:
        await client.aclose()


@pytest.fixture
async def site(browser: Browser, owner_id: UUID) -> httpx.AsyncClient:
    """The owner's browser."""
    return await browser(owner_id)


@pytest.fixture
async def admin_site(browser: Browser, administrator: SignedIn) -> httpx.AsyncClient:
    """The administrator's browser."""
    return await browser(administrator.person_id)


@pytest.fixture
def rows(urls: Urls) -> Callable[..., list[tuple[object, ...]]]:
    """What the database holds, whatever tenant: rows("select …", values)."""
    import psycopg

    def query(statement: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(urls.superuser) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    return query
