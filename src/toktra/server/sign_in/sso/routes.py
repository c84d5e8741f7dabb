"""To the organisation's own sign-in and back: to come in, to prove again who one is, or to connect an account."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from toktra.server.people import sessions
from toktra.server.people.failures import note_failure
from toktra.server.people.sessions import Method
from toktra.server.sign_in import attempts, entering
from toktra.server.sign_in.attempts import Purpose
from toktra.server.sign_in.sso import accounts, settings
from toktra.server.sign_in.sso.accounts import Arrival, NotLetIn
from toktra.server.sign_in.sso.asking import ProviderFault, is_loopback
from toktra.server.sign_in.sso.journey import Client, Ticket, address_to, claims_from
from toktra.server.sign_in.sso.provider import Providers
from toktra.server.sign_in.tries import Tries
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.vault import SealBroken, SecretKeyNotUsable
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.cookies import session_of
from toktra.server.web.home import home_of
from toktra.server.web.language import _
from toktra.server.web.local_paths import local_path
from toktra.server.web.page import Page, Visit

COOKIE: Final = "toktra_journey"
OWN_PAGE: Final = "/me/sign-in"


class Intent(StrEnum):
    """What a journey is for."""

    SIGN_IN = "sign-in"
    CONFIRM = "confirm"
    CONNECT = "connect"


class _Strayed(Exception):
    """The journey cannot go on; the text says why to the traveller."""


def providers_of(request: Request) -> Providers:
    """What this process knows of providers. Plain http is for a provider on a machine that serves nobody else."""
    state = request.app.state
    if not hasattr(state, "sso_providers"):
        state.sso_providers = Providers(plain_loopback=is_loopback(state.settings.host))
    providers: Providers = state.sso_providers
    return providers


@dataclass(frozen=True, slots=True)
class Journeys:
    """The pages of the way."""

    tries: Tries

    def pages(self) -> list[Page]:
        return [
            Page("/sign-in/{slug:slug}/sso", self.begin, action=Action.START_SESSION),
            Page("/sign-in/{slug:slug}/sso/return", self.come_back, action=Action.START_SESSION),
            Page("/confirm/sso", self.confirm, action=Action.CONFIRM_IDENTITY),
            Page(
                "/me/sign-in/work-account/connect",
                self.connect,
                action=Action.CHANGE_OWN_SIGN_IN,
                methods=("POST",),
                needs_fresh=True,
            ),
        ]

    async def begin(self, visit: Visit) -> Response:
        """Off to the provider, to come in."""
        tenant = await find_tenant(visit.database, visit.request.path_params["slug"])
        if tenant is None or not tenant.active:
            return notices.not_found()
        if wait_s := self.tries.may_begin(visit.request):
            return notices.slow_down(wait_s)
        return await self._off(visit, tenant, Intent.SIGN_IN, f"/sign-in/{tenant.slug}")

    async def confirm(self, visit: Visit) -> Response:
        """Off to the provider, which is told to ask again who it is."""
        if wait_s := self.tries.may_begin(visit.request):
            return notices.slow_down(wait_s)
        return await self._off(visit, visit.reader.tenant, Intent.CONFIRM, "/confirm")

    async def connect(self, visit: Visit) -> Response:
        """A page with the way to the provider. Not the way itself: a form may not lead to another site."""
        try:
            address, state = await _depart(visit, visit.reader.tenant, Intent.CONNECT)
        except (_Strayed, ProviderFault) as fault:
            return _lost(fault, OWN_PAGE)
        response = visit.show("sign_in/to_provider.html", here=OWN_PAGE, address=address)
        _keep(visit.request, response, state)
        return response

    async def come_back(self, visit: Visit) -> Response:
        """Back from the provider."""
        slug = visit.request.path_params["slug"]
        try:
            return await _arrive(visit, slug)
        except _Strayed as fault:
            return _lost(fault, f"/sign-in/{slug}")
        except (ProviderFault, NotLetIn) as fault:
            if tenant := await find_tenant(visit.database, slug):
                await note_failure(visit.database, tenant.tenant_id, Method.WORK_ACCOUNT, None)
            return _lost(fault, f"/sign-in/{slug}")

    async def _off(self, visit: Visit, tenant: Tenant, intent: Intent, back: str) -> Response:
        try:
            address, state = await _depart(visit, tenant, intent)
        except (_Strayed, ProviderFault) as fault:
            return _lost(fault, back)
        response = RedirectResponse(address, 303)
        _keep(visit.request, response, state)
        return response


async def _depart(visit: Visit, tenant: Tenant, intent: Intent) -> tuple[str, str]:
    """Where the browser goes, and the state that must come back. Raises _Strayed or ProviderFault."""
    client = await _client(visit, tenant)
    kept = {
        "intent": intent.value,
        "issuer": client.issuer,
        "nonce": secrets.token_urlsafe(24),
        "code_verifier": secrets.token_urlsafe(48),
        "redirect_uri": return_address(visit.request, tenant),
        "next": local_path(visit.request.query_params.get("next"), ""),
        "began_at": datetime.now(UTC).isoformat(),
        "session_id": str(visit.signed_in.session_id) if visit.signed_in else "",
    }
    async with visit.database.tenant(tenant.tenant_id) as connection:
        state = await attempts.begin(connection, tenant.tenant_id, Purpose.SSO, kept=kept)
    address = await asyncio.to_thread(address_to, providers_of(visit.request), client, _ticket(state, kept))
    return address, state


async def _arrive(visit: Visit, slug: str) -> Response:
    """Raises _Strayed, ProviderFault or NotLetIn; then nothing has changed but that the attempt is over."""
    query = visit.request.query_params
    tenant = await find_tenant(visit.database, slug)
    if tenant is None or not tenant.active:
        return notices.not_found()
    state = query.get("state", "")
    expected = visit.request.cookies.get(COOKIE, "")
    if not state or not hmac.compare_digest(state.encode(), expected.encode()):
        raise _Strayed(_("This answer was not asked for in this browser, or in another tab. Begin again."))
    async with visit.database.tenant(tenant.tenant_id) as connection:
        kept = await attempts.take(connection, tenant.tenant_id, Purpose.SSO, state)
    if kept is None:
        raise _Strayed(_("This answer came too late, or a second time. Begin again."))
    client = await _client(visit, tenant)
    wanted = await settings.read(visit.database, tenant.tenant_id)
    if wanted is None or not wanted.issuer == client.issuer == kept["issuer"]:
        raise _Strayed(_("Your organisation’s sign-in was changed in the meantime. Begin again."))
    claims = await asyncio.to_thread(
        claims_from, providers_of(visit.request), client, _ticket(state, kept), dict(query)
    )
    return await _finish(visit, Arrival(tenant, wanted, claims), kept)


async def _finish(visit: Visit, arrival: Arrival, kept: dict[str, str]) -> Response:
    intent = Intent(kept["intent"])
    if intent is Intent.SIGN_IN:
        person = await accounts.person_of(visit.database, arrival)
        to = local_path(kept["next"], home_of(person.role))
        return await entering.let_in(visit, arrival.tenant, person, Method.WORK_ACCOUNT, RedirectResponse(to, 303))
    reader = await sessions.whose_session(visit.database, session_of(visit.request))
    if reader is None or reader.tenant != arrival.tenant or str(reader.session_id) != kept["session_id"]:
        raise _Strayed(_("You have signed out in the meantime. Sign in and begin again."))
    if intent is Intent.CONNECT:
        await accounts.connect(visit.database, reader, arrival)
        return RedirectResponse(f"{OWN_PAGE}?said=connected", 303)
    if not await accounts.is_reader(visit.database, reader, arrival):
        raise _Strayed(_("That was another person’s work account. You are still signed in, and nothing is confirmed."))
    to = local_path(kept["next"], home_of(reader.role))
    return await entering.confirm(replace(visit, signed_in=reader), Method.WORK_ACCOUNT, RedirectResponse(to, 303))


async def _client(visit: Visit, tenant: Tenant) -> Client:
    try:
        client = await settings.client_of(visit.database, tenant.tenant_id, entering.vault_of(visit.request))
    except (SealBroken, SecretKeyNotUsable):
        raise _Strayed(
            _("The server cannot open the secret it shares with your organisation’s sign-in. An owner enters it again.")
        ) from None
    if client is None:
        raise _Strayed(_("This organisation has not set up a sign-in of its own."))
    return client


def return_address(request: Request, tenant: Tenant) -> str:
    """Where the provider sends the browser back to; it must know this address."""
    return f"{str(request.base_url).rstrip('/')}/sign-in/{tenant.slug}/sso/return"


def _ticket(state: str, kept: dict[str, Any]) -> Ticket:
    return Ticket(
        state=state,
        nonce=kept["nonce"],
        code_verifier=kept["code_verifier"],
        redirect_uri=kept["redirect_uri"],
        began_at=datetime.fromisoformat(kept["began_at"]),
        asks_anew=kept["intent"] == Intent.CONFIRM,
    )


def _keep(request: Request, response: Response, state: str) -> None:
    """Ties the journey to this browser: nobody can finish in it what they began in another."""
    response.set_cookie(
        COOKIE,
        state,
        max_age=int(attempts.VALID_FOR.total_seconds()),
        path="/sign-in",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _lost(fault: Exception, back: str) -> Response:
    return notices.bad_request(_("Your work account did not let you in"), str(fault), back, _("Back"))
