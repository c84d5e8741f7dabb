"""Your rights: the employee asks, follows, and fetches the copy. Every page is about whoever is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.compliance.deadlines import deadline
from toktra.server.notices.service import regulation_of, typed_of
from toktra.server.privacy_hours import copying
from toktra.server.privacy_hours.visiting import own_database_of, reader_of
from toktra.server.rights import service
from toktra.server.rights.copies import service as copies
from toktra.server.rights.copies.lock_form import SealRefused, copy_language, lock_from
from toktra.server.rights.copies.sealing import LEAST_PASSPHRASE, Lock, WrongPassphrase
from toktra.server.rights.kinds import COPIES, NEEDS_DETAILS, Kind
from toktra.server.rights.presentation import KIND_WORDS, STAGE_WORDS, law, time_left, told
from toktra.server.rights.requests import UnknownRequest, find_whole, requests_of, told_hold
from toktra.server.rights.service import Field, InvalidRequest
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.exports import as_file
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

WHAT_IT_DOES: Final = {
    Kind.ACCESS: _("A copy of everything about you, to read and for programs, sealed so that only you can open it."),
    Kind.PORTABILITY: _("The same data only in forms that programs read, to take elsewhere."),
    Kind.RECTIFICATION: _("Something about you is wrong: say what, and what is right."),
    Kind.RESTRICTION: _("From now on nothing new is recorded of you; what is there stays, untouched."),
    Kind.OBJECTION: _("You object to being recorded. Nothing new is recorded from now on, until it is decided."),
    Kind.ERASURE: _("All that is recorded of you and your entry are erased. Your page and your sign-in end with it."),
}


def own_rights_pages() -> list[Page]:
    """The pages for everyone."""
    own = Action.MAKE_OWN_REQUESTS
    return [
        Page("/me/rights", my_rights, action=own),
        Page("/me/rights/new", new_request, action=own, needs_fresh=True),
        Page("/me/rights/new", make_request, action=own, methods=("POST",), needs_fresh=True),
        Page("/me/rights/{request_id}", my_request, action=own),
        Page("/me/rights/{request_id}/standing", standing, action=own, polled=True),
        Page("/me/rights/{request_id}/seal", seal_copy, action=own, methods=("POST",), needs_fresh=True),
        Page("/me/rights/{request_id}/copy.zip", open_copy, action=own, methods=("POST",), needs_fresh=True),
        Page("/me/rights/{request_id}/copy.zip.age", sealed_copy, action=own, methods=("POST",), needs_fresh=True),
    ]


async def my_rights(visit: Visit) -> Response:
    """What can be asked for, and what was."""
    reader = visit.reader
    found = await requests_of(visit.database, reader.tenant.tenant_id, reader.person_id)
    today = datetime.now(UTC).date()
    return visit.show(
        "rights/my_rights.html",
        here="/me/rights",
        kinds=[(kind, KIND_WORDS[kind], WHAT_IT_DOES[kind]) for kind in WHAT_IT_DOES if kind is not Kind.OBJECTION],
        objection=WHAT_IT_DOES[Kind.OBJECTION],
        requests=[(one, time_left(one, today), STAGE_WORDS[one.stage]) for one in found],
        kind_words=KIND_WORDS,
        hold=await told_hold(visit.database, reader.tenant.tenant_id, reader.person_id, today),
    )


async def new_request(visit: Visit) -> Response:
    """The form for one kind of request."""
    kind = _kind(visit.request.query_params.get("kind", ""))
    return await _show_new(visit, kind, {}, {}) if kind else notices.not_found()


async def make_request(visit: Visit) -> Response:
    """Makes it, and for a copy says at once how it is sealed."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form()
    kind = _kind(fields.get("kind", ""))
    if kind is None:
        return notices.not_found()
    try:
        lock = await lock_from(fields) if kind in COPIES else None
        regulation = await regulation_of(visit.database, visit.reader.tenant.tenant_id, visit.reader.person_id)
        request_id = await service.ask(visit.database, visit.reader, kind, regulation, fields.get("details", ""))
    except SealRefused as refusal:
        return await _show_new(visit, kind, fields, {refusal.field: refusal.reason})
    except InvalidRequest as refusal:
        return await _show_new(visit, kind, fields, {refusal.field.value: refusal.reason})
    if lock is not None:
        await _begin_copy(visit, request_id, lock)
    return RedirectResponse(f"/me/rights/{request_id}?said=made", 303)


