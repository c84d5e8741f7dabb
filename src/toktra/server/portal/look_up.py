"""Opening the figures of one named person: first a reason, then the figures and, with them, an entry in the trail.

The figures are only ever the answer to a posted form, so there is no showing them without an entry: choosing another
period posts the reason again, and is another look.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.audit import service as audit
from toktra.server.audit.service import LEAST_REASON, MOST_REASON, ReasonNotUsable, usable_reason
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.people.names import Named, person_named
from toktra.server.people.service import role_word
from toktra.server.people.signed_in import SignedIn
from toktra.server.portal.presentation import period_choices
from toktra.server.rights.requests import is_restricted
from toktra.server.tenants.attribution import attribution_of
from toktra.server.usage.overview import Overview
from toktra.server.usage.period import DEFAULT, Period
from toktra.server.usage.person import Subject, person_overview
from toktra.server.usage.presentation import present
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit


def look_up_pages() -> list[Page]:
    """The form that asks why, and the figures."""
    return [
        Page("/people/{person_id}/usage", ask_why, action=Action.OPEN_USAGE_OF_PERSON),
        Page("/people/{person_id}/usage", show_figures, action=Action.OPEN_USAGE_OF_PERSON, methods=("POST",)),
    ]


async def ask_why(visit: Visit) -> Response:
    """Asks for the purpose; nothing about the person's use is on this page."""
    person = await _person(visit)
    if person is None:
        return notices.not_found()
    if person.person_id == visit.reader.person_id:
        return RedirectResponse("/me", 303)
    if closed := await _closed(visit, person):
        return closed
    return _form(visit, person)


async def show_figures(visit: Visit) -> Response:
    """The figures, once the purpose is stored: both happen in one transaction."""
    person = await _person(visit)
    if person is None:
        return notices.not_found()
    if person.person_id == visit.reader.person_id:
        return RedirectResponse("/me", 303)
    if closed := await _closed(visit, person):
        return closed
    try:
        sent = await read_form(visit.request)
    except FormNotUsable:
        sent = {}
    typed = sent.get("reason", "")
    try:
        reason = usable_reason(typed)
    except ReasonNotUsable:
        error = _("Give a purpose of %(least)s to %(most)s characters; %(name)s will read it.") % {
            "least": LEAST_REASON,
            "most": MOST_REASON,
            "name": person.display_name,
        }
        return _form(visit, person, typed=typed, error=error, status=400)
    try:
        period = Period(sent.get("period", DEFAULT))
    except ValueError:
        return _form(visit, person, typed=reason, error=_("There is no such period."), status=400)
    found = await look(visit.database, visit.reader, person.person_id, period, reason)
    return visit.show(
        "portal/person_usage.html",
        here="/people",
        person=person,
        reason=reason,
        page=present(found),
        periods=period_choices(period, found.made_at.date()),
    )


async def look(database: Database, reader: SignedIn, person_id: UUID, period: Period, reason: str) -> Overview:
    """Another's figures and, in the same transaction, the entry that says who saw them and why.

    `reason` is a usable one, and use is kept with its persons: that is the caller's to ask.
    """
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        subject = Subject(tenant_id, person_id, is_reader=False)
        found = await person_overview(connection, subject, period, datetime.now(UTC))
        window = found.span.current
        await audit.record(
            connection,
            tenant_id,
            Tag.USAGE_VIEWED,
            reader.actor,
            subject_id=person_id,
            reason=reason,
            after={"first_day": str(window.first_day), "last_day": str(window.last_day)},
        )
    return found


async def _person(visit: Visit) -> Named | None:
    """The person in the address; None when this organisation has none of that id."""
    try:
        person_id = UUID(visit.request.path_params["person_id"])
    except ValueError:
        return None
    return await person_named(visit.database, visit.reader.tenant.tenant_id, person_id)


async def _closed(visit: Visit, person: Named) -> Response | None:
    """Why nobody's figures, or not this person's, are opened; None when they are."""
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        if not (await attribution_of(connection, tenant_id)).names_people:
            return _nothing_kept(person)
        return _only_kept(person) if await is_restricted(connection, tenant_id, person.person_id) else None


def _only_kept(person: Named) -> Response:
    """GDPR Art. 18(2): it is stored and nothing else is done with it."""
    return notices.nothing_there(
        _("These figures are not opened"),
        _("%(name)s objected or asked for restriction. What is recorded stays, and nobody opens it.")
        % {"name": person.display_name},
        f"/people/{person.person_id}",
        person.display_name,
    )


def _nothing_kept(person: Named) -> Response:
    """Nothing is asked and nothing recorded: there is nothing to look at."""
    return notices.nothing_there(
        _("There are no figures about one person"),
        _("Your organisation keeps AI use without persons. Nothing is kept about the use of %(name)s.")
        % {"name": person.display_name},
        f"/people/{person.person_id}",
        person.display_name,
    )


def _form(visit: Visit, person: Named, *, typed: str = "", error: str = "", status: int = 200) -> Response:
    return visit.show(
        "portal/ask_why.html",
        status=status,
        here="/people",
        person=person,
        their_role=role_word(person.role),
        typed=typed[: 2 * MOST_REASON],
        errors={"reason": error} if error else {},
        most=MOST_REASON,
    )
