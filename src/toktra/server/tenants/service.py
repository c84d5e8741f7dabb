"""Organisations. Adding one is the work of the owner of the tables, so it is not something a request can do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from psycopg.rows import namedtuple_row

from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.database.pool import Connection, Database

_QUERIES: Final = Path(__file__).with_name("queries.sql")
_queries: Final[Any] = aiosql.from_path(_QUERIES, "apsycopg")
_queries_as_owner: Final[Any] = aiosql.from_path(_QUERIES, "psycopg")

SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
"""Stands before every code and link of the organisation, so it is short and easy to type."""


class InvalidSlug(ValueError):
    """Not usable as an organisation's short name."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation."""

    tenant_id: UUID
    slug: str
    name: str
    region: str
    active: bool


@dataclass(frozen=True, slots=True)
class Founded:
    """An organisation and the person who may do everything in it."""

    tenant: Tenant
    owner_id: UUID
    new: bool
    """False when both were there already."""


async def find_tenant(database: Database, slug: str) -> Tenant | None:
    """The organisation of this short name, if there is one."""
    async with database.global_tables() as connection:
        row = await _queries.tenant_by_slug(connection, slug=slug)
    return _tenant(row) if row else None


async def find_tenant_by_id(database: Database, tenant_id: UUID) -> Tenant:
    """The organisation of this id, which is there."""
    async with database.global_tables() as connection:
        return _tenant(await _queries.tenant_by_id(connection, tenant_id=tenant_id))


async def slug_of(connection: Connection, tenant_id: UUID) -> str:
    """The short name of an organisation, which is there."""
    slug: str = await _queries.slug(connection, tenant_id=tenant_id)
    return slug


async def only_tenant(database: Database) -> Tenant | None:
    """The one active organisation of this installation; None where there are several, or none yet."""
    async with database.global_tables() as connection:
        rows = [row async for row in _queries.first_two_active(connection)]
    return _tenant(rows[0]) if len(rows) == 1 else None


async def tenants_here(database: Database) -> list[Tenant]:
    """Every organisation of this installation, also those that are suspended."""
    async with database.global_tables() as connection:
        return [_tenant(row) async for row in _queries.all(connection)]


async def owner_of(database: Database, tenant: Tenant) -> UUID | None:
    """The first of the organisation's active owners."""
    async with database.tenant(tenant.tenant_id) as connection:
        owner: UUID | None = await _queries.owner_of(connection, tenant_id=tenant.tenant_id)
    return owner


def found(owner_url: str, *, slug: str, name: str, owner_name: str, region: str = "local") -> Founded:
    """Creates an organisation and its owner; finds them when they are there. Safe to repeat, also at the same time.

    Raises InvalidSlug or DatabaseUnreachable.
    """
    if not SLUG.fullmatch(slug):
        raise InvalidSlug(
            f"{slug!r} cannot be an organisation's short name: up to 32 lower-case letters, digits and hyphens, "
            "beginning and ending with a letter or digit"
        )
    try:
        connection = psycopg.connect(owner_url, row_factory=namedtuple_row)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"cannot reach the database as its owner: {error}") from None
    with connection:
        new = _queries_as_owner.add_tenant(connection, slug=slug, name=name, region=region) is not None
        connection.execute("select from tenant where slug = %s for update", [slug])  # one founder at a time
        tenant = _tenant(_queries_as_owner.tenant_by_slug(connection, slug=slug))
        _queries_as_owner.name_tenant(connection, tenant_id=str(tenant.tenant_id))
        owner = _queries_as_owner.owner_of(connection, tenant_id=tenant.tenant_id)
        if owner is None:
            owner = _queries_as_owner.add_owner(connection, tenant_id=tenant.tenant_id, display_name=owner_name)
        return Founded(tenant, owner, new)


def _tenant(row: Any) -> Tenant:
    return Tenant(row.tenant_id, row.slug, row.name, row.region, row.status == "active")
