"""Pages that say one thing: not signed in, refused, not found, not loaded. What happened, what it means, what to do."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from toktra.server.people.service import LinkFault, SignedIn
from toktra.server.web.language import _, ngettext
from toktra.server.web.navigation import places_for
from toktra.server.web.templates import render

NEW_LINK_COMMAND: Final = "toktra server sign-in-link"
RETRY_AFTER_S: Final = 5

_HOW_TO_GET_A_LINK: Final = _("Your administrator can make a new one, on the machine that runs the server:")
_LINK_FAULTS: Final = {
    LinkFault.USED: (
        _("This link has been used"),
        _("A sign-in link works once. If it was not you who used it, tell your administrator."),
    ),
    LinkFault.EXPIRED: (_("This link has expired"), _("A sign-in link works for a short time only.")),
    LinkFault.UNKNOWN: (
        _("This link does not work"),
        _("It is incomplete, or was not made by this server. Copy it again, whole."),
    ),
    LinkFault.PERSON_INACTIVE: (
        _("This link does not work"),
        _("The person it is for may not sign in any more."),
    ),
}


def refused(signed_in: SignedIn | None, request: Request, *, is_partial: bool) -> Response:
    """The reader may not do this: 401 for a visitor, 403 for someone who is signed in."""
    if signed_in is None:
        way = "/sign-in"
        if request.method == "GET":
            way += "?" + urlencode({"next": request.url.path + (f"?{request.url.query}" if request.url.query else "")})
        # The part of an open page cannot say it; the whole page, loaded again, can.
        return _notice(
            401,
            _("You are not signed in"),
            _("If you have no way to sign in yet, you need a link that works once."),
            _HOW_TO_GET_A_LINK,
            command=NEW_LINK_COMMAND,
            links=[{"href": way, "label": _("Sign in")}],
            headers={"hx-refresh": "true"} if is_partial else {},
        )
    places = [{"href": place.href, "label": place.label} for place in places_for(signed_in.role)]
    return _notice(
        403,
        _("This page is not for your role"),
        _("You are signed in as %(name)s (%(role)s). Who may see what is decided by role; an owner can change yours.")
        % {"name": signed_in.display_name, "role": signed_in.role_word},
        links=places,
    )


def link_refused(fault: LinkFault) -> Response:
    """A sign-in link that does not work, and how to get one that does."""
    heading, sentence = _LINK_FAULTS[fault]
    status = 404 if fault is LinkFault.UNKNOWN else 410
    return _notice(status, heading, sentence, _HOW_TO_GET_A_LINK, command=NEW_LINK_COMMAND)


def slow_down(retry_after_s: int) -> Response:
    """Too much that does not work, from one address or for one account."""
    return _notice(
        429,
        _("Too many tries that did not work"),
        ngettext("Try again in %(n)s second.", "Try again in %(n)s seconds.", retry_after_s) % {"n": retry_after_s},
        headers={"retry-after": str(retry_after_s)},
    )


def bad_request(heading: str, sentence: str, link: str, label: str) -> Response:
    """Something in the address cannot be."""
    return _notice(400, heading, sentence, links=[{"href": link, "label": label}])


def nothing_there(heading: str, sentence: str, link: str, label: str) -> Response:
    """A page that could be there and is not, and why."""
    return _notice(404, heading, sentence, links=[{"href": link, "label": label}])


def out_of_order(heading: str, sentence: str) -> Response:
    """A part of the server does not work, and what its operator can do about it."""
    return _notice(503, heading, sentence, urgent=True, headers={"retry-after": str(RETRY_AFTER_S)})


def not_found() -> Response:
    """No such page."""
    return _notice(
        404,
        _("There is no such page"),
        _("The address may be mistyped."),
        links=[{"href": "/", "label": _("Overview")}],
    )


def not_loaded() -> Response:
    """The database does not answer."""
    return _notice(
        503,
        _("These figures did not load"),
        _("The database does not answer. Nothing is lost: devices keep their records until it does."),
        links=[{"href": "", "label": _("Try again")}],
        urgent=True,
        headers={"retry-after": str(RETRY_AFTER_S)},
    )


def _notice(
    status: int,
    heading: str,
    *sentences: str,
    command: str = "",
    links: list[dict[str, str]] | None = None,
    urgent: bool = False,
    headers: dict[str, str] | None = None,
) -> Response:
    page = render(
        "web/notice.html", heading=heading, sentences=sentences, shell_command=command, links=links or [], urgent=urgent
    )
    return HTMLResponse(page, status, headers)
