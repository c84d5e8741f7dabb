"""Which language a request is answered in: what the reader chose in this browser, else what the browser asks for.

The choice is a cookie and no fact about a person: it is not stored, and it works before anyone is signed in.
"""

from __future__ import annotations

from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from toktra.server.web import language, notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.fresh import came_from
from toktra.server.web.language import OFFERED, SOURCE, _
from toktra.server.web.page import Page, Visit

COOKIE: Final = "toktra_language"
_YEAR_S: Final = 365 * 24 * 3600
_MOST_WISHES: Final = 20


class ReadersLanguage:
    """Says at the start of each request in which language its texts are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            chosen = _cookie(headers.get("cookie", ""))
            language.speak(choose(chosen, headers.get("accept-language", ""), OFFERED))
        await self.app(scope, receive, send)


def choose(chosen: str, wishes: str, offered: Collection[str]) -> str:
    """The offered language to answer in. `wishes` is an Accept-Language header (RFC 9110, 12.5.4)."""
    if chosen in offered:
        return chosen
    ranked: list[tuple[float, str]] = []
    for wish in wishes.split(",")[:_MOST_WISHES]:
        tag, _separator, weight = wish.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        code = tag.strip().lower().partition("-")[0]
        if code in offered and 0 < quality <= 1:
            ranked.append((quality, code))
    return max(ranked, key=lambda one: one[0])[1] if ranked else SOURCE


async def choose_language(visit: Visit) -> Response:
    """Keeps the choice in the browser and goes back to the page it was made on."""
    try:
        chosen = (await read_form(visit.request)).get("language", "")
    except FormNotUsable:
        chosen = ""
    if chosen not in OFFERED:
        return notices.bad_request(
            _("There is no such language"),
            _("Toktra speaks %(languages)s.") % {"languages": ", ".join(OFFERED.values())},
            "/",
            _("Back"),
        )
    response = RedirectResponse(came_from(visit), 303)
    response.set_cookie(
        COOKIE,
        chosen,
        max_age=_YEAR_S,
        path="/",
        secure=visit.request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


def language_pages() -> list[Page]:
    """The one address."""
    return [Page("/language", choose_language, action=Action.CHOOSE_LANGUAGE, methods=("POST",))]


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
