"""The site: every page with its action, and what wraps them. `create_app` mounts both; nothing else knows the pages."""

from __future__ import annotations

from typing import Final

from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute

from toktra.server.people import routes as people
from toktra.server.usage import routes as usage
from toktra.server.web import notices
from toktra.server.web.access import ALLOWED, Action
from toktra.server.web.headers import SameOrigin, SecurityHeaders
from toktra.server.web.page import Page, Visit
from toktra.server.web.templates import STATIC


async def static_file(visit: Visit) -> Response:
    """A style sheet, font or script."""
    version, name = visit.request.path_params["version"], visit.request.path_params["name"]
    return STATIC.answer(version, name) or notices.not_found()


PAGES: Final = (
    *usage.ROUTES,
    *people.ROUTES,
    Page("/static/{version}/{name:path}", static_file, action=Action.FETCH_STATIC_FILE),
)


def site_routes() -> list[BaseRoute]:
    """All pages. The app puts the `Database` in `app.state.database`. Raises ValueError for an action nobody has."""
    unlisted = [page.path for page in PAGES if page.action not in ALLOWED]
    if unlisted:
        raise ValueError(f"no role may open {', '.join(unlisted)}: list the action in access.py")
    return list(PAGES)


def site_middleware() -> list[Middleware]:
    """The strict policy on every answer of the app, and the refusal of forged requests."""
    return [Middleware(SecurityHeaders), Middleware(SameOrigin)]
