"""Recovery codes: made by the person, shown once; each signs them in once when everything else is lost.

A code alone does: its 80 random bits say whose it is, and someone without an address can have them too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.people.candidates import Candidate, candidate
from toktra.server.people.signed_in import SignedIn
from toktra.server.sign_in.recovery_codes import hash_of, new_codes
from toktra.server.tenants.service import Tenant

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("by_recovery_code.sql"), "apsycopg")


class CodeRefused(Exception):
    """This is no code of anyone here, or it was used. Which is not said."""


async def make(database: Database, reader: SignedIn) -> list[str]:
    """Ten new codes for the reader; those from before work no more."""
    codes = new_codes()
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await _queries.forget(connection, tenant_id=tenant_id, person_id=reader.person_id)
        await _queries.add(
            connection, tenant_id=tenant_id, person_id=reader.person_id, hashes=[hash_of(code) for code in codes]
        )
        await audit.record(
            connection,
            tenant_id,
            Tag.RECOVERY_CODES_CREATED,
            reader.actor,
            subject_id=reader.person_id,
            after={"codes": len(codes)},
        )
    return codes


async def use(database: Database, tenant: Tenant, code: str) -> Candidate:
    """Whose code this is; it is used up. Raises CodeRefused."""
    tenant_id, hashed = tenant.tenant_id, hash_of(code)
    if hashed is None:
        raise CodeRefused
    async with database.tenant(tenant_id) as connection:
        row = await _queries.use(connection, tenant_id=tenant_id, code_hash=hashed)
        person = await candidate(connection, tenant_id, row.person_id) if row else None
        if person is None or not person.is_active:
            raise CodeRefused
        left = await _queries.left(connection, tenant_id=tenant_id, person_id=person.person_id)
        await audit.record(
            connection,
            tenant_id,
            Tag.RECOVERY_CODE_USED,
            Actor.person(person.person_id, person.role),
            subject_id=person.person_id,
            after={"codes_left": left},
        )
    return person
