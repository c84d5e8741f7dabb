"""Who someone from the organisation's own sign-in is here: found, added, given a role, or refused with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.directory import details
from toktra.server.people import sessions
from toktra.server.people.candidates import Candidate, add_by_sign_in, candidate, candidate_by_email, give_role
from toktra.server.people.signed_in import SignedIn
from toktra.server.sign_in.sso.settings import SsoSettings
from toktra.server.tenants.service import Tenant
from toktra.server.web.access import Role
from toktra.server.web.language import _

_MOST_GROUPS: Final = 1000
_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("accounts.sql"), "apsycopg")


@dataclass(frozen=True, slots=True)
class Arrival:
    """Someone whom the organisation's provider has named, by its checked claims."""

    tenant: Tenant
    settings: SsoSettings
    claims: Mapping[str, Any]

    @property
    def key(self) -> dict[str, Any]:
        """By what a work account is found."""
        return {
            "tenant_id": self.tenant.tenant_id,
            "issuer": self.settings.issuer,
            "subject": self.claims["sub"],
        }


class NotLetIn(Exception):
    """The provider has said who it is, and still they cannot come in. The text says why and who can help."""


async def person_of(database: Database, arrival: Arrival) -> Candidate:
    """The person who has arrived, in the role that their groups give. Raises NotLetIn; then nothing has changed."""
    try:
        return await _person_of(database, arrival)
    except psycopg.errors.UniqueViolation:  # the same person came in twice at once for the first time
        return await _person_of(database, arrival)


async def connect(database: Database, reader: SignedIn, arrival: Arrival) -> None:
    """Connects the reader, who is signed in, to who they are at the provider. Raises NotLetIn."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        row = await _queries.find(connection, **arrival.key)
        if row is not None and row.person_id != reader.person_id:
            raise NotLetIn(_("This work account is connected to someone else here."))
        if row is None:
            await _disconnect(connection, reader, arrival.settings.issuer)
            await _connect(connection, arrival, reader.person_id, by=reader.actor)


async def disconnect(database: Database, reader: SignedIn) -> None:
    """Forgets who the reader is at the provider, and ends their other sessions. Safe to repeat."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        if await _disconnect(connection, reader, None):
            await sessions.end_others(connection, reader)


async def is_reader(database: Database, reader: SignedIn, arrival: Arrival) -> bool:
    """Whether it is the reader who has arrived."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        row = await _queries.find(connection, **arrival.key)
    return row is not None and row.person_id == reader.person_id


async def _person_of(database: Database, arrival: Arrival) -> Candidate:
    tenant_id = arrival.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        row = await _queries.find(connection, **arrival.key)
        if row is not None:
            person = await candidate(connection, tenant_id, row.person_id)
        else:
            person = await _found_by_email(connection, arrival)
        if person is None or not person.is_active:
            raise NotLetIn(_("You may not sign in here any more. If that is a mistake, ask your administrator."))
        if row is None:
            await _connect(connection, arrival, person.person_id, by=Actor.system())
        await _give_role(connection, arrival, person, row.role_given if row else None)
        return await candidate(connection, tenant_id, person.person_id) or person


async def _found_by_email(connection: Connection, arrival: Arrival) -> Candidate:
    tenant_id, settings = arrival.tenant.tenant_id, arrival.settings
    email = _believed_email(settings, arrival.claims)
    person = await candidate_by_email(connection, tenant_id, email)
    if person is None:
        if not settings.adds_people:
            raise NotLetIn(
                _("Nobody with the address %(email)s is in the directory. Ask your administrator to add you.")
                % {"email": email}
            )
        return await add_by_sign_in(connection, tenant_id, display_name=_name(arrival.claims, email), email=email)
    if person.role is Role.OWNER:
        raise NotLetIn(
            _("Owners are not found by their address. Sign in another way once, and connect your work account then.")
        )
    if await _queries.is_connected(connection, tenant_id=tenant_id, issuer=settings.issuer, person_id=person.person_id):
        raise NotLetIn(
            _(
                "The address %(email)s belongs to somebody who is connected to another work account. If you are they, "
                "sign in another way and connect this one; if not, ask your administrator."
            )
            % {"email": email}
        )
    return person


def _believed_email(settings: SsoSettings, claims: Mapping[str, Any]) -> str:
    """The address, if the provider stands for it. Raises NotLetIn."""
    try:
        email = details.email(str(claims.get("email") or ""))
    except details.InvalidDetail:
        email = None
    if email is None:
        raise NotLetIn(_("Your organisation’s sign-in gave no e-mail address, so you cannot be found here."))
    verified = claims.get("email_verified")
    if verified is not True and not (verified is None and settings.trusts_silence):
        raise NotLetIn(
            _("Your organisation’s sign-in has not verified the address %(email)s, so it is not believed.")
            % {"email": email}
        )
    if email.rpartition("@")[2].lower() not in settings.email_domains:
        raise NotLetIn(
            _("Only addresses of %(domains)s are let in, and yours is %(email)s.")
            % {"domains": ", ".join(settings.email_domains), "email": email}
        )
    return email


def _name(claims: Mapping[str, Any], email: str) -> str:
    parts = " ".join(str(claims[part]) for part in ("given_name", "family_name") if claims.get(part))
    for said in (claims.get("name"), parts, email):
        try:
            return details.name(str(said or ""))
        except details.InvalidDetail:
            continue
    return email


async def _give_role(connection: Connection, arrival: Arrival, person: Candidate, role_given: str | None) -> None:
    """The role of the first group that fits. Without one, a role that a group gave is taken back, and no other.

    No claim about groups is no group: whoever was taken out of all of them must not keep what they gave.
    """
    settings = arrival.settings
    if not settings.group_claim or person.role is Role.OWNER:
        return
    theirs = _groups(arrival.claims.get(settings.group_claim))
    role = next((role for group, role in settings.groups if group in theirs), None)
    wanted = Role.EMPLOYEE if role is None and role_given == person.role.value else role
    if wanted is not None and wanted is not person.role:
        await give_role(connection, arrival.tenant.tenant_id, person, wanted)
    await _queries.note_role(connection, **arrival.key, role_given=role.value if role else None)


def _groups(claim: object) -> frozenset[str]:
    if isinstance(claim, str):
        return frozenset({claim})
    if isinstance(claim, list):
        return frozenset(one for one in claim[:_MOST_GROUPS] if isinstance(one, str))
    return frozenset()


async def _connect(connection: Connection, arrival: Arrival, person_id: UUID, *, by: Actor) -> None:
    await _queries.connect(connection, **arrival.key, person_id=person_id)
    await audit.record(
        connection,
        arrival.tenant.tenant_id,
        Tag.WORK_ACCOUNT_CONNECTED,
        by,
        subject_id=person_id,
        after={"issuer": arrival.settings.issuer},
    )


async def _disconnect(connection: Connection, reader: SignedIn, issuer: str | None) -> bool:
    """At this issuer, or at all; whether there was anything."""
    tenant_id = reader.tenant.tenant_id
    rows = _queries.disconnect(connection, tenant_id=tenant_id, person_id=reader.person_id, issuer=issuer)
    gone = [row.issuer async for row in rows]
    for one in gone:
        await audit.record(
            connection,
            tenant_id,
            Tag.WORK_ACCOUNT_DISCONNECTED,
            reader.actor,
            subject_id=reader.person_id,
            before={"issuer": one},
        )
    return bool(gone)
