"""The employee's pages. All of them are about whoever is signed in; none takes a person from the address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from toktra.compliance.rendering import as_html_part
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.budgets.presentation import line as budget_line
from toktra.server.budgets.service import budgets_of_person
from toktra.server.devices import service as devices
from toktra.server.notices import service as published
from toktra.server.portal import records
from toktra.server.portal.look_up import look_up_pages
from toktra.server.portal.presentation import looked, newest_record, period_choices, second
from toktra.server.tenants.attribution import Attribution, Change, attribution_of, changes
from toktra.server.tenants.attribution_words import described, next_words, recent, words_of
from toktra.server.usage.collected import NEVER
from toktra.server.usage.period import DEFAULT, Period
from toktra.server.usage.person import Subject, all_own_events, newest_own_event, own_events, person_overview
from toktra.server.usage.presentation import present
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.exports import as_file
from toktra.server.web.language import _
from toktra.server.web.listing import PAGE_ROWS, Listing
from toktra.server.web.page import Page, Visit

CODE_LIFETIME: Final = timedelta(days=1)
_NEWEST_LOOK_UPS: Final = 3


def portal_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/me", my_usage, action=Action.READ_OWN_PAGES),
        Page("/me/as-others-see-it", as_others_see_it, action=Action.READ_OWN_PAGES),
        Page("/me/events", my_events, action=Action.READ_OWN_PAGES),
        Page("/me/events.csv", my_events_csv, action=Action.DOWNLOAD_OWN_RECORDS, methods=("POST",)),
        Page("/me/events.json", my_events_json, action=Action.DOWNLOAD_OWN_RECORDS, methods=("POST",)),
        Page("/me/devices", my_devices, action=Action.READ_OWN_PAGES),
        Page("/me/devices/code", my_code, action=Action.ENROL_OWN_DEVICE, methods=("POST",)),
        Page("/me/who-looked", who_looked, action=Action.READ_OWN_PAGES),
        Page("/me/notices", my_notices, action=Action.READ_OWN_PAGES),
        *look_up_pages(),
    ]


async def my_usage(visit: Visit) -> Response:
    """Totals, days, providers, the newest record whole, and who looked last."""
    period = _period(visit)
    if period is None:
        return _unknown_period(visit)
    now = datetime.now(UTC)
    me = _me(visit)
    async with visit.database.tenant(me.tenant_id) as connection:
        attribution = await attribution_of(connection, me.tenant_id)
        decisions = await changes(connection, me.tenant_id)
        found = await person_overview(connection, me, period, now) if attribution.names_people else None
        budgets = await budgets_of_person(connection, me.tenant_id, me.person_id, now.date()) if found else []
    if found is None:
        return await _not_kept(visit, attribution, decisions)
    newest = await newest_own_event(visit.database, me, found.newest.day) if found.newest else None
    owned = await devices.devices_of(visit.database, me.tenant_id, me.person_id)
    look_ups, times_looked = await audit.look_ups(
        visit.database, me.tenant_id, me.person_id, offset=0, most=_NEWEST_LOOK_UPS
    )
    return visit.show(
        "portal/my_usage.html",
        here="/me",
        page=present(found),
        budgets=[budget_line(one, {me.person_id: _("Your budget")}, is_own=True) for one in budgets],
        recent=recent(decisions, now),
        periods=period_choices(period, now.date()),
        record=newest_record(newest, owned),
        looked=[looked(one) for one in look_ups],
        times_looked=times_looked,
        never=NEVER,
    )


async def as_others_see_it(visit: Visit) -> Response:
    """What anyone else would be shown about the reader, from the same query and the same part of the page."""
    period = _period(visit)
    if period is None:
        return _unknown_period(visit)
    now = datetime.now(UTC)
    me = _me(visit, as_others=True)
    async with visit.database.tenant(me.tenant_id) as connection:
        if not (await attribution_of(connection, me.tenant_id)).names_people:
            return RedirectResponse("/me", 303)
        found = await person_overview(connection, me, period, now)
    return visit.show(
        "portal/as_others_see_it.html", here="/me", page=present(found), periods=period_choices(period, now.date())
    )


async def my_events(visit: Visit) -> Response:
    """Every single event, newest first, times to the second: they are the reader's own."""
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        if not (await attribution_of(connection, visit.reader.tenant.tenant_id)).names_people:
            return RedirectResponse("/me", 303)
    listing = Listing.read("/me/events", {"page": visit.request.query_params.get("page", "1")}, sorts=("newest",))
    events, total = await own_events(visit.database, _me(visit), skip=listing.skip, most=PAGE_ROWS)
    return visit.show(
        "portal/my_events.html", here="/me/events", listing=listing, events=events, total=total, second=second
    )


