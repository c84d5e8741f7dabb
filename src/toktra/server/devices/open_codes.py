"""Enrolment codes as administrators handle them: for one person or a fleet, listed while they are good, and ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.devices.codes import EnrolmentCode
from toktra.server.tenants.service import Tenant

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("administration.sql"), "apsycopg")

MOST_USES: Final = 10_000
MOST_DAYS: Final = 90
USUAL_DAYS: Final = 7


class UnknownCode(LookupError):
    """There is no such code in this organisation that could still be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a code is good for. With a person, the account that enrols is theirs."""

    person_id: UUID | None = None
    uses: int = 1
    days: int = USUAL_DAYS
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCode:
    """A code that can still be used. The code itself is known to nobody here."""

    code_id: UUID
    person: str | None
    purpose: str
    uses: int | None
    """How many devices it was made for; not known of codes made before that was kept."""
    uses_left: int
    made_by: str | None
    made_on: date
    expires_on: date


async def create_code(
    connection: Connection, tenant: Tenant, terms: Terms, actor: audit.Actor, *, today: date
) -> EnrolmentCode:
    """A new code, shown once: only its hash is kept. `terms` are checked by the caller."""
    tenant_id = tenant.tenant_id
    code = EnrolmentCode.new(tenant.slug)
    await _queries.forget_old_codes(connection, tenant_id=tenant_id)
    await _queries.add_code(
        connection,
        tenant_id=tenant_id,
        code_hash=code.hash,
        person_id=terms.person_id,
        valid_for=timedelta(days=terms.days),
        uses=terms.uses,
        purpose=terms.purpose,
        made_by=actor.person_id,
    )
    await audit.record(
        connection,
        tenant_id,
        Tag.ENROLMENT_CODE_CREATED,
        actor,
        subject_id=terms.person_id,
        after={"uses": terms.uses, "expires_on": (today + timedelta(days=terms.days)).isoformat()},
    )
    return code


async def open_codes(database: Database, tenant_id: UUID) -> list[OpenCode]:
    """All that can still be used, newest first."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.open_codes(connection, tenant_id=tenant_id)
        return [
            OpenCode(
                code_id=row.code_id,
                person=row.person,
                purpose=row.purpose,
                uses=row.uses,
                uses_left=row.uses_left,
                made_by=row.made_by,
                made_on=row.made_on,
                expires_on=row.expires_on,
            )
            async for row in rows
        ]


async def end_code(database: Database, tenant_id: UUID, code_id: UUID, actor: audit.Actor) -> None:
    """No device can be enrolled with it any more; those that were stay enrolled. Raises UnknownCode."""
    async with database.tenant(tenant_id) as connection:
        if await _queries.end_code(connection, tenant_id=tenant_id, code_id=code_id) is None:
            raise UnknownCode
        await audit.record(connection, tenant_id, Tag.ENROLMENT_CODE_ENDED, actor, after={"code": str(code_id)})
