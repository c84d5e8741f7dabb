"""The sign-in page of an organisation, and its ways in by passkey, password and recovery code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import JSONResponse, RedirectResponse, Response

from toktra.server.people.failures import note_failure
from toktra.server.people.service import LinkFault
from toktra.server.people.sessions import Method
from toktra.server.residency.elsewhere import Elsewhere
from toktra.server.sign_in import by_password, by_recovery_code, passkeys
from toktra.server.sign_in.entering import let_in, vault_of
from toktra.server.sign_in.passkeys import PasskeyCopied, PasskeyRefused, Place
from toktra.server.sign_in.sso import settings as sso_settings
from toktra.server.sign_in.tries import Tries, account_of, remember_browser
from toktra.server.tenants.service import Tenant, find_tenant, only_tenant
from toktra.server.vault import SealBroken, SecretKeyNotUsable
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.home import home_of
from toktra.server.web.json_body import JsonNotUsable, read_json
from toktra.server.web.language import _
from toktra.server.web.local_paths import local_path
from toktra.server.web.page import Page, Visit

_log = structlog.get_logger()
AFTER_RECOVERY: Final = "/me/sign-in?said=recovered"


class _Slug(Convertor[str]):
    """An organisation's short name. It has no dot, which every one-time link has."""

    regex = "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("slug", _Slug())


@dataclass(frozen=True, slots=True)
class Door:
    """The pages for those who are not signed in."""

    tries: Tries = field(default_factory=Tries)

    def pages(self) -> list[Page]:
        start = Action.START_SESSION
        return [
            Page("/sign-in", self.which, action=start),
            Page("/sign-in/{slug:slug}", self.show, action=start),
            Page("/sign-in/{slug:slug}/password", self.password, action=start, methods=("POST",)),
            Page("/sign-in/{slug:slug}/recovery-code", self.show_recovery, action=start),
            Page("/sign-in/{slug:slug}/recovery-code", self.recovery, action=start, methods=("POST",)),
            Page("/sign-in/{slug:slug}/passkey/options", self.passkey_options, action=start, methods=("POST",)),
            Page("/sign-in/{slug:slug}/passkey", self.passkey, action=start, methods=("POST",)),
        ]

    async def which(self, visit: Visit) -> Response:
        """On to the page of the organisation: the only one, or the one whose short name is typed."""
        query = visit.request.query_params
        asked = query.get("organisation", "").strip().lower()
        if asked:
            tenant = await find_tenant(visit.database, asked)
        else:
            tenant = await only_tenant(visit.database)
        if tenant is None and (address := await _elsewhere(visit, asked)):
            return RedirectResponse(f"{address}/sign-in/{asked}", 303)
        if tenant is None or not tenant.active:
            errors = {"organisation": _unknown(asked)} if asked else {}
            return visit.show(
                "sign_in/which.html",
                status=422 if errors else 200,
                asked=asked,
                next=_next(visit),
                errors=errors,
                command=notices.NEW_LINK_COMMAND,
            )
        on = f"?{urlencode({'next': _next(visit)})}" if _next(visit) else ""
        return RedirectResponse(f"/sign-in/{tenant.slug}{on}", 303)

    async def show(self, visit: Visit) -> Response:
        """The ways in."""
        tenant = await _tenant(visit)
        if tenant is None and (address := await _elsewhere(visit, visit.request.path_params["slug"])):
            return RedirectResponse(f"{address}/sign-in/{visit.request.path_params['slug']}", 303)
        # Half a one-time link looks like a short name too.
        return await self._show(visit, tenant) if tenant else notices.link_refused(LinkFault.UNKNOWN)

    async def password(self, visit: Visit) -> Response:  # noqa: PLR0911 - one answer for each thing that can be wrong
        """Address, password and code at once."""
        tenant = await _tenant(visit)
        if tenant is None:
            return notices.not_found()
        try:
            fields = await read_form(visit.request)
            vault = vault_of(visit.request)
        except FormNotUsable:
            return damaged(f"/sign-in/{tenant.slug}")
        except SecretKeyNotUsable as fault:
            return unavailable(fault)
        email = fields.get("email", "")
        begun = self.tries.begin(visit.request, account_of(visit.request, vault, tenant, email))
        if isinstance(begun, int):
            return notices.slow_down(begun)
        try:
            person = await by_password.check(
                visit.database,
                tenant,
                vault,
                email=email,
                password=fields.get("password", ""),
                code=fields.get("code", ""),
            )
        except by_password.NotRight as refusal:
            await note_failure(visit.database, tenant.tenant_id, Method.PASSWORD, refusal.person_id)
            wrong = _("E-mail, password and code do not belong together. Each code works once.")
            return await self._show(visit, tenant, email=email, fault=wrong, onward=fields.get("next"))
        except SealBroken as fault:
            _log.error("an authenticator app's secret cannot be opened", fault=str(fault))
            return unavailable(fault)
        begun.succeeded()
        to = local_path(fields.get("next"), home_of(person.role))
        response = await let_in(visit, tenant, person, Method.PASSWORD, RedirectResponse(to, 303))
        remember_browser(visit.request, response, vault, tenant, email)
        return response

    async def show_recovery(self, visit: Visit) -> Response:
        """The form for a recovery code."""
        tenant = await _tenant(visit)
        return _show_recovery(visit, tenant) if tenant else notices.not_found()

    async def recovery(self, visit: Visit) -> Response:
        """A recovery code signs in, and leads to where new ways in are set up."""
        tenant = await _tenant(visit)
        if tenant is None:
            return notices.not_found()
        try:
            fields = await read_form(visit.request)
        except FormNotUsable:
            return damaged(f"/sign-in/{tenant.slug}/recovery-code")
        begun = self.tries.begin(visit.request)
        if isinstance(begun, int):
            return notices.slow_down(begun)
        try:
            person = await by_recovery_code.use(visit.database, tenant, fields.get("code", ""))
        except by_recovery_code.CodeRefused:
            await note_failure(visit.database, tenant.tenant_id, Method.RECOVERY_CODE, None)
            return _show_recovery(
                visit, tenant, {"code": _("This code does not work. Each works once, and new ones end those before.")}
            )
        begun.succeeded()
        return await let_in(visit, tenant, person, Method.RECOVERY_CODE, RedirectResponse(AFTER_RECOVERY, 303))

    async def passkey_options(self, visit: Visit) -> Response:
        """A challenge for the browser, the same whoever asks."""
        tenant, place = await _tenant(visit), Place.of(visit.request)
        if tenant is None or place is None:
            return notices.not_found()
        if wait_s := self.tries.may_begin(visit.request):
            return too_fast(wait_s)
        return as_json(await passkeys.sign_in_options(visit.database, tenant, place))

    async def passkey(self, visit: Visit) -> Response:
        """A passkey's answer signs in."""
        tenant, place = await _tenant(visit), Place.of(visit.request)
        if tenant is None or place is None:
            return notices.not_found()
        begun = self.tries.begin(visit.request)
        if isinstance(begun, int):
            return too_fast(begun)
        try:
            sent = await read_json(visit.request)
            person = await passkeys.who_signs_in(visit.database, tenant, place, credential_in(sent))
        except (JsonNotUsable, PasskeyCopied) as refusal:  # a copy has an entry of its own
            return passkey_refused(refusal)
        except PasskeyRefused as refusal:
            await note_failure(visit.database, tenant.tenant_id, Method.PASSKEY, refusal.person_id)
            return passkey_refused(refusal)
        begun.succeeded()
        to = local_path(str(sent.get("next", "")), home_of(person.role))
        return await let_in(visit, tenant, person, Method.PASSKEY, JSONResponse({"to": to}))

    async def _show(
        self, visit: Visit, tenant: Tenant, *, email: str = "", fault: str = "", onward: str | None = None
    ) -> Response:
        return visit.show(
            "sign_in/sign_in.html",
            status=422 if fault else 200,
            tenant=tenant,
            email=email[:254],
            fault=fault,
            next=_next(visit) if onward is None else local_path(onward, ""),
            has_work_account=await sso_settings.is_set_up(visit.database, tenant),
            place=Place.of(visit.request),
            command=notices.NEW_LINK_COMMAND,
        )


