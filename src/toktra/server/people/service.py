"""People, and the one-time links that sign them in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.sessions import Method, end_session, start, token_and_tenant
from toktra.server.people.signed_in import SAMPLE_SLUG, SignedIn, role_word
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import Tenant
from toktra.server.web.access import Role

__all__ = [
    "LINK_LIFETIME",
    "SAMPLE_SLUG",
    "LinkFault",
    "LinkRefused",
    "PendingLink",
    "SignedIn",
    "UnknownPerson",
    "add_person",
    "add_sign_in_link",
    "create_sign_in_link",
    "look_at_link",
    "role_word",
    "sign_in",
]

LINK_LIFETIME: Final = timedelta(hours=1)

_LINK_COMMAND: Final = Actor.by_command("server sign-in-link")

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


@dataclass(frozen=True, slots=True)
class PendingLink:
    """A link that would work, and whom it would sign in."""

    tenant_name: str
    display_name: str


class LinkFault(StrEnum):
    """Why a sign-in link does not work."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    PERSON_INACTIVE = "person inactive"


class LinkRefused(Exception):
    """A sign-in link does not work; `fault` says why, and the ids whose link it was, as far as that is known."""

    def __init__(self, fault: LinkFault, tenant_id: UUID | None = None, person_id: UUID | None = None) -> None:
        super().__init__(f"sign-in link refused: {fault}")
        self.fault = fault
        self.tenant_id = tenant_id
        self.person_id = person_id


class UnknownPerson(LookupError):
    """There is no such active person in this organisation."""


async def add_person(
    database: Database, tenant_id: UUID, *, display_name: str, role: Role, email: str | None = None
) -> UUID:
    """Adds a person and answers their id. Raises ValueError for Role.VISITOR, which nobody has."""
    if role is Role.VISITOR:
        raise ValueError("a person cannot be a visitor")
    async with database.tenant(tenant_id) as connection:
        row = await _queries.add_person(
            connection, tenant_id=tenant_id, display_name=display_name, email=email, role=role.value
        )
    person_id: UUID = row.person_id
    return person_id


async def create_sign_in_link(
    database: Database,
    tenant: Tenant,
    person_id: UUID,
    *,
    valid_for: timedelta = LINK_LIFETIME,
    by: Actor = _LINK_COMMAND,
) -> str:
    """The path of a new link that signs this person in once: /sign-in/<token>. Raises UnknownPerson."""
    async with database.tenant(tenant.tenant_id) as connection:
        return await add_sign_in_link(connection, tenant, person_id, valid_for=valid_for, by=by)


async def add_sign_in_link(
    connection: Connection, tenant: Tenant, person_id: UUID, *, valid_for: timedelta, by: Actor
) -> str:
    """The same within the caller's transaction. Raises UnknownPerson."""
    token = Token.new(tenant.slug)
    person = await _queries.find_person(connection, tenant_id=tenant.tenant_id, person_id=person_id)
    if person is None or person.status != "active":
        raise UnknownPerson(f"no active person {person_id} in {tenant.name}")
    await _queries.add_sign_in_link(
        connection,
        tenant_id=tenant.tenant_id,
        token_hash=token.hash,
        person_id=person_id,
        valid_for=valid_for,
    )
    expires_at = f"{datetime.now(UTC) + valid_for:%Y-%m-%d %H:%M}"
    await audit.record(
        connection,
        tenant.tenant_id,
        Tag.SIGN_IN_LINK_CREATED,
        by,
        subject_id=person_id,
        after={"expires_at": expires_at},
    )
    return f"/sign-in/{token}"


async def look_at_link(database: Database, text: str) -> PendingLink:
    """Whom a link would sign in, without using it: previews and scanners open links too. Raises LinkRefused."""
    found = await token_and_tenant(database, text)
    if found is None:
        raise LinkRefused(LinkFault.UNKNOWN)
    token, tenant = found
    async with database.tenant(tenant.tenant_id) as connection:
        row = await _queries.look_at_sign_in_link(connection, tenant_id=tenant.tenant_id, token_hash=token.hash)
    if fault := _fault(row):
        raise LinkRefused(fault)
    return PendingLink(tenant.name, row.display_name)


async def sign_in(database: Database, text: str, *, former_session: str | None) -> Token:
    """Uses a link and answers the token of a new session; the one the browser had ends. Raises LinkRefused."""
    found = await token_and_tenant(database, text)
    if found is None:
        raise LinkRefused(LinkFault.UNKNOWN)
    token, tenant = found
    async with database.tenant(tenant.tenant_id) as connection:
        tenant_id = tenant.tenant_id
        used = await _queries.use_sign_in_link(connection, tenant_id=tenant_id, token_hash=token.hash)
        if used is None:
            row = await _queries.look_at_sign_in_link(connection, tenant_id=tenant_id, token_hash=token.hash)
            raise LinkRefused(_fault(row) or LinkFault.USED, tenant_id, row.person_id if row else None)
        await _queries.forget_old_sign_in_links(connection, tenant_id=tenant_id)
        session = await start(connection, tenant, used.person_id, Role(used.role), Method.LINK)
    await end_session(database, former_session)
    return session


def _fault(row: Any) -> LinkFault | None:
    if row is None:
        return LinkFault.UNKNOWN
    if row.used:
        return LinkFault.USED
    if row.expired:
        return LinkFault.EXPIRED
    return None if row.status == "active" else LinkFault.PERSON_INACTIVE
