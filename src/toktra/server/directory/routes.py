"""The directory's pages: the list and its download, one person, adding someone, and leaving."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.compliance.jurisdictions import UnknownPlace
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.directory import service
from toktra.server.directory.changing import UnknownPerson
from toktra.server.directory.details import ROLE_WORDS, STATUS_WORDS, Field, InvalidDetail, Status
from toktra.server.directory.form import FormRefused, PersonForm, read_entry
from toktra.server.directory.import_routes import import_pages
from toktra.server.directory.service import KnownPerson
from toktra.server.web import notices
from toktra.server.web.access import Action, Role
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.fresh import require_fresh_sign_in
from toktra.server.web.language import _
from toktra.server.web.listing import Listing, UnknownChoice
from toktra.server.web.page import Page, Visit
from toktra.server.web.spreadsheets import as_csv, download

SHOW_WORDS = {
    "present": _("Here now"),
    "left": _("Have left"),
    "accounts": _("Unnamed accounts"),
    "all": _("Everyone"),
}
CSV_HEADER = ("Name", "E-mail", "Department", "Manager", "Role", "Status")
_SAID = {
    "added": _("Added."),
    "saved": _("Saved."),
    "back": _("Here again. What ended when they left stays ended."),
    "invited": _("A link is on its way to them. It works once, for three days."),
    "sessions-ended": _("Every session of theirs has ended."),
}


def directory_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/people", people, action=Action.READ_PEOPLE),
        Page("/people.csv", people_csv, action=Action.READ_PEOPLE, needs_fresh=True),
        Page("/people/new", new_person, action=Action.CHANGE_PEOPLE),
        Page("/people/new", add_person, action=Action.CHANGE_PEOPLE, methods=("POST",)),
        *import_pages(),
        Page("/people/{person_id}", person, action=Action.READ_PEOPLE),
        Page("/people/{person_id}", change_person, action=Action.CHANGE_PEOPLE, methods=("POST",)),
        Page("/people/{person_id}/law", change_law, action=Action.CHANGE_PEOPLE, methods=("POST",)),
        Page("/people/{person_id}/leave", leave, action=Action.CHANGE_PEOPLE, methods=("POST",)),
        Page("/people/{person_id}/return", come_back, action=Action.CHANGE_PEOPLE, methods=("POST",)),
    ]


async def people(visit: Visit) -> Response:
    """The list."""
    try:
        listing = _listing(visit)
    except UnknownChoice as unknown:
        return _unknown_choice(unknown)
    found = await service.list_people(visit.database, visit.reader.tenant.tenant_id, listing)
    return visit.show(
        "directory/people.html",
        here="/people",
        found=found,
        listing=found.listing,
        show_words=SHOW_WORDS,
        roles=ROLE_WORDS,
        role_choices=[("", _("All roles")), *((role.value, word) for role, word in ROLE_WORDS.items())],
        departments=[("", _("All departments")), *((name, name) for name in found.departments)],
        csv=found.listing.elsewhere("/people.csv"),
        may_change=visit.may(Action.CHANGE_PEOPLE),
    )


async def people_csv(visit: Visit) -> Response:
    """The same list as a file that can be imported again."""
    try:
        listing = _listing(visit)
    except UnknownChoice as unknown:
        return _unknown_choice(unknown)
    tenant_id = visit.reader.tenant.tenant_id
    rows = await service.export(visit.database, tenant_id, listing)
    async with visit.database.tenant(tenant_id) as connection:
        await audit.record(connection, tenant_id, Tag.PEOPLE_EXPORTED, visit.reader.actor, after={"people": len(rows)})
    return download("people.csv", as_csv(CSV_HEADER, rows))


async def new_person(visit: Visit) -> Response:
    """The form for someone new."""
    return _show_new(visit, PersonForm.blank())


async def add_person(visit: Visit) -> Response:
    """Adds someone, or says which field is why not."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form("/people/new")
    try:
        entry = read_entry(fields, Role.EMPLOYEE)
        if entry.details.role is not Role.EMPLOYEE and (way := require_fresh_sign_in(visit)):
            return way
        person_id = await service.add_person(visit.database, visit.reader, entry)
    except FormRefused as refusal:
        return _show_new(visit, refusal.form)
    except InvalidDetail as error:
        return _show_new(visit, PersonForm.refused(fields, {error.field: error.reason}))
    return RedirectResponse(f"/people/{person_id}?said=added", 303)


async def person(visit: Visit) -> Response:
    """One person: what is said about them and which devices are theirs. They are told that someone looked."""
    known = await _known(visit)
    if known is None:
        return notices.not_found()
    await service.note_look(visit.database, visit.reader, known.person, datetime.now(UTC))
    return _show_person(visit, known, PersonForm.of(known))


