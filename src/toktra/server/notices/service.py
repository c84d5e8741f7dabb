"""Publishing notices and confirming them. What was published is kept word for word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import msgspec
from psycopg.types.json import Jsonb

from toktra.compliance.deadlines import Regulation
from toktra.compliance.jurisdictions import regulation_in
from toktra.compliance.keeping import Kind
from toktra.compliance.library import Filled, Jurisdiction, Language, fill
from toktra.compliance.variables import InvalidVariable, Variables, read_variables
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.names import jurisdiction_of
from toktra.server.people.signed_in import SignedIn
from toktra.server.retention.service import days_kept
from toktra.server.tenants.attribution import attribution_of
from toktra.server.tenants.service import find_tenant_by_id
from toktra.server.web.language import _

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

TYPED: Final = ("address", "contact", "officer", "authority", "works_council", "operator", "effective_on")
"""What only the organisation knows. Everything else a notice says is taken from the program as it is set."""


class Precedes(StrEnum):
    """What has to come before anything is recorded of a person, as stored."""

    NOTHING = "nothing"
    PUBLICATION = "publication"
    ACKNOWLEDGEMENT = "acknowledgement"


class NotReady(ValueError):
    """The notice cannot be published. The text says what is missing."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One version, as published."""

    version: int
    jurisdiction: Jurisdiction
    language: Language
    markdown: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One version in the list."""

    version: int
    jurisdiction: Jurisdiction
    language: Language
    published_at: datetime
    confirmed: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A version that someone confirmed."""

    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of those who are here have confirmed the newest notice."""

    people: int
    confirmed: int
    unnamed: int
    """Accounts nobody was named for."""


async def variables_of(database: Database, tenant_id: UUID) -> Variables:
    """What the organisation's texts say: what was typed, and the rest as the program is set."""
    async with database.tenant(tenant_id) as connection:
        typed = await _typed(connection, tenant_id)
        kept = {kind: await days_kept(connection, tenant_id, kind) for kind in Kind}
        level = (await attribution_of(connection, tenant_id)).level
    tenant = await find_tenant_by_id(database, tenant_id)
    return read_variables({
        **typed,
        "organisation": tenant.name,
        "region": tenant.region,
        "attribution": level.word,
        "event_days": kept[Kind.EVENTS],
        "sum_days": kept[Kind.SUMS],
        "request_days": kept[Kind.REQUESTS],
        "audit_days": kept[Kind.AUDIT],
    })  # fmt: skip


async def typed_of(database: Database, tenant_id: UUID) -> dict[str, str]:
    """What the organisation has said about itself."""
    async with database.tenant(tenant_id) as connection:
        return await _typed(connection, tenant_id)


async def say(database: Database, reader: SignedIn, typed: Mapping[str, str]) -> None:
    """Keeps what the organisation says about itself; empty takes it back. Raises InvalidVariable."""
    unknown = [name for name in typed if name not in TYPED]
    if unknown:
        raise InvalidVariable(unknown[0], "this is not typed in but taken from the program")
    given = {name: value.strip() for name, value in typed.items() if value.strip()}
    read_variables({"organisation": reader.tenant.name, **given})
    async with database.tenant(reader.tenant.tenant_id) as connection:
        await _queries.put_variables(connection, tenant_id=reader.tenant.tenant_id, variables=Jsonb(given))
        await audit.record(
            connection,
            reader.tenant.tenant_id,
            Tag.POLICY_CHANGED,
            reader.actor,
            after={"policy": "notice", "value": "said"},
        )


async def preview(database: Database, tenant_id: UUID, jurisdiction: Jurisdiction, language: Language) -> Filled:
    """The notice as it would be published now."""
    return fill(jurisdiction, language, await variables_of(database, tenant_id))


async def publish(database: Database, reader: SignedIn, jurisdiction: Jurisdiction, language: Language) -> int:
    """Publishes the notice as it is now; its version. Raises NotReady when something is left to be filled in."""
    tenant_id = reader.tenant.tenant_id
    filled = await preview(database, tenant_id, jurisdiction, language)
    if filled.gaps:
        raise NotReady(_("Still to be filled in: %(names)s.") % {"names": ", ".join(filled.gaps)})
    async with database.tenant(tenant_id) as connection:
        await _queries.wait_for_turn(connection, tenant_id=tenant_id)
        version: int = await _queries.publish(
            connection,
            tenant_id=tenant_id,
            jurisdiction=jurisdiction.value,
            language=language.value,
            markdown=filled.markdown,
            published_by=reader.person_id,
        )
        await audit.record(
            connection,
            tenant_id,
            Tag.NOTICE_PUBLISHED,
            reader.actor,
            after={"version": version, "jurisdiction": jurisdiction.value, "language": language.value},
        )
    return version


