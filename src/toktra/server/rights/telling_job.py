"""Reminds those who answer: when a request is near its day, on that day, and every day after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from toktra.server.jobs import Work, periodic_job
from toktra.server.mail.service import post
from toktra.server.people.in_roles import people_in_roles
from toktra.server.rights.kinds import Stage, Step
from toktra.server.rights.letters import to_officer
from toktra.server.rights.requests import Request, list_requests, note_step
from toktra.server.web.access import Role

DAYS_BEFORE: Final = frozenset({10, 3, 0})


@periodic_job("rights:remind", cron="0 6 * * *")
async def remind(work: Work) -> None:
    """One letter a day at most for each request and reader."""
    today = datetime.now(UTC).date()
    for request in await list_requests(work.database, work.tenant_id, is_open=True):
        left = request.days_left(today)
        waits = request.stage is not Stage.READY  # a copy that is ready waits for its person
        if not waits or (left >= 0 and left not in DAYS_BEFORE):
            continue
        async with work.transaction() as connection:
            officers = _readers(
                request, left, await people_in_roles(connection, work.tenant_id, (Role.PRIVACY_OFFICER, Role.OWNER))
            )
            letters = [
                await post(
                    connection,
                    work.tenant_id,
                    to_officer(request, left),
                    person_id=officer,
                    once=f"rights-{request.request_id}-{today.isoformat()}-{officer}",
                )
                for officer in officers
            ]
            if any(letters):
                await note_step(connection, work.tenant_id, request.request_id, Step.REMINDED)


def _readers(request: Request, left: int, officers: Sequence[UUID]) -> Sequence[UUID]:
    """Who sees to it; all who answer when nobody does, when they may no longer, and from the day on that it is due."""
    owner = request.owner_id
    return [owner] if owner is not None and owner in officers and left > 0 else officers
