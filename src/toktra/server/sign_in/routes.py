"""Every page of this room."""

from __future__ import annotations

from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.people import sessions
from toktra.server.people.candidates import candidate
from toktra.server.sign_in.confirm import Confirming
from toktra.server.sign_in.door import Door
from toktra.server.sign_in.inviting import NotInvited, invite
from toktra.server.sign_in.own import own_sign_in_pages
from toktra.server.sign_in.sso.routes import Journeys
from toktra.server.sign_in.sso.settings_routes import sso_settings_pages
from toktra.server.sign_in.tries import Tries
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit


def sign_in_pages() -> list[Page]:
    """The sign-in page and its ways in, the page that asks again, one's own ways in, and the organisation's."""
    tries = Tries()
    return [
        *Journeys(tries).pages(),
        *Door(tries).pages(),
        *Confirming(tries).pages(),
        *own_sign_in_pages(),
        *sso_settings_pages(),
        Page(
            "/people/{person_id}/sessions/end",
            end_sessions,
            action=Action.END_SESSIONS_OF_PERSON,
            methods=("POST",),
        ),
        Page(
            "/people/{person_id}/sign-in-link",
            send_link,
            action=Action.CHANGE_PEOPLE,
            methods=("POST",),
            needs_fresh=True,
        ),
    ]


async def end_sessions(visit: Visit) -> Response:
    """Ends every session of a person: a device was lost, or somebody else has been in. They can sign in again."""
    tenant_id = visit.reader.tenant.tenant_id
    try:
        person_id = UUID(visit.request.path_params["person_id"])
    except ValueError:
        return notices.not_found()
    async with visit.database.tenant(tenant_id) as connection:
        if await candidate(connection, tenant_id, person_id) is None:
            return notices.not_found()
        await sessions.end_all_of(connection, visit.reader, person_id)
    to = "/sign-in" if person_id == visit.reader.person_id else f"/people/{person_id}?said=sessions-ended"
    return RedirectResponse(to, 303)


async def send_link(visit: Visit) -> Response:
    """Sends somebody who has no way in a link that signs them in once."""
    try:
        person_id = UUID(visit.request.path_params["person_id"])
    except ValueError:
        return notices.not_found()
    here = f"/people/{person_id}"
    if visit.request.app.state.settings.mail_relay is None:
        told = _("This server sends no mail. Make a link there: toktra server sign-in-link")
        return notices.bad_request(_("No link was sent"), told, here, _("Back"))
    try:
        await invite(visit.database, visit.reader, person_id)
    except NotInvited as refusal:
        return notices.bad_request(_("No link was sent"), str(refusal), here, _("Back"))
    return RedirectResponse(f"{here}?said=invited", 303)