async def require(database: Database, reader: SignedIn, what: Precedes) -> None:
    """Says what has to come before anything is recorded of a person."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        await _queries.put_must_precede(connection, tenant_id=reader.tenant.tenant_id, must_precede=what.value)
        await audit.record(
            connection,
            reader.tenant.tenant_id,
            Tag.POLICY_CHANGED,
            reader.actor,
            after={"policy": "notice-first", "value": what.value},
        )


async def required(connection: Connection, tenant_id: UUID) -> Precedes:
    """What has to come first; nothing unless the organisation said so."""
    row = await _queries.settings(connection, tenant_id=tenant_id)
    return Precedes(row.must_precede) if row else Precedes.NOTHING


async def newest(connection: Connection, tenant_id: UUID) -> Notice | None:
    """The notice that holds."""
    row = await _queries.newest(connection, tenant_id=tenant_id)
    return _notice(row) if row else None


async def published(database: Database, tenant_id: UUID, version: int) -> Notice | None:
    """One version, word for word."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.version(connection, tenant_id=tenant_id, version=version)
    return _notice(row) if row else None


async def versions(connection: Connection, tenant_id: UUID) -> list[Version]:
    """All versions, newest first."""
    return [
        Version(
            row.version,
            Jurisdiction(row.jurisdiction),
            Language(row.language),
            row.published_at.astimezone(UTC),
            row.confirmed,
        )
        async for row in _queries.versions(connection, tenant_id=tenant_id)
    ]


async def coverage(connection: Connection, tenant_id: UUID, version: int) -> Coverage:
    """Who has confirmed a version."""
    row = await _queries.coverage(connection, tenant_id=tenant_id, version=version)
    return Coverage(row.people, row.confirmed, row.unnamed)


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Someone with an address who has not confirmed a notice."""

    person_id: UUID
    since: datetime
    """From when on they could have: when it was published, or when they came."""


async def unconfirmed(connection: Connection, tenant_id: UUID, version: int, *, most: int) -> list[Unconfirmed]:
    """Who is here, can be written to, and has not confirmed this version."""
    rows = _queries.unconfirmed(connection, tenant_id=tenant_id, version=version, most=most)
    return [Unconfirmed(row.person_id, row.since.astimezone(UTC)) async for row in rows]


async def acknowledge(database: Database, reader: SignedIn, version: int) -> None:
    """The reader confirms that they were given the newest version; no other is confirmed. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        current = await newest(connection, tenant_id)
        if current is None or current.version != version:
            return
        if not await _queries.acknowledge(connection, tenant_id=tenant_id, person_id=reader.person_id, version=version):
            return
        await audit.record(
            connection,
            tenant_id,
            Tag.NOTICE_ACKNOWLEDGED,
            reader.actor,
            subject_id=reader.person_id,
            after={"version": version},
        )


async def acknowledged_by(database: Database, tenant_id: UUID, person_id: UUID) -> list[Acknowledged]:
    """What someone has confirmed, newest first."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.acknowledged_by(connection, tenant_id=tenant_id, person_id=person_id)
        return [Acknowledged(row.version, row.acknowledged_at.astimezone(UTC)) async for row in rows]


async def regulation_of(database: Database, tenant_id: UUID, person_id: UUID | None = None) -> Regulation:
    """Under which law someone asks: that of the place in their entry, else of the newest notice, else the GDPR.

    Without a person, that of those who have no place of their own.
    """
    async with database.tenant(tenant_id) as connection:
        place = await jurisdiction_of(connection, tenant_id, person_id) if person_id else None
        if place and (own := regulation_in(place)):
            return own
        current = await newest(connection, tenant_id)
    return (current.jurisdiction.regulation if current else None) or Regulation.GDPR


async def _typed(connection: Connection, tenant_id: UUID) -> dict[str, str]:
    row = await _queries.settings(connection, tenant_id=tenant_id)
    return msgspec.convert(row.variables, dict[str, str]) if row else {}


def _notice(row: Any) -> Notice:
    return Notice(
        row.version,
        Jurisdiction(row.jurisdiction),
        Language(row.language),
        row.markdown,
        row.published_at.astimezone(UTC),
    )
