"""An organisation with use in its ledger, and browsers of people in different roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import httpx
import pytest

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role


@dataclass(slots=True)
class House:
    """An organisation under test."""

    database: Database
    tenant: Tenant
    owner: UUID

    @property
    def today(self) -> date:
        return datetime.now(UTC).date()

    async def use(self, host: str, days_ago: int = 0, *, times: int = 1) -> None:
        """Use of a provider on a day, as the rollup holds it."""
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            await connection.execute(
                "insert into usage_hourly values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                [
                    self.tenant.tenant_id,
                    datetime.combine(self.today - timedelta(days=days_ago), time(9), UTC),
                    host,
                    ESTIMATOR_VERSION,
                    100 * times,
                    4_000_000 * times,
                    9_000_000 * times,
                    1_000_000 * times,
                    200_000 * times,
                ],
            )


@pytest.fixture
async def house(database: Database, tenant: object) -> House:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    owner = await add_person(database, found.tenant_id, display_name="Robin Example", role=Role.OWNER)
    return House(database, found, owner)


SignIn = Callable[[Role], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def sign_in(api: httpx.AsyncClient, house: House) -> SignIn:
    """Makes the browser that of a new person of this role."""

    async def as_role(role: Role) -> httpx.AsyncClient:
        person = await add_person(house.database, house.tenant.tenant_id, display_name=f"A {role}", role=role)
        api.cookies.clear()
        await api.post(await create_sign_in_link(house.database, house.tenant, person))
        return api

    return as_role


@pytest.fixture
async def browser(api: httpx.AsyncClient, house: House) -> httpx.AsyncClient:
    """The owner's browser, signed in."""
    await api.post(await create_sign_in_link(house.database, house.tenant, house.owner))
    return api
