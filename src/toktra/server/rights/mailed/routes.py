"""Pages for people without an account: asking by mail, and what the link in the letter leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from starlette.responses import RedirectResponse, Response

from toktra.server.directory.details import InvalidDetail
from toktra.server.directory.details import email as email_of
from toktra.server.notices.service import regulation_of, typed_of
from toktra.server.rights.copies import service as copies
from toktra.server.rights.copies.lock_form import SealRefused, copy_language, lock_from
from toktra.server.rights.copies.sealing import LEAST_PASSPHRASE, WrongPassphrase
from toktra.server.rights.kinds import NEEDS_DETAILS, Kind, Stage
from toktra.server.rights.mailed import links, service
from toktra.server.rights.mailed.links import Opened, UnknownLink, Wished
from toktra.server.rights.presentation import KIND_WORDS, STAGE_WORDS, law, time_left, told
from toktra.server.rights.requests import Request, UnknownRequest, find_whole
from toktra.server.rights.wording import Field, InvalidRequest
from toktra.server.sign_in.tries import address_of
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.exports import as_file
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit
from toktra.server.web.rate_limit import FailureLimit

_STAGES: Final = {**STAGE_WORDS, Stage.CHECK: (_("The privacy office finds out who you are"), "people")}
_TOO_MANY_S: Final = 3600


@dataclass(frozen=True, slots=True)
class ByMail:
    """The pages, with a count of letters that each sender had sent."""

    asked: FailureLimit = field(default_factory=lambda: FailureLimit(failures=10, window_s=3600))

    def pages(self) -> list[Page]:
        ask = Action.ASK_FOR_RIGHTS_BY_MAIL
        return [
            Page("/ask/{slug:slug}", self.form, action=ask),
            Page("/ask/{slug:slug}", self.wish, action=ask, methods=("POST",)),
            Page("/ask/{token}", opened, action=ask),
            Page("/ask/{token}", confirm, action=ask, methods=("POST",)),
            Page("/ask/{token}/seal", seal, action=ask, methods=("POST",)),
            Page("/ask/{token}/copy.zip", open_copy, action=ask, methods=("POST",)),
            Page("/ask/{token}/copy.zip.age", sealed_copy, action=ask, methods=("POST",)),
        ]

    async def form(self, visit: Visit) -> Response:
        """An address, and what is asked for."""
        tenant = await _tenant(visit)
        return _show_form(visit, tenant, {}, {}) if tenant else notices.not_found()

    async def wish(self, visit: Visit) -> Response:
        """Has a letter sent, and says the same whatever is known about the address."""
        tenant = await _tenant(visit)
        if tenant is None or not _sends_mail(visit):
            return notices.not_found()
        try:
            fields = await read_form(visit.request)
            address, kind = _address(fields), _kind(fields)
        except FormNotUsable:
            return _no_form(f"/ask/{tenant.slug}")
        except _Wrong as wrong:
            return _show_form(visit, tenant, fields, wrong.errors)
        wait_s = self.asked.retry_after_s(address_of(visit.request))
        self.asked.count_failure(address_of(visit.request))
        if not wait_s and await links.wish(visit.database, tenant, address, kind) is Wished.TOO_MANY:
            wait_s = _TOO_MANY_S
        return notices.slow_down(wait_s) if wait_s else visit.show("rights/mailed/sent.html", tenant=tenant)


class _Wrong(ValueError):
    """A field of the form is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.errors = {field: reason}


def _address(fields: Mapping[str, str]) -> str:
    """Raises _Wrong."""
    try:
        address = email_of(fields.get("email", ""))
    except InvalidDetail as refusal:
        raise _Wrong("email", refusal.reason) from None
    if address is None:
        raise _Wrong("email", _("E-mail: say where the letter is to go."))
    return address


def _kind(fields: Mapping[str, str]) -> Kind:
    """Raises _Wrong."""
    try:
        return Kind(fields.get("kind", ""))
    except ValueError:
        raise _Wrong("kind", _("Asks for: choose one of the list.")) from None


async def opened(visit: Visit) -> Response:
    """Asks to confirm, because programs open links too; afterwards, how far the request is."""
    try:
        return await _show(visit, await _opened(visit), {})
    except UnknownLink:
        return _dead()


async def confirm(visit: Visit) -> Response:
    """Makes the request."""
    try:
        link = await _opened(visit)
        fields = await read_form(visit.request)
        regulation = await regulation_of(visit.database, link.tenant.tenant_id)
        await service.make(visit.database, link, regulation, fields.get("details", ""))
    except UnknownLink:
        return _dead()
    except FormNotUsable:
        return _no_form(visit.request.url.path)
    except InvalidRequest as refusal:
        return await _show(visit, link, {refusal.field.value: refusal.reason}, fields)
    return RedirectResponse(f"/ask/{link.token}", 303)


