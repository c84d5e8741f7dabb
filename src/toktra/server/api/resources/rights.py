"""Rights requests: recording one for somebody, and how far each is by its days. Never what anybody's copy holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from toktra.compliance.deadlines import Regulation
from toktra.server.api import refusals
from toktra.server.api.answers import IdempotencyKey, once
from toktra.server.api.clients import Caller
from toktra.server.api.cursor import USUAL_ITEMS, After, Limit, key_in, page_of
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.api.shapes import Day
from toktra.server.database.pool import Connection
from toktra.server.notices.service import regulation_of
from toktra.server.people.names import people_called, person_named
from toktra.server.rights import service
from toktra.server.rights.kinds import Channel, Kind, Stage, Step
from toktra.server.rights.requests import Happened, UnknownRequest, find, find_whole, list_below
from toktra.server.rights.requests import Request as Kept
from toktra.server.rights.wording import MOST_DETAILS, InvalidRequest
from toktra.server.rights.wording import Field as Part

router = APIRouter(tags=["rights requests"])

Reads = Annotated[Caller, Security(allowed, scopes=[Scope.REQUESTS_READ])]
Writes = Annotated[Caller, Security(allowed, scopes=[Scope.REQUESTS_WRITE])]


class State(StrEnum):
    """Which requests a list has."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


class RightsRequest(BaseModel):
    """What was asked for and by when it is due. Neither the words of who asked nor anything of a copy is in it."""

    request_id: UUID
    title: Annotated[str, Field(description="As people say it", examples=["R-031"])]
    kind: Annotated[Kind, Field(examples=["access"])]
    regulation: Annotated[Regulation, Field(examples=["gdpr"])]
    person_id: Annotated[
        UUID | None,
        Field(description="Null while nobody knows whose a mailed request is. After an erasure it stands for nobody"),
    ]
    channel: Annotated[Channel, Field(description="How it came in", examples=["api"])]
    stage: Annotated[Stage, Field(examples=["decision"])]
    owner_id: Annotated[UUID | None, Field(description="Who sees to it; null for nobody yet")]
    received_on: Annotated[date, Field(examples=["2026-11-02"])]
    confirm_by: Annotated[date | None, Field(description="Null where the law sets no day")]
    due_on: Annotated[date, Field(description="Never moved for a weekend or holiday", examples=["2026-12-02"])]
    target_on: Annotated[date, Field(description="The last working day on or before it", examples=["2026-12-02"])]
    is_extended: bool
    is_overdue: Annotated[bool, Field(description="Open, and the day it was due is over (UTC)")]
    closed_on: date | None

    @classmethod
    def of(cls, kept: Kept) -> Self:
        return cls(**_said(kept))


class RightsStep(BaseModel):
    """One thing that happened to a request."""

    at: datetime
    step: Annotated[Step, Field(examples=["received"])]
    by_role: Annotated[str | None, Field(description="Null for the server and for its person")]


class WholeRightsRequest(RightsRequest):
    """A request with what happened to it, newest first. Reasons that people wrote are on its page only."""

    history: list[RightsStep]

    @classmethod
    def with_history(cls, kept: Kept, steps: list[Happened]) -> Self:
        history = [RightsStep(at=one.at, step=one.step, by_role=one.by_role) for one in steps]
        return cls(**_said(kept), history=history)


class RightsRequests(BaseModel):
    """Some of the requests, newest first."""

    items: list[RightsRequest]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


