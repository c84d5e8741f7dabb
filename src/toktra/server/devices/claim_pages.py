"""The page that `toktra claim` leads to: is this account yours?"""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from toktra.server.devices import claims
from toktra.server.devices.claims import ClaimFault, ClaimRefused
from toktra.server.tenants.attribution import attribution_of
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

_DEVICES: Final = "/me/devices"
_FAULTS: Final = {
    ClaimFault.UNKNOWN: (
        _("This code does not work"),
        _("Each works once and for a quarter of an hour. On the device, run: toktra claim"),
    ),
    ClaimFault.TAKEN: (
        _("This account is somebody else’s"),
        _("If that is a mistake, your administrator says whose it is, on the page of the device."),
    ),
}


def claim_pages() -> list[Page]:
    """The pages, for everyone who is signed in."""
    own = Action.ENROL_OWN_DEVICE
    return [
        Page("/claim", typed, action=own, methods=("POST",)),
        Page("/claim/{code}", ask, action=own),
        Page("/claim/{code}", confirm, action=own, methods=("POST",)),
    ]


async def typed(visit: Visit) -> Response:
    """On to the page of a code that was typed on another device than the one that showed it."""
    try:
        code = (await read_form(visit.request)).get("code", "")
    except FormNotUsable:
        code = ""
    return await _show(visit, code.strip().lower())


async def ask(visit: Visit) -> Response:
    """Which account it is. Looking changes nothing."""
    return await _show(visit, visit.request.path_params["code"])


async def confirm(visit: Visit) -> Response:
    """The account is the reader's from now on."""
    try:
        await claims.accept(visit.database, visit.reader, visit.request.path_params["code"])
    except ClaimRefused as refusal:
        return _refused(refusal)
    return RedirectResponse(f"{_DEVICES}?said=claimed", 303)


async def _show(visit: Visit, code: str) -> Response:
    try:
        claim = await claims.look(visit.database, visit.reader, code)
    except ClaimRefused as refusal:
        return _refused(refusal)
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        names_people = (await attribution_of(connection, tenant_id)).names_people
    return visit.show("devices/claim.html", here=_DEVICES, claim=claim, code=code, names_people=names_people)


def _refused(refusal: ClaimRefused) -> Response:
    heading, sentence = _FAULTS[refusal.fault]
    return notices.nothing_there(heading, sentence, _DEVICES, _("My devices"))