def _show_recovery(visit: Visit, tenant: Tenant, errors: dict[str, str] | None = None) -> Response:
    return visit.show("sign_in/recovery.html", status=422 if errors else 200, tenant=tenant, errors=errors or {})


async def _tenant(visit: Visit) -> Tenant | None:
    tenant = await find_tenant(visit.database, visit.request.path_params["slug"])
    return tenant if tenant and tenant.active else None


async def _elsewhere(visit: Visit, slug: str) -> str | None:
    """The address of the region that serves the organisation; None when it is not known to be elsewhere."""
    where: Elsewhere = visit.request.app.state.elsewhere
    return await where.of_slug(slug) if slug else None


def _next(visit: Visit) -> str:
    return local_path(visit.request.query_params.get("next"), "")


def _unknown(asked: str) -> str:
    return _("Organisation: there is none called “%(name)s” here. The name stands first in every link and code.") % {
        "name": asked[:40]
    }


def credential_in(sent: dict[str, Any]) -> dict[str, Any]:
    """The part that the browser's authenticator made. Raises JsonNotUsable."""
    credential = sent.get("credential")
    if not isinstance(credential, dict):
        raise JsonNotUsable
    return credential


def as_json(text: str) -> Response:
    """JSON that is text already."""
    return Response(text, media_type="application/json")


def passkey_refused(refusal: Exception) -> Response:
    """Words for the page's script to show."""
    if isinstance(refusal, PasskeyCopied):
        words = _("This passkey may have been copied, so it was refused. Sign in another way and remove it.")
    else:
        words = _("This passkey does not work here, or it took too long. Try again, or sign in another way.")
    return JSONResponse({"error": words}, 422)


def too_fast(wait_s: int) -> Response:
    """The same as notices.slow_down, for a script."""
    words = _("Too many tries. Wait %(n)s seconds.") % {"n": wait_s}
    return JSONResponse({"error": words}, 429, {"retry-after": str(wait_s)})


def damaged(back: str) -> Response:
    """A form that cannot be read."""
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), back, _("Back to the form")
    )


def unavailable(fault: Exception) -> Response:
    """The server cannot open its own secrets: passwords cannot be used until somebody corrects it."""
    return notices.out_of_order(_("Passwords do not work at the moment"), str(fault))
