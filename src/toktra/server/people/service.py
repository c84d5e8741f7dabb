"""People, their one-time sign-in links and their sessions."""

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
from toktra.server.database.pool import Database
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role
from toktra.server.web.language import _

IDLE_LIMIT: Final = timedelta(hours=12)
"""Unused for so long, a session ends."""
ABSOLUTE_LIMIT: Final = timedelta(days=7)
"""A session ends after this long however much it is used."""
LINK_LIFETIME: Final = timedelta(hours=1)
SAMPLE_SLUG: Final = "sample"
"""The organisation that holds the bundled sample and nothing else."""

_TOUCH_AFTER: Final = timedelta(minutes=1)
"""How exactly the last visit is known; less would write a row for every request."""

_LINK_COMMAND: Final = Actor.by_command("server sign-in-link")

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

_ROLE_WORDS: Final = {
    Role.OWNER: _("Owner"),
    Role.ADMINISTRATOR: _("Administration"),
    Role.FINANCE: _("Finance"),
    Role.PRIVACY_OFFICER: _("Privacy office"),
    Role.AUDITOR: _("Audit"),
    Role.EMPLOYEE: _("Employee"),
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking, as their session says."""

    tenant: Tenant
    person_id: UUID
    display_name: str
    role: Role

    @property
    def role_word(self) -> str:
        return role_word(self.role)

    @property
    def actor(self) -> Actor:
        """As whom the audit trail names them."""
        return Actor.person(self.person_id, self.role)

    @property
    def sees_sample(self) -> bool:
        """Whether all figures come from the bundled sample, which every page with figures must say."""
        return self.tenant.slug == SAMPLE_SLUG


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
    """A sign-in link does not work; `fault` says why."""

    def __init__(self, fault: LinkFault) -> None:
        super().__init__(f"sign-in link refused: {fault}")
        self.fault = fault


class UnknownPerson(LookupError):
    """There is no such active person in this organisation."""


def role_word(role: Role) -> str:
    """A role as people read it."""
    return _ROLE_WORDS[role]


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
    token = Token.new(tenant.slug)
    async with database.tenant(tenant.tenant_id) as connection:
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
    found = await _token_and_tenant(database, text)
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
    found = await _token_and_tenant(database, text)
    if found is None:
        raise LinkRefused(LinkFault.UNKNOWN)
    token, tenant = found
    session = Token.new(tenant.slug)
    async with database.tenant(tenant.tenant_id) as connection:
        tenant_id = tenant.tenant_id
        used = await _queries.use_sign_in_link(connection, tenant_id=tenant_id, token_hash=token.hash)
        if used is None:
            row = await _queries.look_at_sign_in_link(connection, tenant_id=tenant_id, token_hash=token.hash)
            raise LinkRefused(_fault(row) or LinkFault.USED)
        await _queries.forget_old_sign_in_links(connection, tenant_id=tenant_id)
        await _queries.forget_ended_sessions(connection, tenant_id=tenant_id, idle_limit=IDLE_LIMIT)
        await _queries.add_session(
            connection,
            tenant_id=tenant_id,
            token_hash=session.hash,
            person_id=used.person_id,
            absolute_limit=ABSOLUTE_LIMIT,
        )
        await audit.record(connection, tenant_id, Tag.SESSION_STARTED, Actor.person(used.person_id, Role(used.role)))
    await end_session(database, former_session)
    return session


async def whose_session(database: Database, text: str | None, *, is_activity: bool = True) -> SignedIn | None:
    """Who holds this session; None when it is unknown, ended, or its person or organisation is not active.

    A request that a page makes by itself is no activity: a page left open must not keep someone signed in.
    """
    found = await _token_and_tenant(database, text or "")
    if found is None:
        return None
    token, tenant = found
    async with database.tenant(tenant.tenant_id) as connection:
        row = await _queries.find_session(
            connection,
            tenant_id=tenant.tenant_id,
            token_hash=token.hash,
            idle_limit=IDLE_LIMIT,
            touch_after=_TOUCH_AFTER,
        )
        if row is None:
            return None
        if row.stale and is_activity:
            await _queries.touch_session(connection, tenant_id=tenant.tenant_id, token_hash=token.hash)
    return SignedIn(tenant, row.person_id, row.display_name, Role(row.role))


async def end_session(database: Database, text: str | None) -> None:
    """Ends a session. One that does not exist has ended already."""
    found = await _token_and_tenant(database, text or "")
    if found is None:
        return
    token, tenant = found
    async with database.tenant(tenant.tenant_id) as connection:
        await _queries.end_session(connection, tenant_id=tenant.tenant_id, token_hash=token.hash)


async def _token_and_tenant(database: Database, text: str) -> tuple[Token, Tenant] | None:
    """The token a text stands for and its organisation; None unless both are there and the organisation is active."""
    token = Token.parse(text)
    tenant = await find_tenant(database, token.slug) if token else None
    return (token, tenant) if token and tenant and tenant.active else None


def _fault(row: Any) -> LinkFault | None:
    if row is None:
        return LinkFault.UNKNOWN
    if row.used:
        return LinkFault.USED
    if row.expired:
        return LinkFault.EXPIRED
    return None if row.status == "active" else LinkFault.PERSON_INACTIVE
