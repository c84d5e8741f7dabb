"""People as sign-in sees them: who could be meant, whether they may come in, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection
from toktra.server.web.access import Role

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("candidates.sql"), "apsycopg")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Someone who may be about to sign in."""

    person_id: UUID
    display_name: str
    email: str | None
    role: Role
    is_active: bool


async def candidate(connection: Connection, tenant_id: UUID, person_id: UUID) -> Candidate | None:
    """The person of this id."""
    return _candidate(await _queries.by_id(connection, tenant_id=tenant_id, person_id=person_id))


async def candidate_by_email(connection: Connection, tenant_id: UUID, email: str) -> Candidate | None:
    """The person with this address, whatever the case of its letters."""
    return _candidate(await _queries.by_email(connection, tenant_id=tenant_id, email=email.strip()))


async def add_by_sign_in(connection: Connection, tenant_id: UUID, *, display_name: str, email: str) -> Candidate:
    """Adds an employee whom the organisation's own sign-in has vouched for."""
    row = await _queries.add(connection, tenant_id=tenant_id, display_name=display_name, email=email)
    await audit.record(
        connection,
        tenant_id,
        Tag.PERSON_ADDED,
        Actor.system(),
        subject_id=row.person_id,
        after={"role": Role.EMPLOYEE.value},
    )
    return Candidate(row.person_id, display_name, email, Role.EMPLOYEE, True)


async def give_role(connection: Connection, tenant_id: UUID, person: Candidate, role: Role) -> None:
    """Gives a role by a group of the organisation's own sign-in. Raises ValueError where an owner is concerned."""
    if Role.OWNER in {person.role, role}:
        raise ValueError("only owners make and unmake owners")
    await _queries.give_role(connection, tenant_id=tenant_id, person_id=person.person_id, role=role.value)
    await audit.record(
        connection,
        tenant_id,
        Tag.ROLE_GIVEN,
        Actor.system(),
        subject_id=person.person_id,
        before={"role": person.role.value},
        after={"role": role.value},
    )


def _candidate(row: Any) -> Candidate | None:
    if row is None:
        return None
    return Candidate(row.person_id, row.display_name, row.email, Role(row.role), row.status == "active")
