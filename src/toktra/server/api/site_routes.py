"""The page about programs that may use the API: make one, see when they were last used, revoke one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.api.app import PREFIX
from toktra.server.api.clients import LIFETIMES_DAYS, Kind, MadeClient, UnknownClient, clients, create, revoke
from toktra.server.api.door import TOKEN_PATH
from toktra.server.api.scopes import WORDS, Scope, scopes_of
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

HERE: Final = "/settings/api"
_LONGEST_NAME: Final = 100
_KINDS: Final = {
    Kind.KEY: _("API key: sent with every request"),
    Kind.OAUTH: _("OAuth client: fetches an access token for an hour"),
}
_SAID: Final = {"revoked": _("Revoked. Its next request is refused.")}


def api_client_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page(HERE, show, action=Action.MANAGE_API_CLIENTS),
        Page(HERE, make, action=Action.MANAGE_API_CLIENTS, methods=("POST",), needs_fresh=True),
        Page(f"{HERE}/{{client_id}}/revoke", end, action=Action.MANAGE_API_CLIENTS, methods=("POST",)),
    ]


async def show(visit: Visit) -> Response:
    """Every program there ever was, and the form for another."""
    return await _show(visit)


async def make(visit: Visit) -> Response:
    """A program's secret, shown once."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return notices.bad_request(
            _("This form could not be read"),
            _("Nothing was changed. Load the page again."),
            HERE,
            _("Back to the form"),
        )
    name = " ".join(fields.get("name", "").split())
    offered = scopes_of(visit.reader.role)
    chosen = [scope for scope in offered if fields.get(scope.value) == "on"]
    errors = _faults(fields, name, chosen)
    if errors:
        return await _show(visit, typed=fields, errors=errors)
    async with visit.database.tenant(visit.reader.tenant.tenant_id) as connection:
        made = await create(connection, visit.reader, Kind(fields["kind"]), name, chosen, days=int(fields["days"]))
    return await _show(visit, made=made)


async def end(visit: Visit) -> Response:
    """Revokes one. Safe to repeat."""
    tenant_id = visit.reader.tenant.tenant_id
    try:
        client_id = UUID(visit.request.path_params["client_id"])
        async with visit.database.tenant(tenant_id) as connection:
            await revoke(connection, tenant_id, client_id, visit.reader.actor)
    except (ValueError, UnknownClient):
        return notices.not_found()
    return RedirectResponse(f"{HERE}?said=revoked", 303)


def _faults(fields: Mapping[str, str], name: str, chosen: list[Scope]) -> dict[str, str]:
    errors = {}
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        errors["name"] = _("Name: give 1 to %(n)s characters that can be printed.") % {"n": _LONGEST_NAME}
    if fields.get("kind") not in set(Kind):
        errors["kind"] = _("Kind: choose a key or a client.")
    if fields.get("days") not in {str(days) for days in LIFETIMES_DAYS}:
        errors["days"] = _("Lifetime: choose one of the list.")
    if not chosen:
        errors["scopes"] = _("Scopes: choose what it may do, one at least.")
    return errors


async def _show(
    visit: Visit,
    *,
    made: MadeClient | None = None,
    typed: Mapping[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        listed = await clients(connection, tenant_id)
    base = str(visit.request.base_url).rstrip("/")
    return visit.show(
        "api/clients.html",
        status=422 if errors else 200,
        here=HERE,
        address=base + PREFIX,
        token_address=base + TOKEN_PATH,
        clients=listed,
        kinds=[(kind.value, words) for kind, words in _KINDS.items()],
        lifetimes=[(str(days), _("%(n)s days") % {"n": days}) for days in LIFETIMES_DAYS],
        offered=[(scope.value, WORDS[scope]) for scope in scopes_of(visit.reader.role)],
        made=made,
        typed=typed or {},
        errors=errors or {},
        said=_SAID.get(visit.request.query_params.get("said", "")) if visit.request.method == "GET" else None,
    )
