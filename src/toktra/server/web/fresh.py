"""The guard before anything sensitive: whoever does it has proved within the last minutes who they are.

A page takes it as `needs_fresh=True`. An endpoint of which only a part is sensitive asks `require_fresh_sign_in`
itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from toktra.server.web.local_paths import local_path

if TYPE_CHECKING:
    from toktra.server.web.page import Visit

CONFIRM_PATH: Final = "/confirm"


def recently_authenticated(visit: Visit) -> bool:
    """Whether the reader has proved within FRESH_FOR who they are."""
    return visit.signed_in is not None and visit.signed_in.is_fresh


def require_fresh_sign_in(visit: Visit) -> Response | None:
    """None for a reader who may go on; else the way to the page that asks who they are, and back from it.

    A form that was sent is not kept, because it may hold secrets: the way back leads to the page it was on, and the
    page that asks says that nothing was changed.
    """
    if recently_authenticated(visit):
        return None
    request = visit.request
    if request.method in {"GET", "HEAD"}:
        asked = {"next": local_path(_here(visit), visit.home)}
    else:
        asked = {"next": came_from(visit), "undone": "1"}
    way = f"{CONFIRM_PATH}?{urlencode(asked)}"
    if request.headers.get("hx-request") == "true":  # a part of a page cannot ask; the whole page can
        return Response(status_code=204, headers={"hx-redirect": way})
    return RedirectResponse(way, 303)


def _here(visit: Visit) -> str:
    url = visit.request.url
    return f"{url.path}?{url.query}" if url.query else url.path


def came_from(visit: Visit) -> str:
    """The page of this site that sent the form, as the browser says it; else where the reader begins."""
    referer = urlsplit(visit.request.headers.get("referer", ""))
    if referer.netloc != visit.request.headers.get("host"):
        return visit.home
    return local_path(f"{referer.path}?{referer.query}" if referer.query else referer.path, visit.home)
