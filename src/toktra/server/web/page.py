"""Routes that say what they are for. A page asks the table in `access.py` before anything else happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.people import sessions
from toktra.server.people.signed_in import SignedIn
from toktra.server.web import notices
from toktra.server.web.access import ALLOWED, Action, Role, may
from toktra.server.web.cookies import session_of, set_session
from toktra.server.web.fresh import require_fresh_sign_in
from toktra.server.web.home import home_of
from toktra.server.web.navigation import Place, groups_for, places_for
from toktra.server.web.templates import render


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one reader."""

    request: Request
    database: Database
    signed_in: SignedIn | None

    @property
    def role(self) -> Role:
        return self.signed_in.role if self.signed_in else Role.VISITOR

    @property
    def home(self) -> str:
        """Where this reader begins."""
        return home_of(self.role)

    @property
    def places(self) -> list[Place]:
        """What the navigation offers this reader."""
        return places_for(self.role)

    @property
    def place_groups(self) -> list[tuple[str, list[Place]]]:
        """The same, group by group with its name."""
        return groups_for(self.role)

    @property
    def reader(self) -> SignedIn:
        """Who is signed in, on pages that no visitor can open."""
        if self.signed_in is None:
            raise LookupError("this page is open to visitors")
        return self.signed_in

    def may(self, action: Action) -> bool:
        """Whether this reader may do something, for the parts of a page that not every reader sees."""
        return may(self.role, action)

    def show(self, template: str, *, status: int = 200, **context: object) -> Response:
        """A page as the answer."""
        return HTMLResponse(render(template, visit=self, **context), status)


Endpoint = Callable[[Visit], Awaitable[Response]]


class Page(Route):
    """A route with its action.

    `polled` marks what pages fetch by themselves: it keeps no session alive. `needs_fresh` marks what is sensitive: it
    asks those to prove again who they are who did not just do so.
    """

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        action: Action,
        methods: Sequence[str] = ("GET",),
        polled: bool = False,
        needs_fresh: bool = False,
    ) -> None:
        self.action: Final = action
        self.polled: Final = polled
        self.needs_fresh: Final = needs_fresh
        super().__init__(path, self._guarded(endpoint), methods=list(methods))

    def _guarded(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                visit = await self._visit(request)
                return _with_new_token(visit, await self._answer(visit, endpoint))
            except (psycopg.OperationalError, DatabaseBusy):
                return notices.not_loaded()

        return answer

    async def _answer(self, visit: Visit, endpoint: Endpoint) -> Response:
        if not visit.may(self.action):
            return notices.refused(visit.signed_in, visit.request, is_partial=is_partial(visit.request))
        if self.needs_fresh and (way := require_fresh_sign_in(visit)):
            return way
        return await endpoint(visit)

    async def _visit(self, request: Request) -> Visit:
        database: Database = request.app.state.database
        if Role.VISITOR in ALLOWED.get(self.action, ()):  # open to all: who it is does not matter
            return Visit(request, database, None)
        session = session_of(request)
        return Visit(request, database, await sessions.whose_session(database, session, is_activity=not self.polled))


def _with_new_token(visit: Visit, response: Response) -> Response:
    """The answer, with the token that replaces the browser's; one that the endpoint set itself is newer still."""
    if visit.signed_in and visit.signed_in.new_token and "set-cookie" not in response.headers:
        set_session(visit.request, response, visit.signed_in.new_token)
    return response


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a part of a page that is already on the screen."""
    return request.headers.get("hx-request") == "true"