async def my_request(visit: Visit) -> Response:
    """One request, what happened to it, and its copy."""
    return await _show_request(visit, {})


async def standing(visit: Visit) -> Response:
    """The part of that page that changes while a job is at it."""
    return await _show_request(visit, {}, template="rights/standing.html")


async def seal_copy(visit: Visit) -> Response:
    """For a request that an officer recorded: the person says how their copy is sealed."""
    try:
        fields = await read_form(visit.request)
        await _begin_copy(visit, _id(visit), await lock_from(fields))
    except FormNotUsable:
        return _no_form()
    except SealRefused as refusal:
        return await _show_request(visit, {refusal.field: refusal.reason})
    except UnknownRequest:
        return notices.not_found()
    return RedirectResponse(f"/me/rights/{_id(visit)}", 303)


async def open_copy(visit: Visit) -> Response:
    """The copy itself, opened with the passphrase while it is sent."""
    try:
        fields = await read_form(visit.request)
        parts = await copies.fetch_open(visit.database, visit.reader, _id(visit), fields.get("passphrase", ""))
    except FormNotUsable:
        return _no_form()
    except WrongPassphrase:
        return await _show_request(visit, {"passphrase": _("Passphrase: it does not open this copy.")})
    except UnknownRequest:
        return notices.not_found()
    return as_file("my-data.zip", "application/zip", parts)


async def sealed_copy(visit: Visit) -> Response:
    """The copy as the age file that it is."""
    try:
        parts = await copies.fetch_sealed(visit.database, visit.reader, _id(visit))
    except UnknownRequest:
        return notices.not_found()
    return as_file("my-data.zip.age", "application/octet-stream", parts)


async def _show_new(visit: Visit, kind: Kind, typed: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    regulation = await regulation_of(visit.database, visit.reader.tenant.tenant_id, visit.reader.person_id)
    return visit.show(
        "rights/new_own_request.html",
        status=422 if errors else 200,
        here="/me/rights",
        kind=kind,
        word=KIND_WORDS[kind],
        what=WHAT_IT_DOES[kind],
        due=deadline(regulation, datetime.now(UTC).date()).due,
        is_copy=kind in COPIES,
        needs_details=kind in NEEDS_DETAILS,
        details=typed.get(Field.DETAILS.value, ""),
        recipient=typed.get("recipient", ""),
        least=LEAST_PASSPHRASE,
        errors=errors,
    )


async def _show_request(
    visit: Visit, errors: Mapping[str, str], *, template: str = "rights/my_request.html"
) -> Response:
    try:
        request, steps = await find_whole(
            visit.database, visit.reader.tenant.tenant_id, _id(visit), of=visit.reader.person_id
        )
    except UnknownRequest:
        return notices.not_found()
    now = datetime.now(UTC)
    return visit.show(
        template,
        status=422 if errors else 200,
        here="/me/rights",
        request=request,
        word=KIND_WORDS[request.kind],
        law=law(request),
        left=time_left(request, now.date()),
        stage=STAGE_WORDS[request.stage],
        steps=[told(step) for step in steps],
        has_copy=request.copy_expires_at is not None and request.copy_expires_at > now,
        least=LEAST_PASSPHRASE,
        recipient="",
        said=visit.request.query_params.get("said", ""),
        authority=(await typed_of(visit.database, visit.reader.tenant.tenant_id)).get("authority", ""),
        errors=errors,
    )


async def _begin_copy(visit: Visit, request_id: UUID, lock: Lock) -> None:
    """Has it made with the reader's Privacy Hours in it, which they alone can leave to it. Raises UnknownRequest."""
    if own := own_database_of(visit):
        await copying.leave_to(own, reader_of(visit), request_id)
    await copies.begin(visit.database, visit.reader, request_id, lock, copy_language())


def _kind(word: str) -> Kind | None:
    return Kind(word) if word in set(Kind) else None


def _id(visit: Visit) -> UUID:
    """Raises UnknownRequest."""
    try:
        return UUID(visit.request.path_params["request_id"])
    except ValueError:
        raise UnknownRequest from None


def _no_form() -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), "/me/rights", _("Your rights")
    )
