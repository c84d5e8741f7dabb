"""An organisation with departments and use in its ledger, and browsers of people in different roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.budgets import service
from toktra.server.budgets.budget import Subject, SubjectKind, Unit, Version
from toktra.server.budgets.entering import Entered
from toktra.server.budgets.periods import Every, Rhythm
from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.people.signed_in import SignedIn
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role

OPENAI, ANTHROPIC = "api.openai.com", "api.anthropic.com"
TODAY = date(2026, 11, 20)


@dataclass(slots=True)
class Firm:
    """An organisation under test; its owner is in no department."""

    database: Database
    tenant: Tenant
    owner: UUID
    people: dict[str, list[UUID]] = field(default_factory=dict)

    @property
    def reader(self) -> SignedIn:
        return SignedIn(self.tenant, self.owner, "Robin Example", Role.OWNER)

    async def hire(self, department: str, number: int) -> None:
        """So many people in a department, from the beginning."""
        for place in range(number):
            email = f"{department.lower()}.{place}@north.example"
            person = await add_person(
                self.database,
                self.tenant.tenant_id,
                display_name=f"{department} {place}",
                role=Role.EMPLOYEE,
                email=email,
            )
            await self.execute("update person set department = %s where person_id = %s", department, person)
            await self.execute("update department_period set department = %s where person_id = %s", department, person)
            self.people.setdefault(department, []).append(person)

    async def use(self, person: UUID, day: date, tokens: int, host: str = OPENAI) -> None:
        """Use of a person on a day, as both rollups hold it: a tenth of it is output."""
        amounts = [tokens // 1000, tokens * 4, tokens * 4, tokens - tokens // 10, tokens // 10]
        at = datetime.combine(day, time(12), UTC)
        key = [self.tenant.tenant_id, day, person, host, ESTIMATOR_VERSION, *amounts]
        await self.execute(f"insert into usage_daily values ({', '.join(['%s'] * 10)})", *key)
        sums = ", ".join(
            f"{name} = usage_hourly.{name} + excluded.{name}"
            for name in ("exchanges", "request_bytes", "response_bytes", "input_tokens", "output_tokens")
        )
        await self.execute(
            f"insert into usage_hourly values ({', '.join(['%s'] * 9)}) "
            f"on conflict (tenant_id, hour, provider_host, estimator_version) do update set {sums}",
            *[self.tenant.tenant_id, at, host, ESTIMATOR_VERSION, *amounts],
        )

    async def budget(self, subject: Subject | None = None, **changes: Any) -> UUID:
        """A budget of a million tokens a month for everyone unless said otherwise, made on the first of October."""
        version: dict[str, Any] = {
            "valid_from": date(2026, 10, 1),
            "amount": Decimal(1_000_000),
            "currency": None,
            "thresholds": (50, 80, 100),
            "tells_of_forecast": False,
            "owner_id": self.owner,
        }
        rhythm = changes.pop("rhythm", Rhythm(Every.MONTH))
        entered = Entered(
            subject or Subject(SubjectKind.ORGANISATION),
            Unit.MONEY if changes.get("currency") else Unit.TOKENS,
            rhythm,
            Version(**{**version, **changes}),
        )
        return await service.add(self.database, self.reader, entered)

    async def rows(self, query: str) -> list[Any]:
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            return await (await connection.execute(query)).fetchall()

    async def execute(self, query: str, *values: Any) -> None:
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            await connection.execute(query, list(values))


@pytest.fixture
async def firm(database: Database, tenant: object) -> Firm:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    owner = await add_person(
        database, found.tenant_id, display_name="Robin Example", role=Role.OWNER, email="robin@north.example"
    )
    return Firm(database, found, owner)


SignIn = Callable[[Role], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def sign_in(api: httpx.AsyncClient, firm: Firm) -> SignIn:
    """Makes the browser that of a new person of this role."""

    async def as_role(role: Role) -> httpx.AsyncClient:
        person = await add_person(firm.database, firm.tenant.tenant_id, display_name=f"A {role}", role=role)
        api.cookies.clear()
        await api.post(await create_sign_in_link(firm.database, firm.tenant, person))
        return api

    return as_role
