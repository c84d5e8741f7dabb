"""Signing in with a one-time link, and signing out. Either ends on a fixed page, so no link can lead elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from toktra.server.people import service, sessions
from toktra.server.people.failures import note_failure
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.cookies import clear_session, session_of, set_session
from toktra.server.web.home import home_of
from toktra.server.web.page import Page, Visit
from toktra.server.web.rate_limit import FailureLimit


def link_pages() -> list[Page]:
    """The pages, with a count of failures of their own."""
    # Links are 256 random bits, so guessing is hopeless; the limit tells a guesser so.
    links = Links(FailureLimit(failures=20, window_s=60))
    return [
        Page("/sign-in/{token}", links.show, action=Action.OPEN_SIGN_IN_LINK),
        Page("/sign-in/{token}", links.use, action=Action.OPEN_SIGN_IN_LINK, methods=("POST",)),
        Page("/sign-out", sign_out, action=Action.END_SESSION, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Links:
    """What happens to one-time links."""

    limit: FailureLimit

    async def show(self, visit: Visit) -> Response:
        """The link's page. It only asks: a program that opens links to preview them must not use them up."""
        try:
            link = await service.look_at_link(visit.database, visit.request.path_params["token"])
        except service.LinkRefused as refusal:
            return self._refuse(refusal, visit)
        return visit.show("people/sign_in_link.html", link=link, address=visit.request.url.path)

    async def use(self, visit: Visit) -> Response:
        """The button: uses the link and starts a session."""
        request = visit.request
        token = request.path_params["token"]
        try:
            session = await service.sign_in(visit.database, token, former_session=session_of(request))
        except service.LinkRefused as refusal:
            if refusal.tenant_id is not None:
                await note_failure(visit.database, refusal.tenant_id, sessions.Method.LINK, refusal.person_id)
            return self._refuse(refusal, visit)
        signed_in = await sessions.whose_session(visit.database, str(session))
        response = RedirectResponse(home_of(signed_in.role) if signed_in else "/", 303)
        set_session(request, response, session)
        return response

    def _refuse(self, refusal: service.LinkRefused, visit: Visit) -> Response:
        """Unknown links are counted against their address; one that works is taken whatever the count.

        So nobody behind a shared address is shut out by a neighbour, and an old link of an honest person is no attack.
        """
        if refusal.fault is service.LinkFault.UNKNOWN:
            client = visit.request.client
            source = client.host if client else ""
            wait_s = self.limit.retry_after_s(source)
            self.limit.count_failure(source)
            if wait_s:
                return notices.slow_down(wait_s)
        return notices.link_refused(refusal.fault)


async def sign_out(visit: Visit) -> Response:
    """Ends the session here and in the browser. Safe to repeat."""
    await sessions.end_session(visit.database, session_of(visit.request))
    response = RedirectResponse("/sign-in", 303)
    clear_session(visit.request, response)
    return response