async def my_events_csv(visit: Visit) -> Response:
    """All records of the reader as a CSV file."""
    me = await _noting_download(visit, "csv")
    return as_file("my-ai-use.csv", "text/csv; charset=utf-8", records.as_csv(all_own_events(visit.database, me)))


async def my_events_json(visit: Visit) -> Response:
    """All records of the reader as a JSON file."""
    me = await _noting_download(visit, "json")
    parts = records.as_json(all_own_events(visit.database, me), datetime.now(UTC))
    return as_file("my-ai-use.json", "application/json", parts)


async def my_devices(visit: Visit) -> Response:
    """The reader's devices, by day, and how to add one."""
    me = _me(visit)
    owned = await devices.devices_of(visit.database, me.tenant_id, me.person_id)
    return visit.show(
        "portal/my_devices.html",
        here="/me/devices",
        devices=owned,
        today=datetime.now(UTC).date(),
        said=visit.request.query_params.get("said", ""),
    )


async def my_code(visit: Visit) -> Response:
    """A code that enrols one device for the reader, shown once."""
    reader = visit.reader
    code = await devices.create_enrolment_code(
        visit.database, reader.tenant, person_id=reader.person_id, valid_for=CODE_LIFETIME, by=reader.actor
    )
    address = str(visit.request.base_url).rstrip("/")
    return visit.show("portal/my_code.html", here="/me/devices", code=str(code), address=address)


async def who_looked(visit: Visit) -> Response:
    """Each time someone opened figures about the reader: when, in which role, why."""
    listing = Listing.read("/me/who-looked", {"page": visit.request.query_params.get("page", "1")}, sorts=("newest",))
    me = _me(visit)
    look_ups, total = await audit.look_ups(
        visit.database, me.tenant_id, me.person_id, offset=listing.skip, most=PAGE_ROWS
    )
    return visit.show(
        "portal/who_looked.html",
        here="/me/who-looked",
        listing=listing,
        looked=[looked(one) for one in look_ups],
        total=total,
    )


async def my_notices(visit: Visit) -> Response:
    """The notice that holds, for the reader to confirm, and what was decided about how finely use is kept."""
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        decisions = await changes(connection, tenant_id)
        notice = await published.newest(connection, tenant_id)
        comes_first = await published.required(connection, tenant_id)
    confirmed = await published.acknowledged_by(visit.database, tenant_id, visit.reader.person_id)
    return visit.show(
        "portal/my_notices.html",
        here="/me/notices",
        decisions=[described(decision) for decision in decisions],
        notice=notice,
        notice_text=Markup(as_html_part(notice.markdown)) if notice else "",  # noqa: S704 - our own, escaped there
        confirmed_at=next((one.at for one in confirmed if notice and one.version == notice.version), None),
        comes_first=comes_first is published.Precedes.ACKNOWLEDGEMENT,
    )


async def _not_kept(visit: Visit, attribution: Attribution, decisions: list[Change]) -> Response:
    """My usage of an organisation that keeps use without persons."""
    me = _me(visit)
    look_ups, times_looked = await audit.look_ups(
        visit.database, me.tenant_id, me.person_id, offset=0, most=_NEWEST_LOOK_UPS
    )
    return visit.show(
        "portal/not_kept.html",
        here="/me",
        words=words_of(attribution.level),
        next_words=next_words(attribution),
        is_clearing=attribution.is_clearing,
        recent=recent(decisions, datetime.now(UTC)),
        devices=await devices.devices_of(visit.database, me.tenant_id, me.person_id),
        looked=[looked(one) for one in look_ups],
        times_looked=times_looked,
    )


def _me(visit: Visit, *, as_others: bool = False) -> Subject:
    return Subject(visit.reader.tenant.tenant_id, visit.reader.person_id, is_reader=not as_others)


async def _noting_download(visit: Visit, form: str) -> Subject:
    """Who downloads, after it was recorded: a session left open could be someone else's chance."""
    me = _me(visit)
    async with visit.database.tenant(me.tenant_id) as connection:
        await audit.record(
            connection,
            me.tenant_id,
            Tag.USAGE_DOWNLOADED,
            visit.reader.actor,
            subject_id=me.person_id,
            after={"format": form},
        )
    return me


def _period(visit: Visit) -> Period | None:
    try:
        return Period(visit.request.query_params.get("period", DEFAULT))
    except ValueError:
        return None


def _unknown_period(visit: Visit) -> Response:
    asked = visit.request.query_params["period"][:40]
    return notices.bad_request(
        _("There is no such period"),
        _("“%(period)s” is not a period. There are 7 days, 30 days and this month.") % {"period": asked},
        "/me",
        _("Show the last 7 days"),
    )