async def change_person(visit: Visit) -> Response:
    """Changes what is said about someone, or says which field is why not."""
    known = await _known(visit)
    if known is None:
        return notices.not_found()
    here = f"/people/{known.person.person_id}"
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form(here)
    try:
        entry = read_entry(fields, known.person.details.role)
        if entry.details.role is not known.person.details.role and (way := require_fresh_sign_in(visit)):
            return way
        await service.change_person(visit.database, visit.reader, known.person.person_id, entry)
    except (FormRefused, InvalidDetail) as error:
        return _show_person(visit, known, _refused(error, fields))
    except UnknownPerson:
        return notices.not_found()
    return RedirectResponse(f"{here}?said=saved", 303)


def _refused(error: FormRefused | InvalidDetail, fields: Mapping[str, str]) -> PersonForm:
    """The form as it was sent, with what is wrong."""
    return error.form if isinstance(error, FormRefused) else PersonForm.refused(fields, {error.field: error.reason})


async def change_law(visit: Visit) -> Response:
    """Says under whose law someone asks for their rights."""
    known = await _known(visit)
    if known is None:
        return notices.not_found()
    here = f"/people/{known.person.person_id}"
    try:
        fields = await read_form(visit.request)
        said = fields.get("jurisdiction", "")
        await service.put_jurisdiction(visit.database, visit.reader, known.person.person_id, said)
    except FormNotUsable:
        return _no_form(here)
    except UnknownPlace:
        told = _("Country or state: write it like DE, GB or US-CA, or leave it empty.")
        return _show_person(visit, known, PersonForm.of(known), {"jurisdiction": told})
    except UnknownPerson:
        return notices.not_found()
    return RedirectResponse(f"{here}?said=saved", 303)


async def leave(visit: Visit) -> Response:
    """Someone has left: their sign-in and the devices that are theirs alone end at once."""
    known = await _known(visit)
    if known is None:
        return notices.not_found()
    try:
        ended = await service.leave(visit.database, visit.reader, known.person.person_id)
    except InvalidDetail as error:
        return _show_person(visit, known, PersonForm.of(known), {Field.STATUS: error.reason})
    except UnknownPerson:
        return notices.not_found()
    known = await _known(visit) or known
    return _show_person(visit, known, PersonForm.of(known), revoked=ended.revoked)


async def come_back(visit: Visit) -> Response:
    """Someone is here again."""
    known = await _known(visit)
    if known is None:
        return notices.not_found()
    try:
        await service.come_back(visit.database, visit.reader, known.person.person_id)
    except InvalidDetail as error:
        return _show_person(visit, known, PersonForm.of(known), {Field.STATUS: error.reason})
    except UnknownPerson:
        return notices.not_found()
    return RedirectResponse(f"/people/{known.person.person_id}?said=back", 303)


async def _known(visit: Visit) -> KnownPerson | None:
    try:
        person_id = UUID(visit.request.path_params["person_id"])
        return await service.find_person(visit.database, visit.reader.tenant.tenant_id, person_id)
    except (ValueError, UnknownPerson):
        return None


def _listing(visit: Visit) -> Listing:
    return Listing.read(
        "/people",
        visit.request.query_params,
        sorts=service.SORTS,
        choices={"show": service.SHOW, "role": service.ROLES},
        free=("department",),
    )


def _show_new(visit: Visit, form: PersonForm) -> Response:
    return visit.show(
        "directory/new_person.html",
        status=422 if form.errors else 200,
        here="/people",
        form=form,
        roles=ROLE_WORDS,
        may_change_roles=visit.may(Action.CHANGE_ROLES),
    )


def _show_person(
    visit: Visit,
    known: KnownPerson,
    form: PersonForm,
    errors: dict[str, str] | None = None,
    *,
    revoked: tuple[str, ...] | None = None,
) -> Response:
    errors = {**form.errors, **(errors or {})}
    return visit.show(
        "directory/person.html",
        status=422 if errors else 200,
        here="/people",
        known=known,
        details=known.person.details,
        has_left=known.person.details.status is Status.INACTIVE,
        form=form,
        errors=errors,
        roles=ROLE_WORDS,
        statuses=STATUS_WORDS,
        said=_SAID.get(visit.request.query_params.get("said", "")),
        revoked=revoked,
        may_change=visit.may(Action.CHANGE_PEOPLE),
        may_change_roles=visit.may(Action.CHANGE_ROLES),
        may_invite=_may_invite(visit, known),
        may_open_devices=visit.may(Action.READ_DEVICES),
    )


def _may_invite(visit: Visit, known: KnownPerson) -> bool:
    """Whether the page offers to send a link. Whether they have a way in already is looked up when it is asked for."""
    details = known.person.details
    is_there = details.status is Status.ACTIVE and details.email is not None and not known.person.from_account
    is_theirs = visit.may(Action.CHANGE_PEOPLE) and (details.role is Role.EMPLOYEE or visit.may(Action.CHANGE_ROLES))
    return is_there and is_theirs and visit.request.app.state.settings.mail_relay is not None


def _no_form(here: str) -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), here, _("Back to the form")
    )


def _unknown_choice(unknown: UnknownChoice) -> Response:
    return notices.bad_request(
        _("There is no such view"),
        _("The address asks for %(field)s “%(value)s”, which does not exist.")
        % {"field": unknown.field, "value": unknown.value},
        "/people",
        _("Show all people"),
    )
