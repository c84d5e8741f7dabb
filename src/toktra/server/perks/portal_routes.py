"""The employee's page: what Token Perks does, taking part, and ending it. It asks about nobody but the reader."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.responses import RedirectResponse, Response

from toktra.server.perks.enrolling import Standing, member, opt_in, opt_out
from toktra.server.perks.personal_service import personal_service, public_address
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit
from toktra.wire.personal import KEPT_DAYS

HERE: Final = "/me/token-perks"


def own_perks_pages() -> list[Page]:
    """The pages of the portal."""
    own = Action.CHANGE_OWN_PERKS
    return [
        Page(HERE, my_perks, action=own),
        Page(f"{HERE}/join", join, action=own, methods=("POST",)),
        Page(f"{HERE}/leave", leave, action=own, methods=("POST",)),
    ]


async def my_perks(visit: Visit) -> Response:
    """What it does, and how the reader stands."""
    return await _show(visit)


async def join(visit: Visit) -> Response:
    """Takes part, once it is said that the page was read. Safe to repeat."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return notices.bad_request(
            _("This form cannot be read"), _("It arrived damaged. Nothing was changed."), HERE, _("Back")
        )
    if fields.get("read") != "yes":
        return await _show(visit, fault=_("Say that you have read what it does. Nothing was changed."), status=422)
    tenant_id, today = visit.reader.tenant.tenant_id, datetime.now(UTC).date()
    async with visit.database.tenant(tenant_id) as connection:
        stands = await opt_in(connection, tenant_id, visit.reader.person_id, today)
    if stands.standing is not Standing.ENROLLED:
        return await _show(visit, fault=_("You are not invited any more. Nothing was changed."), status=409)
    return RedirectResponse(HERE, 303)


async def leave(visit: Visit) -> Response:
    """Ends it here. Safe to repeat."""
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        await opt_out(connection, tenant_id, visit.reader.person_id)
    return RedirectResponse(f"{HERE}?said=left", 303)


async def _show(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    tenant_id, settings = visit.reader.tenant.tenant_id, visit.request.app.state.settings
    async with visit.database.tenant(tenant_id) as connection:
        stands = await member(connection, tenant_id, visit.reader.person_id)
    if personal_service(settings) is None:
        stands = type(stands)(standing=Standing.NO_PROGRAMME)
    return visit.show(
        "perks/my_perks.html",
        status=status,
        here=HERE,
        stands=stands,
        Standing=Standing,
        ledger=public_address(settings),
        kept_days=KEPT_DAYS,
        fault=fault,
        has_left=visit.request.query_params.get("said") == "left" and stands.standing is not Standing.ENROLLED,
    )
