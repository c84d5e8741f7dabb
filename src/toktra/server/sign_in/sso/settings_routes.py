"""The page on which an owner connects the organisation's own sign-in. The provider is asked before anything is kept."""

from __future__ import annotations

import asyncio

from starlette.responses import RedirectResponse, Response

from toktra.server.directory.details import ROLE_WORDS
from toktra.server.sign_in.door import damaged, unavailable
from toktra.server.sign_in.entering import vault_of
from toktra.server.sign_in.sso import settings
from toktra.server.sign_in.sso.asking import ProviderFault
from toktra.server.sign_in.sso.form import SsoForm, SsoFormRefused, read_settings
from toktra.server.sign_in.sso.routes import providers_of, return_address
from toktra.server.sign_in.sso.settings import GIVEN_ROLES
from toktra.server.vault import SealBroken, SecretKeyNotUsable
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

HERE = "/settings/sign-in"
_SAID = {
    "saved": _("Saved. The sign-in page offers the work account from now on."),
    "removed": _("Removed. Who was connected signs in another way, or with a one-time link."),
}


def sso_settings_pages() -> list[Page]:
    """The pages; all of them ask first who it is."""
    action = Action.CHANGE_SSO
    return [
        Page(HERE, show, action=action, needs_fresh=True),
        Page(HERE, save, action=action, methods=("POST",), needs_fresh=True),
        Page(f"{HERE}/remove", remove, action=action, methods=("POST",), needs_fresh=True),
    ]


async def show(visit: Visit) -> Response:
    """The settings, and what the provider must be told about us."""
    return await _show(visit, None)


async def save(visit: Visit) -> Response:
    """Asks the provider about itself, and keeps the settings if it answers as one."""
    try:
        fields = await read_form(visit.request)
        vault = vault_of(visit.request)
    except FormNotUsable:
        return damaged(HERE)
    except SecretKeyNotUsable as fault:
        return unavailable(fault)
    try:
        wanted = read_settings(fields)
    except SsoFormRefused as refusal:
        return await _show(visit, refusal.form)
    tenant_id = visit.reader.tenant.tenant_id
    secret = fields.get("client_secret", "")
    if not secret:
        try:
            known = await settings.client_of(visit.database, tenant_id, vault)
        except SealBroken:
            known = None
        # A secret is shared with one provider; another must not be sent it.
        secret = known.client_secret if known and known.issuer == wanted.issuer else ""
    if not secret:
        missing = {"client_secret": _("Client secret: needed, because none is kept for this issuer.")}
        return await _show(visit, SsoForm.typed(fields, missing))
    try:
        await asyncio.to_thread(providers_of(visit.request).metadata, wanted.issuer)
    except ProviderFault as fault:
        return await _show(visit, SsoForm.typed(fields, {"issuer": str(fault)}))
    await settings.save(visit.database, visit.reader, vault, wanted, secret)
    return RedirectResponse(f"{HERE}?said=saved", 303)


async def remove(visit: Visit) -> Response:
    """Forgets the provider and its secret."""
    await settings.remove(visit.database, visit.reader)
    return RedirectResponse(f"{HERE}?said=removed", 303)


async def _show(visit: Visit, form: SsoForm | None) -> Response:
    known = await settings.read(visit.database, visit.reader.tenant.tenant_id)
    return visit.show(
        "sign_in/sso_settings.html",
        status=422 if form else 200,
        here=HERE,
        known=known,
        form=form or SsoForm.of(known),
        roles=[(role.value, ROLE_WORDS[role]) for role in GIVEN_ROLES],
        return_address=return_address(visit.request, visit.reader.tenant),
        said=None if form else _SAID.get(visit.request.query_params.get("said", "")),
    )
