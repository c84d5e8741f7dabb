"""A request that the server cannot carry out for now, as on a full disk: noted, told to those who answer, and audited.

The job goes on trying; nothing is half done meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import psycopg

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import DatabaseBusy
from toktra.server.jobs import Work
from toktra.server.mail.service import post
from toktra.server.people.in_roles import people_in_roles
from toktra.server.rights.kinds import Step
from toktra.server.rights.letters import delayed
from toktra.server.rights.requests import find, note_step
from toktra.server.web.access import Role

TOLD_AT: Final = 3
"""The attempt after which it is told; those before are over within minutes."""


@contextlib.asynccontextmanager
async def delay_told(work: Work, request_id: UUID) -> AsyncIterator[None]:
    """Lets what goes wrong within go on to be tried again, and tells of it after some attempts and after the last."""
    try:
        yield
    except Exception:
        if work.attempt == TOLD_AT or work.is_last_attempt:
            with contextlib.suppress(psycopg.Error, DatabaseBusy):  # then the fault itself is what counts
                await _tell(work, request_id)
        raise


async def _tell(work: Work, request_id: UUID) -> None:
    async with work.transaction() as connection:
        request = await find(connection, work.tenant_id, request_id)
        await note_step(connection, work.tenant_id, request_id, Step.DELAYED)
        for officer in await people_in_roles(connection, work.tenant_id, (Role.PRIVACY_OFFICER, Role.OWNER)):
            once = f"rights-delayed-{request_id}-{work.attempt}-{officer}"
            await post(connection, work.tenant_id, delayed(request), person_id=officer, once=once)
        await audit.record(
            connection,
            work.tenant_id,
            Tag.RIGHTS_REQUEST_DECIDED,
            audit.Actor.system(),
            subject_id=request.person_id,
            after={"request": request.number, "kind": request.kind.value, "decision": Step.DELAYED.value},
        )
