"""The tokens by which an organisation's directory proves that it may: made by an administrator, shown once, hashed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import Tenant, find_tenant

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

LIFETIME: Final = timedelta(days=365)


class UnknownToken(LookupError):
    """There is no such token in this organisation that still works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedToken:
    """A token that works. The token itself is known to nobody here."""

    token_id: UUID
    name: str
    made_by: str | None
    made_on: date
    expires_on: date
    last_used_on: date | None


async def create_token(connection: Connection, tenant: Tenant, name: str, actor: audit.Actor) -> Token:
    """A new token, shown once. `name` is a usable one."""
    token = Token.new(tenant.slug)
    await _queries.add_token(
        connection,
        tenant_id=tenant.tenant_id,
        token_hash=token.hash,
        name=name,
        made_by=actor.person_id,
        valid_for=LIFETIME,
    )
    expires_on = f"{datetime.now(UTC) + LIFETIME:%Y-%m-%d}"
    await audit.record(
        connection,
        tenant.tenant_id,
        Tag.SCIM_TOKEN_CREATED,
        actor,
        after={"name": name, "expires_on": expires_on},
    )
    return token


async def tokens(connection: Connection, tenant_id: UUID) -> list[ListedToken]:
    """All that work, newest first."""
    return [ListedToken(**row._asdict()) async for row in _queries.tokens(connection, tenant_id=tenant_id)]


async def end_token(connection: Connection, tenant_id: UUID, token_id: UUID, actor: audit.Actor) -> None:
    """From its next request on it is refused. Raises UnknownToken."""
    name = await _queries.end_token(connection, tenant_id=tenant_id, token_id=token_id)
    if name is None:
        raise UnknownToken
    await audit.record(connection, tenant_id, Tag.SCIM_TOKEN_ENDED, actor, after={"name": name})


async def tenant_of(database: Database, text: str) -> Tenant | None:
    """The organisation a token belongs to; None when it does not work. It may be one that is suspended."""
    token = Token.parse(text)
    tenant = await find_tenant(database, token.slug) if token else None
    if token is None or tenant is None:
        return None
    async with database.tenant(tenant.tenant_id) as connection:
        row = await _queries.find_token(connection, tenant_id=tenant.tenant_id, token_hash=token.hash)
        if row is None:
            return None
        if row.is_first_today:
            await _queries.note_use(connection, tenant_id=tenant.tenant_id, token_id=row.token_id)
    return tenant
