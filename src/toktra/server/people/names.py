"""What people are called, for other rooms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection, Database
from toktra.server.web.access import Role

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("names.sql"), "apsycopg")


@dataclass(frozen=True, slots=True)
class Named:
    """A person of an organisation, active or not."""

    person_id: UUID
    display_name: str
    role: Role


async def person_named(database: Database, tenant_id: UUID, person_id: UUID) -> Named | None:
    """The person of this id; None when this organisation has none."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.person(connection, tenant_id=tenant_id, person_id=person_id)
    return Named(row.person_id, row.display_name, Role(row.role)) if row else None


async def is_known(connection: Connection, tenant_id: UUID, person_id: UUID) -> bool:
    """Whether this organisation has a person of this id, active or not."""
    return await _queries.person(connection, tenant_id=tenant_id, person_id=person_id) is not None


async def names_of(database: Database, tenant_id: UUID, people: Iterable[UUID]) -> dict[UUID, str]:
    """The names of those of these people who are still known."""
    wanted = sorted(set(people))
    if not wanted:
        return {}
    async with database.tenant(tenant_id) as connection:
        rows = _queries.names(connection, tenant_id=tenant_id, people=wanted)
        return {row.person_id: row.display_name async for row in rows}


async def email_of(connection: Connection, tenant_id: UUID, person_id: UUID) -> str | None:
    """Where an active person's mail goes; None for those who left, are unknown or have no address."""
    email: str | None = await _queries.email(connection, tenant_id=tenant_id, person_id=person_id)
    return email


async def email_at_any_time(connection: Connection, tenant_id: UUID, person_id: UUID) -> str | None:
    """The address in somebody's entry, also when they have left."""
    email: str | None = await _queries.any_email(connection, tenant_id=tenant_id, person_id=person_id)
    return email


async def jurisdiction_of(connection: Connection, tenant_id: UUID, person_id: UUID) -> str | None:
    """The country or state whose law someone asks under (DE, US-CA); None: as their organisation."""
    place: str | None = await _queries.jurisdiction(connection, tenant_id=tenant_id, person_id=person_id)
    return place


async def active_emails(connection: Connection, tenant_id: UUID) -> dict[str, UUID]:
    """Every active person by e-mail address, in lower case."""
    rows = _queries.active_emails(connection, tenant_id=tenant_id)
    return {row.email: row.person_id async for row in rows}


async def people_called(database: Database, tenant_id: UUID, text: str) -> list[Named]:
    """Everyone whose name or e-mail address is this, whatever the case of its letters."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.people_called(connection, tenant_id=tenant_id, text=text.strip())
        return [Named(row.person_id, row.display_name, Role(row.role)) async for row in rows]
