"""The pages: a person's own week, and the works agreement."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse, Response

from toktra.server.devices import service as devices
from toktra.server.privacy_hours import agreement, weeks
from toktra.server.privacy_hours.agreement import MOST_TITLE
from toktra.server.privacy_hours.upcoming import MOST, bars_of, in_words, next_private, until_words
from toktra.server.privacy_hours.visiting import own_database_of, reader_of
from toktra.server.privacy_hours.week_form import SAVE, WeekForm, WeekRefused, zones
from toktra.server.privacy_hours.weeks import OwnWeek
from toktra.server.privacy_hours.words import DAY_NAMES, window_text
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit
from toktra.wire.portal import MOST_A_DAY, MOST_DATES
from toktra.wire.schedule import DAYS, Schedule

_HERE: Final = "/me/privacy-hours"
_AGREEMENT: Final = "/works-agreement"
_SAID: Final = {
    "saved": _("Your week is saved. Your devices take it in when they next ask."),
    "same": _("Nothing was different, so nothing was changed."),
    "sent": _("From its next question on, this device is told your week."),
    "stopped": _("This device is told nothing more. What it has, it keeps: remove it there."),
    "agreed": _("It is set. Devices add it when they next ask, within twenty minutes while they run."),
}


def privacy_hours_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page(_HERE, my_week, action=Action.READ_OWN_PAGES),
        Page(_HERE, change_my_week, action=Action.CHANGE_OWN_PRIVACY_HOURS, methods=("POST",)),
        Page(f"{_HERE}.json", my_week_json, action=Action.DOWNLOAD_OWN_RECORDS, methods=("POST",)),
        Page(f"{_HERE}/devices", choose_device, action=Action.CHANGE_OWN_PRIVACY_HOURS, methods=("POST",)),
        Page(_AGREEMENT, works_agreement, action=Action.READ_WORKS_AGREEMENT),
        Page(_AGREEMENT, change_works_agreement, action=Action.CHANGE_WORKS_AGREEMENT, methods=("POST",)),
    ]


async def my_week(visit: Visit) -> Response:
    """The reader's week, what comes next, their devices and what changed."""
    own = own_database_of(visit)
    if own is None:
        return await _without_weeks(visit)
    found = await weeks.own_week(own, reader_of(visit))
    return await _show_week(visit, found, WeekForm.of(found.schedule, found.version))


async def change_my_week(visit: Visit) -> Response:
    """Saves the week, or adds or takes away a row of the form."""
    own = own_database_of(visit)
    if own is None:
        return await _without_weeks(visit)
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form(_HERE)
    form, reader = WeekForm.read(fields), reader_of(visit)
    found = await weeks.own_week(own, reader)
    act = fields.get("do", SAVE)
    if act != SAVE:
        return await _show_week(visit, found, form.after(act), is_draft=True)
    try:
        changed = await weeks.save_week(own, reader, form.schedule(), read_version=form.version)
    except WeekRefused as refusal:
        return await _show_week(visit, found, refusal.form, is_draft=True)
    except weeks.ChangedMeanwhile:
        told = _("Your week was saved in another window since this page was opened. Load it again to see it.")
        return await _show_week(visit, found, form.with_error("version", told), is_draft=True)
    return RedirectResponse(f"{_HERE}?said={'saved' if changed else 'same'}", 303)


async def my_week_json(visit: Visit) -> Response:
    """All that is kept here about the reader's Privacy Hours, as a file."""
    own = own_database_of(visit)
    if own is None:
        return await _without_weeks(visit)
    found = await weeks.own_week(own, reader_of(visit), every_change=True)
    return Response(
        weeks.as_json(found),
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="my-privacy-hours.json"'},
    )


async def choose_device(visit: Visit) -> Response:
    """To which of the reader's devices the week goes."""
    own = own_database_of(visit)
    if own is None:
        return await _without_weeks(visit)
    try:
        fields = await read_form(visit.request)
        device_id = UUID(fields.get("device", ""))
    except (FormNotUsable, ValueError):
        return _no_form(_HERE)
    reader = reader_of(visit)
    owned = await devices.devices_of(visit.database, reader.tenant_id, reader.person_id)
    if device_id not in {device.device_id for device in owned}:
        return notices.not_found()
    sends = fields.get("do") == "send"
    await (weeks.send_to if sends else weeks.send_no_more_to)(own, reader, device_id)
    return RedirectResponse(f"{_HERE}?said={'sent' if sends else 'stopped'}", 303)


async def works_agreement(visit: Visit) -> Response:
    """What it adds for everybody, and for the privacy officer the form that sets it."""
    now = await agreement.in_force(visit.database, visit.reader.tenant.tenant_id)
    return _show_agreement(visit, now, WeekForm.of(now.schedule if now.version else None, now.version, title=now.title))


