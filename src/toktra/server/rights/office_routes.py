"""The privacy officer's pages: the queue, one request, recording one, and deciding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.compliance.deadlines import Regulation
from toktra.server.database.pool import Database
from toktra.server.mail.service import Fault, newest_fault
from toktra.server.notices.service import regulation_of
from toktra.server.people.names import people_called
from toktra.server.people.signed_in import SignedIn
from toktra.server.rights import service
from toktra.server.rights.kinds import Kind, Stage
from toktra.server.rights.presentation import KIND_WORDS, REGULATION_WORDS, STAGE_WORDS, law, time_left, told
from toktra.server.rights.receipts import receipt_of
from toktra.server.rights.requests import UnknownRequest, count, find_whole, list_requests
from toktra.server.rights.service import Field, InvalidRequest
from toktra.server.sign_in.entering import vault_of
from toktra.server.vault import SealBroken, SecretKeyNotUsable
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

LETTER_FAULTS: Final = {
    Fault.NO_RELAY: _("this server has no mail relay"),
    Fault.NO_ADDRESS: _("there is no address to write to"),
    Fault.REFUSED: _("the mail server refused it"),
    Fault.UNREACHABLE: _("the mail server could not be reached for a day"),
}
Decision = Callable[[Database, SignedIn, UUID, str], Awaitable[None]]


def office_rights_pages() -> list[Page]:
    """The pages for those who answer."""
    decide = Action.DECIDE_RIGHTS_REQUESTS
    return [
        Page("/rights", queue, action=Action.READ_RIGHTS_REQUESTS),
        Page("/rights/new", new_request, action=decide),
        Page("/rights/new", record_request, action=decide, methods=("POST",)),
        Page("/rights/{request_id}", one_request, action=Action.READ_RIGHTS_REQUESTS),
        Page("/rights/{request_id}/standing", standing, action=Action.READ_RIGHTS_REQUESTS, polled=True),
        Page("/rights/{request_id}/receipt.json", receipt, action=Action.READ_RIGHTS_REQUESTS),
        Page("/rights/{request_id}/take", take, action=decide, methods=("POST",)),
        Page("/rights/{request_id}/identify", identify, action=decide, methods=("POST",), needs_fresh=True),
        Page("/rights/{request_id}/grant", grant, action=decide, methods=("POST",), needs_fresh=True),
        Page("/rights/{request_id}/refuse", refuse, action=decide, methods=("POST",), needs_fresh=True),
        Page("/rights/{request_id}/extend", extend, action=decide, methods=("POST",), needs_fresh=True),
        Page("/rights/{request_id}/hold", hold, action=decide, methods=("POST",), needs_fresh=True),
    ]


async def queue(visit: Visit) -> Response:
    """Open requests by the day they are due, or closed ones."""
    show = visit.request.query_params.get("show", "open")
    if show not in ("open", "closed"):
        return notices.not_found()
    today = datetime.now(UTC).date()
    tenant_id = visit.reader.tenant.tenant_id
    found = await list_requests(visit.database, tenant_id, is_open=show == "open")
    async with visit.database.tenant(tenant_id) as connection:
        counts = await count(connection, tenant_id, today)
    rows = [(one, law(one), time_left(one, today), STAGE_WORDS[one.stage]) for one in found]
    return visit.show(
        "rights/queue.html",
        here="/rights",
        today=today,
        show=show,
        counts=counts,
        rows=rows,
        late=[one for one in found if one.is_open and one.days_left(today) < 0],
        kind_words=KIND_WORDS,
        may_record=visit.may(Action.DECIDE_RIGHTS_REQUESTS),
    )


async def new_request(visit: Visit) -> Response:
    """The form for a request that came by letter or in person."""
    regulation = await regulation_of(visit.database, visit.reader.tenant.tenant_id)
    today = datetime.now(UTC).date()
    return _show_new(visit, {"regulation": regulation.value, "received": today.isoformat()}, {})


async def record_request(visit: Visit) -> Response:
    """Records it, or says which field is why not."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form("/rights/new")
    try:
        kind, regulation, received = _kind(fields), _regulation(fields), _received(fields)
        request_id = await service.ask_for(
            visit.database,
            visit.reader,
            await _person(visit, fields.get("person", "")),
            kind,
            regulation,
            received=received,
            details=fields.get("details", ""),
        )
    except InvalidRequest as refusal:
        return _show_new(visit, fields, {refusal.field.value: refusal.reason})
    return RedirectResponse(f"/rights/{request_id}", 303)


async def one_request(visit: Visit) -> Response:
    """One request: what is asked, by when, what happened, and what can be done. Never what a copy holds."""
    return await _show(visit, {})


async def standing(visit: Visit) -> Response:
    """The part of that page that changes while a job is at it."""
    return await _show(visit, {}, template="rights/office_standing.html")


async def receipt(visit: Visit) -> Response:
    """The signed receipt of an erasure, to be handed to its person."""
    try:
        vault = vault_of(visit.request)
        content = await receipt_of(visit.database, visit.reader, vault, _id(visit))
    except UnknownRequest:
        return notices.not_found()
    except (SecretKeyNotUsable, SealBroken) as error:
        return notices.bad_request(_("No receipt can be signed"), str(error), "/rights", _("Rights requests"))
    return Response(
        content,
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="receipt.json"'},
    )


