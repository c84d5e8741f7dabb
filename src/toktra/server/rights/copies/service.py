"""How someone gets the copy of their data: they say how it is sealed, a job makes it, and only they open it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.jobs import defer
from toktra.server.people.signed_in import SignedIn
from toktra.server.rights.copies import keeping, prepare_job
from toktra.server.rights.copies.sealing import Lock, key_of, opened
from toktra.server.rights.kinds import Stage, Step
from toktra.server.rights.requests import UnknownRequest, find, note_step, queries


async def begin(database: Database, reader: SignedIn, request_id: UUID, lock: Lock, language: str) -> None:
    """Has the copy made for the reader, whose request it must be. Raises UnknownRequest."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await queries.lock(connection, tenant_id=tenant_id, request_id=request_id)
        request = await find(connection, tenant_id, request_id, of=reader.person_id)
        if request.stage is not Stage.IDENTITY:
            raise UnknownRequest
        await keeping.begin(connection, tenant_id, request_id, lock)
        await queries.move(connection, tenant_id=tenant_id, request_id=request_id, stage=Stage.WORKING.value)
        await note_step(connection, tenant_id, request_id, Step.SEALED_FOR)
        await defer(
            connection,
            prepare_job.prepare.with_options(once=str(request_id)),
            tenant_id,
            request_id=request_id,
            language=language,
        )


async def fetch_sealed(database: Database, reader: SignedIn, request_id: UUID) -> AsyncIterator[bytes]:
    """The copy as an age file, for its person alone. Raises UnknownRequest."""
    await _note_opened(database, reader, request_id)
    return keeping.fetch(database, reader.tenant.tenant_id, request_id)


async def fetch_open(database: Database, reader: SignedIn, request_id: UUID, passphrase: str) -> AsyncIterator[bytes]:
    """The copy itself, opened as it is sent. Raises UnknownRequest or WrongPassphrase."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await find(connection, tenant_id, request_id, of=reader.person_id)
    sealed_identity = await keeping.sealed_identity_of(database, tenant_id, request_id)
    if sealed_identity is None:
        raise UnknownRequest
    identity = await key_of(sealed_identity, passphrase)
    await _note_opened(database, reader, request_id)
    return opened(keeping.fetch(database, tenant_id, request_id), identity)


async def _note_opened(database: Database, reader: SignedIn, request_id: UUID) -> None:
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await queries.lock(connection, tenant_id=tenant_id, request_id=request_id)
        request = await find(connection, tenant_id, request_id, of=reader.person_id)
        if request.copy_expires_at is None or request.copy_expires_at <= datetime.now(UTC):
            raise UnknownRequest
        if request.stage is Stage.READY:
            await queries.move(connection, tenant_id=tenant_id, request_id=request_id, stage=Stage.DONE.value)
        await note_step(connection, tenant_id, request_id, Step.OPENED)
        await audit.record(
            connection,
            tenant_id,
            Tag.COPY_OPENED,
            reader.actor,
            subject_id=reader.person_id,
            after={"request": request.number},
        )