async def change_works_agreement(visit: Visit) -> Response:
    """Sets it, with an entry in the trail."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form(_AGREEMENT)
    reader = visit.reader
    form = WeekForm.read(fields)
    now = await agreement.in_force(visit.database, reader.tenant.tenant_id)
    act = fields.get("do", SAVE)
    if act != SAVE:
        return _show_agreement(visit, now, form.after(act))
    try:
        schedule = _agreed(form)
        await agreement.set_agreement(
            visit.database,
            reader.tenant.tenant_id,
            title=form.title,
            schedule=schedule,
            read_version=form.version,
            person_id=reader.person_id,
            actor=reader.actor,
        )
    except WeekRefused as refusal:
        return _show_agreement(visit, now, refusal.form)
    except agreement.ChangedMeanwhile:
        told = _("The agreement was set in another window since this page was opened. Load it again to see it.")
        return _show_agreement(visit, now, form.with_error("version", told))
    return RedirectResponse(f"{_AGREEMENT}?said=agreed", 303)


def _agreed(form: WeekForm) -> Schedule:
    """Raises WeekRefused."""
    if not 1 <= len(form.title) <= MOST_TITLE or not form.title.isprintable():
        told = _("Name: give up to %(n)s characters, such as “Works agreement of 1 March”.") % {"n": MOST_TITLE}
        form = form.with_error("title", told)
    try:
        schedule = form.schedule()
    except WeekRefused as refusal:
        raise WeekRefused(
            refusal.form.with_error("title", form.errors["title"]) if form.errors else refusal.form
        ) from None
    if form.errors:
        raise WeekRefused(form)
    return schedule


async def _show_week(visit: Visit, found: OwnWeek, form: WeekForm, *, is_draft: bool = False) -> Response:
    reader = visit.reader
    added = await agreement.in_force(visit.database, reader.tenant.tenant_id)
    owned = await devices.devices_of(visit.database, reader.tenant.tenant_id, reader.person_id)
    own = found.schedule or Schedule(zone="UTC")
    zone = found.schedule.zone if found.schedule else added.schedule.zone if added.adds else "UTC"
    now = datetime.now(ZoneInfo(zone)).replace(tzinfo=None)
    coming = next_private(own, added.schedule, now)
    runs = coming[0] if coming and coming[0].start <= now else None
    return visit.show(
        "privacy_hours/my_week.html",
        status=422 if form.errors else 200,
        here=_HERE,
        form=form,
        is_draft=is_draft,
        found=found,
        agreement=added,
        zone_in_use=zone,
        until=until_words(runs, now.date()) if runs else "",
        runs=runs,
        coming=[in_words(one, now.date()) for one in coming[:MOST] if one is not runs],
        devices=[(device, found.deliveries.get(device.device_id)) for device in owned if device.is_active],
        changes=found.changes,
        change_at=lambda change: change.at.astimezone(ZoneInfo(change.zone) if change.zone in zones() else UTC),
        **_editor(form, own, added.schedule),
        now_share=f"{100 * (60 * now.hour + now.minute) / 1440:.2f}%",
        today=DAYS[now.weekday()],
        said=_said(visit),
    )


def _show_agreement(visit: Visit, now: agreement.Agreement, form: WeekForm) -> Response:
    return visit.show(
        "privacy_hours/works_agreement.html",
        status=422 if form.errors else 200,
        here=_AGREEMENT,
        form=form,
        agreement=now,
        may_change=visit.may(Action.CHANGE_WORKS_AGREEMENT),
        **_editor(form, now.schedule, Schedule(zone="UTC")),
        now_share="",
        today="",
        said=_said(visit),
    )


def _editor(form: WeekForm, own: Schedule, added: Schedule) -> dict[str, Any]:
    """What the editor of a week needs. The bars are those of what is typed, as far as it can be read."""
    with suppress(WeekRefused):
        own = form.schedule()
    return {
        "day_names": DAY_NAMES,
        "own_bars": {day: bars_of(own, day) for day in DAYS},
        "added_bars": {day: bars_of(added, day) for day in DAYS},
        "window_text": window_text,
        "zones": zones(),
        "most_a_day": MOST_A_DAY,
        "most_dates": MOST_DATES,
    }


async def _without_weeks(visit: Visit) -> Response:
    """On a server whose database has no place for weeks: devices have theirs, and the works agreement counts."""
    added = await agreement.in_force(visit.database, visit.reader.tenant.tenant_id)
    return visit.show("privacy_hours/on_devices_only.html", here=_HERE, agreement=added, window_text=window_text)


def _said(visit: Visit) -> str:
    if visit.request.method != "GET":
        return ""
    return str(_SAID.get(visit.request.query_params.get("said", ""), ""))


def _no_form(here: str) -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), here, _("Back to the form")
    )
