"""The pages of scheduled exports: all of them, a new one, one with its runs, changing it and trying it out."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.database.pool import Connection
from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format
from toktra.server.exports.scheduled import arranging, sending, service
from toktra.server.exports.scheduled.entering import USUAL_WAIT_DAYS, InvalidSchedule, as_typed
from toktra.server.exports.scheduled.presentation import dataset_words, fault_sentence, line, rhythm_words, run_line
from toktra.server.exports.scheduled.schedule import Bucket, Fault, NotDelivered, Schedule
from toktra.server.people.signed_in import SignedIn
from toktra.server.vault import SealBroken, SecretKeyNotUsable, open_vault
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

PATH: Final = "/exports/scheduled"
_SHOWN_RUNS: Final = 60


def scheduled_pages() -> list[Page]:
    """The pages of scheduled exports."""
    read, manage = Action.READ_EXPORT_SCHEDULES, Action.MANAGE_EXPORT_SCHEDULES
    return [
        Page(PATH, schedules, action=read),
        Page(PATH, add, action=manage, methods=("POST",), needs_fresh=True),
        Page(PATH + "/{schedule_id}", schedule, action=read),
        Page(PATH + "/{schedule_id}/edit", edit, action=manage, needs_fresh=True),
        Page(PATH + "/{schedule_id}/edit", change, action=manage, methods=("POST",), needs_fresh=True),
        Page(PATH + "/{schedule_id}/test", test, action=manage, methods=("POST",)),
        Page(PATH + "/{schedule_id}/pause", pause, action=manage, methods=("POST",)),
        Page(PATH + "/{schedule_id}/resume", resume, action=manage, methods=("POST",)),
        Page(PATH + "/{schedule_id}/end", end, action=manage, methods=("POST",)),
        Page(PATH + "/{schedule_id}/{first_day}/again", again, action=manage, methods=("POST",)),
    ]


async def schedules(visit: Visit) -> Response:
    """Every scheduled export and how its newest period stands, and the form for another."""
    return await _show(visit, {}, None)


async def add(visit: Visit) -> Response:
    """Takes a new one, and has what is due already sent."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _damaged()
    try:
        taken = await arranging.check_new(fields, visit.request.app.state.settings)
    except InvalidSchedule as fault:
        return await _show(visit, fields, fault, status=422)
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        schedule_id = await arranging.set_up(connection, visit.reader, taken)
    return RedirectResponse(f"{PATH}/{schedule_id}", 303)


async def schedule(visit: Visit) -> Response:
    """One, with its runs."""
    found = await _found(visit)
    return notices.not_found() if found is None else await _show_one(visit, found)


async def edit(visit: Visit) -> Response:
    """The form of one as it is now."""
    found = await _found(visit)
    if found is None or not found.is_open:
        return notices.not_found()
    return _show_form(visit, found, as_typed(found.plan), None)


async def change(visit: Visit) -> Response:
    """Takes the form: from now on that is sent."""
    found = await _found(visit)
    if found is None or not found.is_open:
        return notices.not_found()
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _damaged()
    tenant_id = visit.reader.tenant.tenant_id
    try:
        settings = visit.request.app.state.settings
        taken = await arranging.check_change(fields, found, visit.database, tenant_id, settings)
        async with visit.database.tenant(tenant_id) as connection:
            await arranging.change(connection, visit.reader, found, taken)
    except InvalidSchedule as fault:
        return _show_form(visit, found, fields, fault, status=422)
    except arranging.ChangedMeanwhile:
        late = InvalidSchedule("", _("Somebody else changed or ended this export meanwhile. Look at it again."))
        return _show_form(visit, found, fields, late, status=409)
    return RedirectResponse(f"{PATH}/{found.schedule_id}", 303)


