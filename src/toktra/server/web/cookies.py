"""The one cookie: which session the browser holds."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from toktra.server.people.sessions import ABSOLUTE_LIMIT
from toktra.server.people.tokens import Token

_NAME: Final = "toktra_session"


def session_of(request: Request) -> str | None:
    """The token the browser sent, unchecked."""
    return request.cookies.get(_name(request))


def set_session(request: Request, response: Response, session: Token) -> None:
    """Gives the browser a session: out of scripts' reach, not sent with requests other sites make."""
    response.set_cookie(
        _name(request),
        str(session),
        max_age=int(ABSOLUTE_LIMIT.total_seconds()),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def clear_session(request: Request, response: Response) -> None:
    """Takes the session from the browser."""
    response.delete_cookie(_name(request), path="/", secure=_is_secure(request), httponly=True, samesite="lax")


def _name(request: Request) -> str:
    """With the prefix, browsers refuse the cookie from a subdomain or over plain HTTP (RFC 6265bis, 4.1.3)."""
    return f"__Host-{_NAME}" if _is_secure(request) else _NAME


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
