"""The job that carries out an erasure which was granted."""

from __future__ import annotations

from uuid import UUID

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.jobs import Backoff, Work, job
from toktra.server.rights import erasure
from toktra.server.rights.delays import delay_told
from toktra.server.rights.kinds import Kind, Stage, Step
from toktra.server.rights.requests import find, note_step, queries


@job("rights:erase", backoff=Backoff(attempts=20))
async def erase(work: Work, *, request_id: UUID) -> None:
    """In one transaction, so that a worker that dies leaves nothing half erased and another begins anew."""
    async with delay_told(work, request_id), work.transaction() as connection:
        await queries.lock(connection, tenant_id=work.tenant_id, request_id=request_id)
        request = await find(connection, work.tenant_id, request_id)
        if request.kind is not Kind.ERASURE or request.stage is not Stage.WORKING:
            return
        of = {"tenant_id": work.tenant_id, "person_id": request.person_id}
        done = await erasure.erase(connection, work.tenant_id, request.person_id, request_id)
        await queries.close_others(connection, **of, request_id=request_id)
        await queries.move(connection, tenant_id=work.tenant_id, request_id=request_id, stage=Stage.DONE.value)
        await note_step(connection, work.tenant_id, request_id, Step.ERASED)
        await audit.record(
            connection,
            work.tenant_id,
            Tag.PERSON_ERASED,
            audit.Actor.system(),
            subject_id=request.person_id,
            after={"request": request.number, "events": done.events, "devices": done.devices},
        )