async def test(visit: Visit) -> Response:
    """Writes something small to where it goes, and says how that went."""
    found = await _found(visit)
    if found is None or not found.is_open:
        return notices.not_found()
    settings, tenant_id = visit.request.app.state.settings, visit.reader.tenant.tenant_id
    try:
        keys = None
        if isinstance(found.plan.target, Bucket):
            vault = open_vault(settings.data_directory, os.environ)
            async with visit.database.tenant(tenant_id) as connection:
                keys = await service.secret_of(connection, tenant_id, found.schedule_id, vault)
        await sending.try_out(found.plan.target, keys, settings)
    except NotDelivered as fault:
        return await _show_one(visit, found, fault=fault)
    except (SealBroken, SecretKeyNotUsable):
        return await _show_one(visit, found, fault=NotDelivered(Fault.KEYS_LOST))
    return await _show_one(visit, found, is_reached=True)


async def pause(visit: Visit) -> Response:
    """Begins to send nothing more until it goes on. Safe to repeat."""
    return await _do(visit, arranging.pause)


async def resume(visit: Visit) -> Response:
    """Goes on with what waited. Safe to repeat."""
    return await _do(visit, arranging.resume)


async def end(visit: Visit) -> Response:
    """Sends nothing more. Safe to repeat."""
    return await _do(visit, arranging.end)


async def again(visit: Visit) -> Response:
    """Has a period sent that was given up. Safe to repeat."""
    found = await _found(visit)
    try:
        first = date.fromisoformat(visit.request.path_params["first_day"])
    except ValueError:
        found = None
    if found is None:
        return notices.not_found()
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        await arranging.send_again(connection, visit.reader, found.schedule_id, first)
    return RedirectResponse(f"{PATH}/{found.schedule_id}", 303)


async def _do(visit: Visit, what: Callable[[Connection, SignedIn, UUID], Awaitable[None]]) -> Response:
    found = await _found(visit)
    if found is None:
        return notices.not_found()
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        await what(connection, visit.reader, found.schedule_id)
    return RedirectResponse(f"{PATH}/{found.schedule_id}", 303)


async def _found(visit: Visit) -> Schedule | None:
    try:
        schedule_id = UUID(visit.request.path_params["schedule_id"])
    except ValueError:
        return None
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        return await service.schedule_of(connection, tenant_id, schedule_id)


async def _show(
    visit: Visit, fields: Mapping[str, str], fault: InvalidSchedule | None, *, status: int = 200
) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        known = await service.schedules_of(connection, tenant_id)
        newest = await service.newest_runs(connection, tenant_id)
    return visit.show(
        "scheduled_exports/schedules.html",
        status=status,
        here="/exports",
        lines=[line(one, newest.get(one.schedule_id)) for one in known],
        may_manage=visit.may(Action.MANAGE_EXPORT_SCHEDULES),
        first=arranging.today().replace(day=1).isoformat(),
        **_form(visit, fields, fault),
    )


def _show_form(
    visit: Visit, found: Schedule, fields: Mapping[str, str], fault: InvalidSchedule | None, *, status: int = 200
) -> Response:
    return visit.show(
        "scheduled_exports/edit.html",
        status=status,
        here="/exports",
        line=line(found, None),
        **_form(visit, fields, fault),
    )


def _form(visit: Visit, fields: Mapping[str, str], fault: InvalidSchedule | None) -> dict[str, object]:
    return {
        "has_folder": visit.request.app.state.settings.export_directory is not None,
        "datasets": [(one.value, dataset_words(one)) for one in Dataset],
        "formats": [(one.value, one.value.upper()) for one in Format],
        "rhythms": rhythm_words(),
        "wait_days": USUAL_WAIT_DAYS,
        "typed": fields,
        "fault": fault,
    }


async def _show_one(
    visit: Visit, found: Schedule, *, fault: NotDelivered | None = None, is_reached: bool = False
) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        runs = await service.runs_of(connection, tenant_id, found.schedule_id, _SHOWN_RUNS)
    return visit.show(
        "scheduled_exports/schedule.html",
        here="/exports",
        line=line(found, runs[0] if runs else None),
        runs=[run_line(one, found.plan) for one in runs],
        may_manage=visit.may(Action.MANAGE_EXPORT_SCHEDULES) and found.is_open,
        fault=fault_sentence(fault.fault, fault.detail) if fault else "",
        is_reached=is_reached,
    )


def _damaged() -> Response:
    return notices.bad_request(
        _("This form cannot be read"), _("It arrived damaged. Nothing was changed."), PATH, _("Back")
    )
