"""The page of webhooks: where they go, what was delivered, and replaying it."""

from __future__ import annotations

import os
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.vault import SecretKeyNotUsable, open_vault
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit
from toktra.server.webhooks import service
from toktra.server.webhooks.guard import NotAllowed, NotFound
from toktra.server.webhooks.service import Fault

_SHOWN: Final = 50

FAULT_WORDS: Final = {
    Fault.UNREACHABLE: _("could not be reached"),
    Fault.TOO_SLOW: _("did not answer in time"),
    Fault.NOT_ALLOWED: _("is inside a private network"),
    Fault.REFUSED: _("refused"),
    Fault.ENDED: _("is gone"),
}


async def webhooks(visit: Visit) -> Response:
    """Endpoints and the newest deliveries."""
    return await _show(visit)


async def add(visit: Visit) -> Response:
    """Takes an address; the answer shows its secret, once."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return notices.bad_request(
            _("This form cannot be read"), _("It arrived damaged. Nothing was changed."), "/webhooks", _("Back")
        )
    settings, url = visit.request.app.state.settings, fields.get("url", "").strip()
    try:
        vault = open_vault(settings.data_directory, os.environ)
        secret = await service.add_endpoint(
            visit.database, visit.reader, url, vault, private_allowed=settings.webhooks_to_private
        )
    except NotFound:
        return await _show(visit, url=url, fault=_("No machine has this name."), status=422)
    except (NotAllowed, SecretKeyNotUsable) as fault:
        return await _show(visit, url=url, fault=str(fault), status=422)
    return await _show(visit, secret=secret)


async def end(visit: Visit) -> Response:
    """Delivers no more to an endpoint. Safe to repeat."""
    endpoint_id = _id(visit, "endpoint_id")
    if endpoint_id is not None:
        await service.end_endpoint(visit.database, visit.reader, endpoint_id)
    return RedirectResponse("/webhooks", 303)


async def replay(visit: Visit) -> Response:
    """Delivers once more what is over, under its own id."""
    delivery_id, tenant_id = _id(visit, "delivery_id"), visit.reader.tenant.tenant_id
    if delivery_id is not None:
        async with visit.database.tenant(tenant_id) as connection:
            await service.replay(connection, tenant_id, delivery_id)
    return RedirectResponse("/webhooks", 303)


async def _show(visit: Visit, *, url: str = "", fault: str = "", secret: str = "", status: int = 200) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        endpoints = await service.endpoints_of(connection, tenant_id)
        deliveries = await service.deliveries_of(connection, tenant_id, _SHOWN)
    return visit.show(
        "webhooks/webhooks.html",
        status=status,
        here="/webhooks",
        endpoints=endpoints,
        deliveries=deliveries,
        fault_words={str(fault): word for fault, word in FAULT_WORDS.items()},
        url=url,
        fault=fault,
        secret=secret,
    )


def _id(visit: Visit, name: str) -> UUID | None:
    try:
        return UUID(visit.request.path_params[name])
    except ValueError:
        return None


def webhook_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/webhooks", webhooks, action=Action.MANAGE_WEBHOOKS),
        Page("/webhooks", add, action=Action.MANAGE_WEBHOOKS, methods=("POST",), needs_fresh=True),
        Page("/webhooks/{endpoint_id}/end", end, action=Action.MANAGE_WEBHOOKS, methods=("POST",)),
        Page("/webhooks/deliveries/{delivery_id}/replay", replay, action=Action.MANAGE_WEBHOOKS, methods=("POST",)),
    ]
