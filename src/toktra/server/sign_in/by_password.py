"""A password with an authenticator app: set together, asked for together, so that nobody learns which one was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
from markupsafe import Markup

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.people import sessions
from toktra.server.people.candidates import Candidate, candidate, candidate_by_email
from toktra.server.people.signed_in import SignedIn
from toktra.server.sign_in import attempts, authenticator
from toktra.server.sign_in.attempts import Purpose
from toktra.server.sign_in.passwords import check_password, hash_password, is_outdated, is_password
from toktra.server.tenants.service import Tenant
from toktra.server.vault import Vault

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("by_password.sql"), "apsycopg")


NOBODY: Final = UUID(int=0)
"""Looked for where nobody is meant, so that looking takes as long."""


class NotRight(Exception):
    """Address, password and code do not belong together. Which of them is wrong is not said, nor who is known here.

    `person_id` is whose account was meant, for the trail alone; None for nobody's.
    """

    def __init__(self, person_id: UUID | None) -> None:
        super().__init__()
        self.person_id = person_id


class CodeNotRight(ValueError):
    """The first code of an app that is being set up is wrong."""


class SetUpExpired(LookupError):
    """The set-up took too long, or was finished already. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """An authenticator app that is being set up."""

    attempt: str
    picture: Markup
    typed: str
    """The secret for those who cannot scan."""


async def check(database: Database, tenant: Tenant, vault: Vault, *, email: str, password: str, code: str) -> Candidate:
    """Whose address, password and code these are; the code is used up. Raises NotRight.

    It takes as long for people who are unknown, have left, or have no password.
    """
    async with database.tenant(tenant.tenant_id) as connection:
        person = await candidate_by_email(connection, tenant.tenant_id, email)
        person_id = person.person_id if person and person.is_active else NOBODY
        row = await _queries.find(connection, tenant_id=tenant.tenant_id, person_id=person_id)
    is_right = await is_password(row.password_hash if row else None, password)
    if person is None or row is None or not is_right:
        raise NotRight(person.person_id if person else None)
    secret = vault.open(row.sealed_totp, tenant_id=tenant.tenant_id, purpose=_purpose(person.person_id))
    step = authenticator.step_of(secret, code, datetime.now(UTC), after=row.totp_step)
    async with database.tenant(tenant.tenant_id) as connection:
        of = {"tenant_id": tenant.tenant_id, "person_id": person.person_id}
        if step is None or not await _queries.use_step(connection, **of, step=step):
            raise NotRight(person.person_id)
        if is_outdated(row.password_hash):
            await _queries.rehash(connection, **of, password_hash=await hash_password(password))
    return person


async def begin_set_up(database: Database, reader: SignedIn, vault: Vault) -> SetUp:
    """A new secret for the reader's app; nothing is changed until it has given its first code."""
    tenant_id = reader.tenant.tenant_id
    secret = authenticator.new_secret()
    sealed = vault.seal(secret, tenant_id=tenant_id, purpose=_purpose(reader.person_id))
    async with database.tenant(tenant_id) as connection:
        person = await candidate(connection, tenant_id, reader.person_id)
        attempt = await attempts.begin(
            connection,
            tenant_id,
            Purpose.PASSWORD_SET,
            person_id=reader.person_id,
            kept={"sealed_totp": sealed.decode()},
        )
    return _set_up(attempt, secret, reader, person)


async def resume_set_up(database: Database, reader: SignedIn, vault: Vault, attempt: str) -> SetUp:
    """The same set-up again, after a mistake. Raises SetUpExpired."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        person = await candidate(connection, tenant_id, reader.person_id)
        kept = await attempts.look(connection, tenant_id, Purpose.PASSWORD_SET, attempt, person_id=reader.person_id)
    if kept is None:
        raise SetUpExpired
    secret = vault.open(kept["sealed_totp"].encode(), tenant_id=tenant_id, purpose=_purpose(reader.person_id))
    return _set_up(attempt, secret, reader, person)


async def finish_set_up(
    database: Database, reader: SignedIn, vault: Vault, attempt: str, *, password: str, code: str
) -> None:
    """Sets the password and the app, and ends the reader's other sessions.

    Raises PasswordRefused, CodeNotRight or SetUpExpired; then nothing has changed.
    """
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        person = await candidate(connection, tenant_id, reader.person_id)
        kept = await attempts.look(connection, tenant_id, Purpose.PASSWORD_SET, attempt, person_id=reader.person_id)
    if kept is None or person is None:
        raise SetUpExpired
    check_password(password, name=person.display_name, email=person.email)
    sealed = kept["sealed_totp"].encode()
    secret = vault.open(sealed, tenant_id=tenant_id, purpose=_purpose(reader.person_id))
    step = authenticator.step_of(secret, code, datetime.now(UTC))
    if step is None:
        raise CodeNotRight
    hashed = await hash_password(password)
    async with database.tenant(tenant_id) as connection:
        if not await attempts.take(connection, tenant_id, Purpose.PASSWORD_SET, attempt, person_id=reader.person_id):
            raise SetUpExpired
        await _queries.put(
            connection,
            tenant_id=tenant_id,
            person_id=reader.person_id,
            password_hash=hashed,
            sealed_totp=sealed,
            totp_step=step,
        )
        await sessions.end_others(connection, reader)
        await audit.record(connection, tenant_id, Tag.PASSWORD_SET, reader.actor, subject_id=reader.person_id)


async def remove(database: Database, reader: SignedIn) -> None:
    """Forgets the reader's password and app, and ends their other sessions. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        if await _queries.remove(connection, tenant_id=tenant_id, person_id=reader.person_id):
            await sessions.end_others(connection, reader)
            await audit.record(connection, tenant_id, Tag.PASSWORD_REMOVED, reader.actor, subject_id=reader.person_id)


def _set_up(attempt: str, secret: str, reader: SignedIn, person: Candidate | None) -> SetUp:
    account = (person.email if person else None) or reader.display_name
    address = authenticator.address_of(secret, account=account, organisation=reader.tenant.name)
    return SetUp(attempt, authenticator.picture_of(address), authenticator.grouped(secret))


def _purpose(person_id: UUID) -> str:
    return f"authenticator:{person_id}"
