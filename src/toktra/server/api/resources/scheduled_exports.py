"""Scheduled exports: what is sent by itself and how it stands, and setting up, changing, pausing and ending it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, Security
from pydantic import BaseModel

from toktra.server.api import refusals
from toktra.server.api.answers import IdempotencyKey, once, once_tried
from toktra.server.api.clients import Caller
from toktra.server.api.cursor import USUAL_ITEMS, After, Limit, key_in, page_of
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.resources.schedule_shapes import (
    ExportChange,
    ExportRun,
    ExportRuns,
    NewScheduledExport,
    ScheduledExport,
    ScheduledExports,
    name_of,
)
from toktra.server.api.scopes import Scope
from toktra.server.api.shapes import Day
from toktra.server.database.pool import Connection
from toktra.server.exports.scheduled import arranging, service
from toktra.server.exports.scheduled.arranging import ChangedMeanwhile, Taken
from toktra.server.exports.scheduled.entering import InvalidSchedule
from toktra.server.exports.scheduled.schedule import Run, RunState, Schedule
from toktra.server.people.signed_in import SignedIn
from toktra.server.problems import Problem

router = APIRouter(tags=["scheduled exports"])

Reads = Annotated[Caller, Security(allowed, scopes=[Scope.EXPORTS_READ])]
Writes = Annotated[Caller, Security(allowed, scopes=[Scope.EXPORTS_WRITE])]
FirstDay = Annotated[Day, Path(description="First day of the period", examples=["2026-11-01"])]


@router.get(
    "/scheduled-exports", summary="Scheduled exports", responses=documented(), operation_id="list_scheduled_exports"
)
async def scheduled_exports(caller: Reads, limit: Limit = USUAL_ITEMS, cursor: After = None) -> ScheduledExports:
    """Every scheduled export, also those that are ended, and how the newest period of each stands."""
    after = key_in(cursor, UUID)
    async with caller.database.tenant(caller.tenant_id) as connection:
        known = await service.schedules_of(connection, caller.tenant_id)
        newest = await service.newest_runs(connection, caller.tenant_id)
    later = sorted((one for one in known if after is None or one.schedule_id > after), key=lambda one: one.schedule_id)
    items, next_cursor = page_of(later, limit, lambda one: one.schedule_id)
    shown = [ScheduledExport.of(one, newest.get(one.schedule_id)) for one in items]
    return ScheduledExports(items=shown, next_cursor=next_cursor)


@router.get(
    "/scheduled-exports/{schedule_id}",
    summary="One scheduled export",
    responses=documented(404),
    operation_id="read_scheduled_export",
)
async def scheduled_export(caller: Reads, schedule_id: UUID) -> ScheduledExport:
    """What is sent when and where, and how its newest period stands."""
    async with caller.database.tenant(caller.tenant_id) as connection:
        return await _shown(connection, caller, schedule_id)


@router.get(
    "/scheduled-exports/{schedule_id}/runs",
    summary="Periods of a scheduled export",
    responses=documented(404),
    operation_id="list_export_runs",
)
async def runs(caller: Reads, schedule_id: UUID, limit: Limit = USUAL_ITEMS, cursor: After = None) -> ExportRuns:
    """How each period stands, newest first."""
    before = key_in(cursor, date.fromisoformat)
    async with caller.database.tenant(caller.tenant_id) as connection:
        await _find(connection, caller, schedule_id)
        found = await service.runs_of(connection, caller.tenant_id, schedule_id, limit + 1, before)
    items, next_cursor = page_of(found, limit, lambda one: one.first)
    return ExportRuns(items=[ExportRun.of(one) for one in items], next_cursor=next_cursor)


@router.post(
    "/scheduled-exports",
    summary="Set up a scheduled export",
    status_code=201,
    responses=documented(413),
    operation_id="schedule_export",
    response_model=ScheduledExport,
)
async def set_up(
    request: Request, caller: Writes, new: NewScheduledExport, idempotency_key: IdempotencyKey = None
) -> Response:
    """A small file is written to its place first. Periods that are due already are sent at once, each once."""

    async def attempt() -> Taken:
        try:
            return await arranging.check_new(new.fields(), request.app.state.settings)
        except InvalidSchedule as fault:
            raise _unusable(fault) from None

    async def work(connection: Connection, taken: Taken) -> tuple[BaseModel, str]:
        schedule_id = await arranging.set_up(connection, caller.reader, taken)
        return await _shown(connection, caller, schedule_id), f"/v1/scheduled-exports/{schedule_id}"

    return await once_tried(request, caller, idempotency_key, attempt, work, status=201)


@router.post(
    "/scheduled-exports/{schedule_id}/change",
    summary="Change a scheduled export",
    responses=documented(404, 409, 413),
    operation_id="change_scheduled_export",
    response_model=ScheduledExport,
)
async def change(
    request: Request, caller: Writes, schedule_id: UUID, new: ExportChange, idempotency_key: IdempotencyKey = None
) -> Response:
    """What was sent stays, and a period of which something may have arrived ends as it began; all others go out as
    changed. With another rhythm, the first period is the days that were in none so far.
    """

    async def attempt() -> tuple[Schedule, Taken]:
        async with caller.database.tenant(caller.tenant_id) as connection:
            before = await _find_open(connection, caller, schedule_id)
        try:
            settings = request.app.state.settings
            fields = new.fields(before.plan)
            taken = await arranging.check_change(fields, before, caller.database, caller.tenant_id, settings)
        except InvalidSchedule as fault:
            raise _unusable(fault) from None
        return before, taken

    async def work(connection: Connection, tried: tuple[Schedule, Taken]) -> tuple[BaseModel, None]:
        try:
            await arranging.change(connection, caller.reader, *tried)
        except ChangedMeanwhile:
            raise refusals.conflict("Somebody else changed or ended it at the same time. Read it again.") from None
        return await _shown(connection, caller, schedule_id), None

    return await once_tried(request, caller, idempotency_key, attempt, work, status=200)


@router.post(
    "/scheduled-exports/{schedule_id}/pause",
    summary="Pause a scheduled export",
    responses=documented(404, 409, 413),
    operation_id="pause_scheduled_export",
    response_model=ScheduledExport,
)
async def pause(
    request: Request, caller: Writes, schedule_id: UUID, idempotency_key: IdempotencyKey = None
) -> Response:
    """Nothing more is begun until it is resumed; what is being sent ends as it began. Safe to repeat."""

    return await _do(request, caller, schedule_id, idempotency_key, find=_find_open, act=arranging.pause)


@router.post(
    "/scheduled-exports/{schedule_id}/resume",
    summary="Resume a scheduled export",
    responses=documented(404, 409, 413),
    operation_id="resume_scheduled_export",
    response_model=ScheduledExport,
)
async def resume(
    request: Request, caller: Writes, schedule_id: UUID, idempotency_key: IdempotencyKey = None
) -> Response:
    """What waited is sent, and every period since, each once. Safe to repeat."""

    return await _do(request, caller, schedule_id, idempotency_key, find=_find_open, act=arranging.resume)


@router.post(
    "/scheduled-exports/{schedule_id}/end",
    summary="End a scheduled export",
    responses=documented(404, 413),
    operation_id="end_scheduled_export",
    response_model=ScheduledExport,
)
async def end(request: Request, caller: Writes, schedule_id: UUID, idempotency_key: IdempotencyKey = None) -> Response:
    """Nothing more is sent, and its keys are forgotten. What was sent stays where it is. Safe to repeat."""

    return await _do(request, caller, schedule_id, idempotency_key, find=_find, act=arranging.end)


@router.post(
    "/scheduled-exports/{schedule_id}/runs/{first_day}/again",
    summary="Send a period again",
    responses=documented(404, 409, 413),
    operation_id="send_export_again",
    response_model=ExportRun,
)
async def again(
    request: Request, caller: Writes, schedule_id: UUID, first_day: FirstDay, idempotency_key: IdempotencyKey = None
) -> Response:
    """Of one that was given up, as the export is now. One that waits goes on waiting; one that was delivered is not
    sent twice.
    """

    async def work(connection: Connection) -> tuple[BaseModel, None]:
        await _find_open(connection, caller, schedule_id)
        found = await _find_run(connection, caller, schedule_id, first_day)
        if found.state is RunState.DELIVERED:
            raise refusals.conflict("The period was delivered, and is not sent twice.")
        await arranging.send_again(connection, caller.reader, schedule_id, first_day)
        return ExportRun.of(await _find_run(connection, caller, schedule_id, first_day)), None

    return await once(request, caller, idempotency_key, work, status=200)


async def _do(
    request: Request,
    caller: Caller,
    schedule_id: UUID,
    key: str | None,
    *,
    find: Callable[[Connection, Caller, UUID], Awaitable[Schedule]],
    act: Callable[[Connection, SignedIn, UUID], Awaitable[None]],
) -> Response:
    async def work(connection: Connection) -> tuple[BaseModel, None]:
        await find(connection, caller, schedule_id)
        await act(connection, caller.reader, schedule_id)
        return await _shown(connection, caller, schedule_id), None

    return await once(request, caller, key, work, status=200)


async def _find(connection: Connection, caller: Caller, schedule_id: UUID) -> Schedule:
    found = await service.schedule_of(connection, caller.tenant_id, schedule_id)
    if found is None:
        raise refusals.not_found("scheduled export")
    return found


async def _find_open(connection: Connection, caller: Caller, schedule_id: UUID) -> Schedule:
    found = await _find(connection, caller, schedule_id)
    if not found.is_open:
        raise refusals.conflict("The export has ended, so nothing of it can be changed. Set up another.")
    return found


async def _find_run(connection: Connection, caller: Caller, schedule_id: UUID, first: date) -> Run:
    found = await service.run_of(connection, caller.tenant_id, schedule_id, first)
    if found is None:
        raise refusals.not_found("period of this export")
    return found


async def _shown(connection: Connection, caller: Caller, schedule_id: UUID) -> ScheduledExport:
    found = await _find(connection, caller, schedule_id)
    newest = await service.runs_of(connection, caller.tenant_id, schedule_id, 1)
    return ScheduledExport.of(found, newest[0] if newest else None)


def _unusable(fault: InvalidSchedule) -> Problem:
    return refusals.unusable(name_of(fault.field), fault.reason)