class NewRightsRequest(BaseModel):
    """A request that somebody made elsewhere: by letter, in person, in another program."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"person": "ada@example.org", "kind": "access", "received_on": "2026-11-02"}],
        },
    )

    person: Annotated[
        str,
        Field(min_length=3, max_length=254, description="Their id, or their e-mail address in full"),
    ]
    kind: Kind
    regulation: Annotated[Regulation | None, Field(description="Without it, the law of the person's place")] = None
    received_on: Annotated[
        Day | None,
        Field(description="The day (UTC) it reached the organisation, within the last year; without it, today"),
    ] = None
    details: Annotated[
        str,
        Field(max_length=MOST_DETAILS, description="In their words; needed for rectification and objection"),
    ] = ""


@router.get("/rights-requests", summary="Rights requests", responses=documented(), operation_id="list_rights_requests")
async def rights_requests(
    caller: Reads,
    state: Annotated[State, Query(description="Which requests")] = State.OPEN,
    limit: Limit = USUAL_ITEMS,
    cursor: After = None,
) -> RightsRequests:
    """By number, newest first. Overdue ones are those whose `is_overdue` is true."""
    below = key_in(cursor, _number)
    is_open = None if state is State.ALL else state is State.OPEN
    found = await list_below(caller.database, caller.tenant_id, is_open=is_open, below=below, most=limit + 1)
    items, next_cursor = page_of(found, limit, lambda one: one.number)
    return RightsRequests(items=[RightsRequest.of(one) for one in items], next_cursor=next_cursor)


@router.get(
    "/rights-requests/{request_id}",
    summary="One rights request",
    responses=documented(404),
    operation_id="read_rights_request",
)
async def rights_request(caller: Reads, request_id: UUID) -> WholeRightsRequest:
    """How far it is, and what happened to it."""
    try:
        kept, steps = await find_whole(caller.database, caller.tenant_id, request_id)
    except UnknownRequest:
        raise refusals.not_found("rights request") from None
    return WholeRightsRequest.with_history(kept, list(steps))


@router.post(
    "/rights-requests",
    summary="Record a rights request",
    status_code=201,
    responses=documented(413),
    operation_id="record_rights_request",
    response_model=RightsRequest,
)
async def record(
    request: Request, caller: Writes, new: NewRightsRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """On somebody's behalf, by the rules of the page: its person is written to, objection and restriction stop the
    recording at once, and the same is not asked for twice while it is open. Deciding about it, and opening what it
    brings, need a person who is signed in: no program can.
    """
    person_id = await _person(caller, new.person)
    regulation = new.regulation or await regulation_of(caller.database, caller.tenant_id, person_id)

    async def work(connection: Connection) -> tuple[BaseModel, str]:
        try:
            request_id = await service.record(
                connection,
                caller.reader,
                person_id,
                new.kind,
                regulation,
                received=new.received_on or datetime.now(UTC).date(),
                details=new.details,
                channel=Channel.API,
            )
        except InvalidRequest as refusal:
            raise refusals.unusable(_NAMES.get(refusal.field, refusal.field.value), refusal.reason) from None
        made = await find(connection, caller.tenant_id, request_id)
        return RightsRequest.of(made), f"/v1/rights-requests/{request_id}"

    return await once(request, caller, idempotency_key, work, status=201)


_NAMES = {Part.RECEIVED: "received_on"}
"""Members of the body whose names are not those of the page's form."""


async def _person(caller: Caller, text: str) -> UUID:
    """Raises Problem 422."""
    try:
        named = await person_named(caller.database, caller.tenant_id, UUID(text))
    except ValueError:
        called = await people_called(caller.database, caller.tenant_id, text) if "@" in text else []
        named = called[0] if len(called) == 1 else None
    if named is None:
        raise refusals.unusable("person", "Nobody here has this id or e-mail address. Give one of them in full.")
    return named.person_id


def _said(kept: Kept) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    return {
        "request_id": kept.request_id,
        "title": kept.title,
        "kind": kept.kind,
        "regulation": kept.regulation,
        "person_id": None if kept.stage is Stage.CHECK else kept.person_id,
        "channel": kept.channel,
        "stage": kept.stage,
        "owner_id": kept.owner_id,
        "received_on": kept.received_on,
        "confirm_by": kept.confirm_by,
        "due_on": kept.due_on,
        "target_on": kept.target,
        "is_extended": kept.is_extended,
        "is_overdue": kept.is_open and kept.days_left(today) < 0,
        "closed_on": kept.closed_on,
    }


def _number(text: str) -> int:
    number = int(text)
    if not 1 <= number < 1 << 31:
        raise ValueError(text)
    return number