async def identify(visit: Visit) -> Response:
    """Says whose a mailed request is."""
    try:
        fields = await read_form(visit.request)
        person_id = await _person(visit, fields.get("person", ""))
        await service.identify(visit.database, visit.reader, _id(visit), person_id, fields.get("how", ""))
    except FormNotUsable:
        return _no_form("/rights")
    except UnknownRequest:
        return notices.not_found()
    except InvalidRequest as refusal:
        return await _show(visit, {"identify": refusal.reason})
    return RedirectResponse(f"/rights/{_id(visit)}", 303)


async def take(visit: Visit) -> Response:
    """The reader sees to it from now on."""
    return await _decide(visit, service.take)


async def grant(visit: Visit) -> Response:
    """Does what was asked."""
    return await _decide(visit, service.grant)


async def refuse(visit: Visit) -> Response:
    """Refuses, with grounds."""
    return await _decide(visit, service.refuse)


async def extend(visit: Visit) -> Response:
    """Takes more time, with a reason."""
    return await _decide(visit, service.extend)


async def hold(visit: Visit) -> Response:
    """Keeps the person's data from being erased for now."""
    try:
        fields = await read_form(visit.request)
        request, _steps = await find_whole(visit.database, visit.reader.tenant.tenant_id, _id(visit))
        await service.hold(
            visit.database,
            visit.reader,
            request.person_id,
            authority=fields.get("authority", ""),
            reason=fields.get("reason", ""),
            ends_on=_received({"received": fields.get("ends_on", "")}),
            is_told=fields.get("told") != "no",
        )
    except FormNotUsable:
        return _no_form("/rights")
    except UnknownRequest:
        return notices.not_found()
    except InvalidRequest as refusal:
        return await _show(visit, {"hold": refusal.reason})
    return RedirectResponse(f"/rights/{_id(visit)}", 303)


async def _decide(visit: Visit, decision: Decision) -> Response:
    try:
        fields = await read_form(visit.request)
        await decision(visit.database, visit.reader, _id(visit), fields.get("reason", ""))
    except FormNotUsable:
        return _no_form("/rights")
    except UnknownRequest:
        return notices.not_found()
    except InvalidRequest as refusal:
        return await _show(visit, {decision.__name__: refusal.reason})
    return RedirectResponse(f"/rights/{_id(visit)}", 303)


async def _show(visit: Visit, errors: Mapping[str, str], *, template: str = "rights/request.html") -> Response:
    try:
        request, steps = await find_whole(visit.database, visit.reader.tenant.tenant_id, _id(visit))
    except UnknownRequest:
        return notices.not_found()
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        fault = await newest_fault(
            connection,
            visit.reader.tenant.tenant_id,
            person_id=None if request.asked_from else request.person_id,
            address=request.asked_from,
        )
    today = datetime.now(UTC).date()
    may_decide = visit.may(Action.DECIDE_RIGHTS_REQUESTS) and request.is_open
    return visit.show(
        template,
        status=422 if errors else 200,
        here="/rights",
        request=request,
        word=KIND_WORDS[request.kind],
        law=law(request),
        left=time_left(request, today),
        stage=STAGE_WORDS[request.stage],
        steps=[told(step) for step in steps],
        not_sent=LETTER_FAULTS[fault] if fault else "",
        may_take=may_decide and request.owner_id != visit.reader.person_id,
        may_grant=may_decide and request.stage is Stage.DECISION,
        may_identify=may_decide and request.stage is Stage.CHECK,
        may_refuse=may_decide and request.stage in (Stage.CHECK, Stage.DECISION, Stage.IDENTITY),
        may_extend=may_decide and not request.is_extended and today <= request.extend_by,
        may_hold=may_decide and request.kind is Kind.ERASURE and request.stage is Stage.DECISION,
        errors=errors,
    )


def _show_new(visit: Visit, typed: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    return visit.show(
        "rights/new_request.html",
        status=422 if errors else 200,
        here="/rights",
        typed={name: typed.get(name, "") for name in ("person", "kind", "regulation", "received", "details")},
        kinds=[(kind.value, word) for kind, word in KIND_WORDS.items()],
        regulations=[(one.value, word) for one, word in REGULATION_WORDS.items()],
        errors=errors,
    )


async def _person(visit: Visit, text: str) -> UUID:
    found = await people_called(visit.database, visit.reader.tenant.tenant_id, text)
    if len(found) != 1:
        raise InvalidRequest(Field.PERSON, _("Person: give the name or the e-mail address of one person, in full."))
    return found[0].person_id


def _kind(fields: Mapping[str, str]) -> Kind:
    try:
        return Kind(fields.get("kind", ""))
    except ValueError:
        raise InvalidRequest(Field.KIND, _("Asks for: choose one of the list.")) from None


def _regulation(fields: Mapping[str, str]) -> Regulation:
    try:
        return Regulation(fields.get("regulation", ""))
    except ValueError:
        raise InvalidRequest(Field.REGULATION, _("Law: choose one of the list.")) from None


def _received(fields: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(fields.get("received", ""))
    except ValueError:
        raise InvalidRequest(Field.RECEIVED, _("A day is written like 2027-01-31.")) from None


def _id(visit: Visit) -> UUID:
    """Raises UnknownRequest."""
    try:
        return UUID(visit.request.path_params["request_id"])
    except ValueError:
        raise UnknownRequest from None


def _no_form(back: str) -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), back, _("Back to the form")
    )