async def seal(visit: Visit) -> Response:
    """Says how the copy is sealed, and has it made."""
    try:
        link = await _opened(visit)
        request = await _request_of(visit, link)
        lock = await lock_from(await read_form(visit.request))
        person = service.as_its_person(link, request)
        await copies.begin(visit.database, person, request.request_id, lock, copy_language())
    except (UnknownLink, UnknownRequest):
        return _dead()
    except FormNotUsable:
        return _no_form(visit.request.url.path)
    except SealRefused as refusal:
        return await _show(visit, link, {refusal.field: refusal.reason})
    return RedirectResponse(f"/ask/{link.token}", 303)


async def open_copy(visit: Visit) -> Response:
    """The copy itself, opened with the passphrase while it is sent."""
    try:
        link = await _opened(visit)
        request = await _request_of(visit, link)
        passphrase = (await read_form(visit.request)).get("passphrase", "")
        person = service.as_its_person(link, request)
        parts: AsyncIterator[bytes] = await copies.fetch_open(visit.database, person, request.request_id, passphrase)
    except (UnknownLink, UnknownRequest):
        return _dead()
    except FormNotUsable:
        return _no_form(visit.request.url.path)
    except WrongPassphrase:
        return await _show(visit, link, {"passphrase": _("Passphrase: it does not open this copy.")})
    return as_file("my-data.zip", "application/zip", parts)


async def sealed_copy(visit: Visit) -> Response:
    """The copy as the age file that it is."""
    try:
        link = await _opened(visit)
        request = await _request_of(visit, link)
        parts = await copies.fetch_sealed(visit.database, service.as_its_person(link, request), request.request_id)
    except (UnknownLink, UnknownRequest):
        return _dead()
    return as_file("my-data.zip.age", "application/octet-stream", parts)


async def _request_of(visit: Visit, link: Opened) -> Request:
    """The link's request, once it is known whose it is. Raises UnknownRequest."""
    if link.request_id is None:
        raise UnknownRequest
    request, _steps = await find_whole(visit.database, link.tenant.tenant_id, link.request_id)
    if not service.may_have_copy(request):
        raise UnknownRequest
    return request


async def _opened(visit: Visit) -> Opened:
    """Raises UnknownLink."""
    return await links.look(visit.database, visit.request.path_params["token"])


async def _show(
    visit: Visit, link: Opened, errors: Mapping[str, str], typed: Mapping[str, str] | None = None
) -> Response:
    status = 422 if errors else 200
    if link.request_id is None:
        return visit.show(
            "rights/mailed/confirm.html",
            status=status,
            link=link,
            word=KIND_WORDS[link.kind],
            needs_details=link.kind in NEEDS_DETAILS,
            details=(typed or {}).get(Field.DETAILS.value, ""),
            errors=errors,
        )
    request, steps = await find_whole(visit.database, link.tenant.tenant_id, link.request_id)
    now = datetime.now(UTC)
    return visit.show(
        "rights/mailed/standing.html",
        status=status,
        link=link,
        request=request,
        word=KIND_WORDS[request.kind],
        law=law(request),
        left=time_left(request, now.date()),
        stage=_STAGES[request.stage],
        steps=[told(step) for step in steps],
        has_copy=request.copy_expires_at is not None and request.copy_expires_at > now,
        least=LEAST_PASSPHRASE,
        authority=(await typed_of(visit.database, link.tenant.tenant_id)).get("authority", ""),
        errors=errors,
    )


def _show_form(visit: Visit, tenant: Tenant, typed: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    return visit.show(
        "rights/mailed/ask.html",
        status=422 if errors else 200,
        tenant=tenant,
        sends_mail=_sends_mail(visit),
        kinds=[(kind.value, word) for kind, word in KIND_WORDS.items()],
        email=typed.get("email", "")[:254],
        kind=typed.get("kind", ""),
        errors=errors,
    )


async def _tenant(visit: Visit) -> Tenant | None:
    tenant = await find_tenant(visit.database, visit.request.path_params["slug"])
    return tenant if tenant and tenant.active else None


def _sends_mail(visit: Visit) -> bool:
    return visit.request.app.state.settings.mail_relay is not None


def _dead() -> Response:
    return notices.nothing_there(
        _("This link does not work"),
        _("It is incomplete, or its time is over: a day to confirm, and as long as a request may take to follow it."),
        "/sign-in",
        _("Sign in"),
    )


def _no_form(back: str) -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), back, _("Back to the form")
    )
