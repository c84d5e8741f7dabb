"""The audit trail, entry by entry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from toktra.server.api.clients import Caller
from toktra.server.api.cursor import USUAL_ITEMS, After, Limit, key_in, page_of
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.api.shapes import Day
from toktra.server.audit import service
from toktra.server.audit.chain import Entry
from toktra.server.audit.tags import Tag

router = APIRouter(tags=["audit"])


class AuditEntry(BaseModel):
    """What was done, by whom, to whom and why. Entries name people by id only."""

    number: Annotated[int, Field(ge=1, description="In an unbroken row", examples=[417])]
    at: datetime
    tag: Annotated[str, Field(description="subject:action", examples=["usage:viewed"])]
    actor: Annotated[str, Field(description="person, program, command or system", examples=["person"])]
    actor_id: Annotated[UUID | None, Field(description="The person, or whom the program acts for")]
    actor_role: Annotated[str | None, Field(examples=["administrator"])]
    command: Annotated[str | None, Field(description="The command, or the program's name")]
    subject_id: Annotated[UUID | None, Field(description="The person it was done to")]
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 over the entry and the one before")]

    @classmethod
    def of(cls, entry: Entry) -> AuditEntry:
        return cls(
            number=entry.number,
            at=entry.at.astimezone(UTC),
            tag=entry.tag,
            actor=entry.actor,
            actor_id=entry.actor_id,
            actor_role=entry.actor_role,
            command=entry.command,
            subject_id=entry.subject_id,
            reason=entry.reason,
            before=dict(entry.before) if entry.before is not None else None,
            after=dict(entry.after) if entry.after is not None else None,
            previous_hash=entry.previous_hash.hex(),
            hash=entry.hash.hex(),
        )


class AuditEntries(BaseModel):
    """Some entries, newest first."""

    items: list[AuditEntry]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


@router.get("/audit", summary="The audit trail", responses=documented(), operation_id="list_audit_entries")
async def entries(
    *,
    caller: Annotated[Caller, Security(allowed, scopes=[Scope.AUDIT_READ])],
    tag: Annotated[Tag | None, Query(description="Only entries of this tag")] = None,
    first: Annotated[Day | None, Query(alias="from", description="First day (UTC)")] = None,
    last: Annotated[Day | None, Query(alias="to", description="Last day (UTC)")] = None,
    limit: Limit = USUAL_ITEMS,
    cursor: After = None,
) -> AuditEntries:
    """Newest first. The hashes let you check what you keep against what is added later."""
    below = key_in(cursor, _number)
    search = service.Search(tag=tag, first=first, last=last)
    found = await service.find_below(caller.database, caller.tenant_id, search, below=below, most=limit + 1)
    items, next_cursor = page_of(found, limit, lambda one: one.number)
    return AuditEntries(items=[AuditEntry.of(one) for one in items], next_cursor=next_cursor)


def _number(text: str) -> int:
    number = int(text)
    if not 1 <= number < 1 << 62:
        raise ValueError(text)
    return number
