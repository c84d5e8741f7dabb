"""The pages of scheduled exports: all of them and how they stand, a new one, one with its runs, and trying it out."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format
from toktra.server.exports.scheduled import sending, service
from toktra.server.exports.scheduled.entering import USUAL_WAIT_DAYS, InvalidSchedule, entered
from toktra.server.exports.scheduled.presentation import FAULT_WORDS, dataset_words, line, rhythm_words, run_line
from toktra.server.exports.scheduled.schedule import Bucket, Fault, Folder, NotDelivered, Schedule
from toktra.server.jobs import defer
from toktra.server.settings import ServerSettings
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
        Page(PATH + "/{schedule_id}/test", test, action=manage, methods=("POST",)),
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
    settings = visit.request.app.state.settings
    try:
        plan, keys = entered(fields, _today())
        await _check_place(plan.target, settings)
        vault = open_vault(settings.data_directory, os.environ)
    except InvalidSchedule as fault:
        return await _show(visit, fields, fault, status=422)
    except SecretKeyNotUsable as fault:
        return await _show(visit, fields, InvalidSchedule("secret_access_key", str(fault)), status=422)
    schedule_id = await service.add_schedule(visit.database, visit.reader, plan, keys, vault)
    await _plan(visit, schedule_id)
    return RedirectResponse(f"{PATH}/{schedule_id}", 303)


async def schedule(visit: Visit) -> Response:
    """One, with its runs."""
    found = await _found(visit)
    return notices.not_found() if found is None else await _show_one(visit, found)


async def test(visit: Visit) -> Response:
    """Writes something small to where it goes, and says how that went."""
    found = await _found(visit)
    if found is None or found.ended_at is not None:
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


async def end(visit: Visit) -> Response:
    """Sends nothing more. Safe to repeat."""
    found = await _found(visit)
    if found is None:
        return notices.not_found()
    await service.end_schedule(visit.database, visit.reader, found.schedule_id)
    return RedirectResponse(PATH, 303)


async def again(visit: Visit) -> Response:
    """Has a period sent that was given up. Safe to repeat."""
    found = await _found(visit)
    try:
        first = date.fromisoformat(visit.request.path_params["first_day"])
    except ValueError:
        found = None
    if found is None:
        return notices.not_found()
    tenant_id = visit.reader.tenant.tenant_id
    of = {"tenant_id": tenant_id, "schedule_id": found.schedule_id}
    async with visit.database.tenant(tenant_id) as connection:
        if await service.queries.again(connection, **of, first_day=first) is not None:
            await defer(connection, sending.deliver, tenant_id, schedule_id=found.schedule_id, first_day=first)
    return RedirectResponse(f"{PATH}/{found.schedule_id}", 303)


async def _plan(visit: Visit, schedule_id: UUID) -> None:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        found = await service.schedule_of(connection, tenant_id, schedule_id)
        if found is not None:
            for first in await service.plan_runs(connection, tenant_id, found, _today()):
                await defer(connection, sending.deliver, tenant_id, schedule_id=schedule_id, first_day=first)


async def _check_place(target: Folder | Bucket, settings: ServerSettings) -> None:
    """Where it may not go is said at once; whether the keys fit, the test says. Raises InvalidSchedule."""
    if isinstance(target, Folder):
        if settings.export_directory is None:
            raise InvalidSchedule("target", str(FAULT_WORDS[Fault.NO_FOLDER]))
        return
    try:
        await sending.check_place(target, settings)
    except NotDelivered as fault:
        raise InvalidSchedule("endpoint" if target.endpoint else "region", str(FAULT_WORDS[fault.fault])) from None


async def _found(visit: Visit) -> Schedule | None:
    try:
        schedule_id = UUID(visit.request.path_params["schedule_id"])
    except ValueError:
        return None
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        return await service.schedule_of(connection, tenant_id, schedule_id)


async def _show(visit: Visit, fields: dict[str, str], fault: InvalidSchedule | None, *, status: int = 200) -> Response:
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
        has_folder=visit.request.app.state.settings.export_directory is not None,
        datasets=[(one.value, dataset_words(one)) for one in Dataset],
        formats=[(one.value, one.value.upper()) for one in Format],
        rhythms=rhythm_words(),
        typed=fields,
        fault=fault,
        first=_today().replace(day=1).isoformat(),
        wait_days=USUAL_WAIT_DAYS,
    )


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
        runs=[run_line(one) for one in runs],
        may_manage=visit.may(Action.MANAGE_EXPORT_SCHEDULES) and found.ended_at is None,
        fault=fault,
        fault_words=str(FAULT_WORDS[fault.fault]) if fault else "",
        is_reached=is_reached,
    )


def _damaged() -> Response:
    return notices.bad_request(
        _("This form cannot be read"), _("It arrived damaged. Nothing was changed."), PATH, _("Back")
    )


def _today() -> date:
    return datetime.now(UTC).date()
