"""The page "Reconciliation": what providers billed, how far off the estimates are, and how much of it was seen."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import Final

from starlette.responses import RedirectResponse, Response

from toktra.server.reconciliation import service
from toktra.server.reconciliation.fetching import Fetcher, FetchFailed
from toktra.server.reconciliation.presentation import Account, accounts
from toktra.server.reconciliation.usage_api import USAGE_APIS
from toktra.server.vault import SecretKeyNotUsable, Vault, open_vault
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Endpoint, Page, Visit

_SHOWN_DAYS: Final = timedelta(days=30)


async def reconciliation(visit: Visit) -> Response:
    """Both numbers of every connected provider, and the forms that connect one."""
    return await _show(visit)


async def connect(visit: Visit) -> Response:
    """Takes an admin key: tries it, and keeps it sealed if it works."""
    provider_id = visit.request.path_params["provider_id"]
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _damaged()
    try:
        vault = _vault(visit)
        await service.connect(
            visit.database,
            visit.reader.tenant.tenant_id,
            provider_id=provider_id,
            key=fields.get("key", ""),
            by=visit.reader.actor,
            vault=vault,
            fetcher=_fetcher(visit),
            today=service.today_utc(),
        )
    except service.UnknownUsageApi:
        return notices.not_found()
    except (FetchFailed, SecretKeyNotUsable) as fault:
        return await _show(visit, refused=provider_id, fault=str(fault), status=422)
    return RedirectResponse("/reconciliation", 303)


async def disconnect(visit: Visit) -> Response:
    """Forgets the key and the totals fetched with it. Safe to repeat."""
    with contextlib.suppress(service.NotConnected):
        await service.disconnect(
            visit.database,
            visit.reader.tenant.tenant_id,
            visit.request.path_params["provider_id"],
            by=visit.reader.actor,
        )
    return RedirectResponse("/reconciliation", 303)


async def _show(visit: Visit, *, refused: str = "", fault: str = "", status: int = 200) -> Response:
    today, tenant_id = service.today_utc(), visit.reader.tenant.tenant_id
    first = today - _SHOWN_DAYS
    connected = await service.connections(visit.database, tenant_id)
    async with visit.database.tenant(tenant_id) as connection:
        found = await service.findings(connection, tenant_id, first, today)
    shown: list[Account] = accounts(connected, found, first, today)
    return visit.show(
        "reconciliation/reconciliation.html",
        status=status,
        here="/reconciliation",
        accounts=shown,
        apis=list(USAGE_APIS.values()),
        connected={one.provider_id for one in connected},
        refused=refused,
        fault=fault,
        may_connect=visit.may(Action.CONNECT_USAGE_API),
    )


def _vault(visit: Visit) -> Vault:
    return open_vault(visit.request.app.state.settings.data_directory, os.environ)


def _fetcher(visit: Visit) -> Fetcher:
    """No patience: a person waits for this page. An application under test brings its own."""
    new: type[Fetcher] = getattr(visit.request.app.state, "new_fetcher", Fetcher)
    return new()


def _damaged() -> Response:
    return notices.bad_request(
        _("This form cannot be read"),
        _("It arrived damaged or is too large. Nothing was changed."),
        "/reconciliation",
        _("Back"),
    )


def _sensitive(path: str, endpoint: Endpoint) -> Page:
    """An admin key opens more than usage, so whoever enters or removes one proves first who they are."""
    return Page(path, endpoint, action=Action.CONNECT_USAGE_API, methods=("POST",), needs_fresh=True)


def reconciliation_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/reconciliation", reconciliation, action=Action.READ_RECONCILIATION),
        _sensitive("/reconciliation/{provider_id}/connect", connect),
        _sensitive("/reconciliation/{provider_id}/disconnect", disconnect),
    ]
