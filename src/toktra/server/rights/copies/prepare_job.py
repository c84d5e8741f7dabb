"""The jobs around copies: making one, and deleting those that expired."""

from __future__ import annotations

from uuid import UUID

from toktra.compliance.library import Language
from toktra.server.directory.service import UnknownPerson
from toktra.server.jobs import Backoff, Work, job, periodic_job
from toktra.server.privacy_hours.copying import end_leave, week_for_copy, weeks_for_copies
from toktra.server.rights.copies import keeping
from toktra.server.rights.copies.contents import files
from toktra.server.rights.copies.gathering import gather
from toktra.server.rights.copies.sealing import sealed
from toktra.server.rights.copies.zipping import zipped
from toktra.server.rights.delays import delay_told
from toktra.server.rights.kinds import Kind, Stage, Step
from toktra.server.rights.letters import tell_person
from toktra.server.rights.mailed.links import forget_expired
from toktra.server.rights.requests import find, note_step, queries
from toktra.server.web.language import speaking


@job("rights:prepare-copy", backoff=Backoff(attempts=20))
async def prepare(work: Work, *, request_id: UUID, language: str) -> None:
    """Made as a stream and kept sealed, part by part; an attempt that was broken off is begun anew.

    `language` is that of the person's page when they said how it is sealed.
    """
    async with delay_told(work, request_id):
        with speaking(language):
            await _prepare(work, request_id, Language(language))


async def _prepare(work: Work, request_id: UUID, language: Language) -> None:
    async with work.transaction() as connection:
        request = await find(connection, work.tenant_id, request_id)
        recipient = await keeping.recipient_of(connection, work.tenant_id, request_id)
    if request.stage is not Stage.WORKING or recipient is None:
        return
    try:
        async with weeks_for_copies(work.settings.privacy_database_url) as weeks:
            week = await week_for_copy(weeks, work.tenant_id, request.person_id, request_id)
        gathered = await gather(work.database, work.tenant_id, request.person_id, language, week)
    except UnknownPerson:  # erased meanwhile
        return
    content = files(
        work.database,
        work.tenant_id,
        request.person_id,
        gathered,
        for_programs=request.kind is Kind.PORTABILITY,
    )
    archive = sealed(zipped(content, gathered.made_at), recipient)
    size = await keeping.keep(work.database, work.tenant_id, request_id, archive)
    async with work.transaction() as connection:
        await queries.lock(connection, tenant_id=work.tenant_id, request_id=request_id)
        if (await find(connection, work.tenant_id, request_id)).stage is not Stage.WORKING:
            return
        await keeping.finish(connection, work.tenant_id, request_id, size)
        await queries.move(connection, tenant_id=work.tenant_id, request_id=request_id, stage=Stage.READY.value)
        await note_step(connection, work.tenant_id, request_id, Step.PREPARED)
        await tell_person(connection, work.tenant_id, request, Step.PREPARED, language=language.value)
    async with weeks_for_copies(work.settings.privacy_database_url) as weeks:
        await end_leave(weeks, work.tenant_id, request_id)


@periodic_job("rights:expire-copies", cron="10 1 * * *")
async def expire(work: Work) -> None:
    """A copy that nobody fetched is deleted, and its person can have another made at once. So are links by mail."""
    async with work.transaction() as connection:
        await forget_expired(connection, work.tenant_id)
        for request_id in await keeping.expired(connection, work.tenant_id):
            await queries.lock(connection, tenant_id=work.tenant_id, request_id=request_id)
            request = await find(connection, work.tenant_id, request_id)
            await keeping.discard(connection, work.tenant_id, request_id)
            await note_step(connection, work.tenant_id, request_id, Step.EXPIRED)
            if request.stage is Stage.READY:
                await queries.move(connection, tenant_id=work.tenant_id, request_id=request_id, stage=Stage.DONE.value)
