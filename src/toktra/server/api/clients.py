"""Programs that may use the API: made by a person, shown their secret once, listed, revoked, and recognised."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.api.scopes import Scope, in_force
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.signed_in import SignedIn
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import find_tenant
from toktra.server.web.access import Role

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("clients.sql"), "apsycopg")

LIFETIMES_DAYS: Final = (30, 90, 365)
TOKEN_LIFETIME: Final = timedelta(hours=1)


class Kind(StrEnum):
    """How a program proves itself, as stored."""

    KEY = "key"
    """Sends its key with every request."""
    OAUTH = "oauth"
    """Fetches an access token for an hour with its secret (client credentials, RFC 6749 section 4.4)."""


class UnknownClient(LookupError):
    """There is no such program in this organisation that still works."""


class Suspended(Exception):
    """The organisation is suspended: nothing of it is read or changed."""


@dataclass(frozen=True, slots=True)
class MadeClient:
    """What its maker must copy now: the secret is known to nobody afterwards."""

    kind: Kind
    client_id: str
    """What an OAuth client calls itself; a key has no use for it."""
    secret: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedClient:
    """One line of the list."""

    client_id: UUID
    kind: Kind
    name: str
    scopes: tuple[str, ...]
    lost: tuple[str, ...]
    """Scopes it has and cannot use, because the role of its person does not allow them now."""
    made_by: str
    is_person_here: bool
    made_on: date
    expires_on: date
    last_used_on: date | None
    revoked_on: date | None
    is_expired: bool

    @property
    def works(self) -> bool:
        return self.is_person_here and self.revoked_on is None and not self.is_expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks by the API: a program, for a person of an organisation."""

    database: Database
    client_id: UUID
    reader: SignedIn
    scopes: frozenset[Scope]
    """Those in force."""

    @property
    def tenant_id(self) -> UUID:
        return self.reader.tenant.tenant_id


async def create(
    connection: Connection, reader: SignedIn, kind: Kind, name: str, scopes: Collection[Scope], *, days: int
) -> MadeClient:
    """A new program that acts for the reader. Name, scopes and days are usable ones (see entering)."""
    tenant_id, secret = reader.tenant.tenant_id, Token.new(reader.tenant.slug)
    words = [scope.value for scope in Scope if scope in scopes]
    client_id: UUID = await _queries.add_client(
        connection,
        tenant_id=tenant_id,
        kind=kind.value,
        name=name,
        secret_hash=secret.hash,
        scopes=words,
        made_by=reader.person_id,
        valid_for=timedelta(days=days),
    )
    expires_on = f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
    await audit.record(
        connection,
        tenant_id,
        Tag.API_CLIENT_CREATED,
        reader.actor,
        after={"name": name, "kind": kind.value, "scopes": " ".join(words), "expires_on": expires_on},
    )
    return MadeClient(kind, f"{reader.tenant.slug}.{client_id}", secret)


async def clients(connection: Connection, tenant_id: UUID) -> list[ListedClient]:
    """All there ever were, newest first."""
    return [_listed(row) async for row in _queries.clients(connection, tenant_id=tenant_id)]


async def revoke(connection: Connection, tenant_id: UUID, client_id: UUID, actor: audit.Actor) -> None:
    """Its next request is refused, and so are its access tokens. Raises UnknownClient when it is so already."""
    row = await _queries.revoke_client(connection, tenant_id=tenant_id, client_id=client_id, revoked_by=actor.person_id)
    if row is None:
        raise UnknownClient
    await _queries.end_tokens(connection, tenant_id=tenant_id, client_id=client_id)
    after = {"name": row.name, "kind": row.kind}
    await audit.record(connection, tenant_id, Tag.API_CLIENT_REVOKED, actor, after=after)


async def whose(database: Database, text: str) -> Caller | None:
    """Who sends this key or access token; None when it does not work. Raises Suspended."""
    token = Token.parse(text)
    tenant = await find_tenant(database, token.slug) if token else None
    if token is None or tenant is None:
        return None
    async with database.tenant(tenant.tenant_id) as connection:
        row = await _queries.find_caller(connection, tenant_id=tenant.tenant_id, secret_hash=token.hash)
        if row is None:
            return None
        if not tenant.active:
            raise Suspended
        if row.is_first_today:
            await _queries.note_use(connection, tenant_id=tenant.tenant_id, client_id=row.client_id)
    role = Role(row.role)
    reader = SignedIn(tenant, row.person_id, row.display_name, role, program=row.name)
    return Caller(database=database, client_id=row.client_id, reader=reader, scopes=in_force(row.scopes, role))


async def issue_token(
    database: Database, client_id: str, secret: str, asked: Collection[str]
) -> tuple[Token, list[Scope]] | None:
    """An access token for an hour and what it allows: what was asked for of what the client may, or all of that.

    None when there is no such client. What is asked for and not allowed is left out; the answer says what is in it.
    Raises Suspended.
    """
    token = Token.parse(secret)
    tenant = await find_tenant(database, token.slug) if token else None
    if token is None or tenant is None:
        return None
    async with database.tenant(tenant.tenant_id) as connection:
        row = await _queries.find_oauth_client(connection, tenant_id=tenant.tenant_id, secret_hash=token.hash)
        if row is None or client_id != f"{tenant.slug}.{row.client_id}":
            return None
        if not tenant.active:
            raise Suspended
        allowed = in_force(row.scopes, Role(row.role))
        given = [scope for scope in Scope if scope in allowed and (not asked or scope.value in asked)]
        issued = Token.new(tenant.slug)
        if given:
            await _queries.forget_old_tokens(connection, tenant_id=tenant.tenant_id)
            await _queries.add_token(
                connection,
                tenant_id=tenant.tenant_id,
                token_hash=issued.hash,
                client_id=row.client_id,
                scopes=[scope.value for scope in given],
                valid_for=TOKEN_LIFETIME,
            )
    return issued, given


def _listed(row: Any) -> ListedClient:
    held = in_force(row.scopes, Role(row.role))
    return ListedClient(
        client_id=row.client_id,
        kind=Kind(row.kind),
        name=row.name,
        scopes=tuple(row.scopes),
        lost=tuple(scope for scope in row.scopes if scope not in held),
        made_by=row.made_by,
        is_person_here=row.is_person_here,
        made_on=row.made_on,
        expires_on=row.expires_on,
        last_used_on=row.last_used_on,
        revoked_on=row.revoked_on,
        is_expired=row.is_expired,
    )
