"""What can go wrong, each by a class of its own. All of them are ApiError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ApiError(Exception):
    """Anything that came between a call and its answer."""


class ConnectionLost(ApiError):
    """The server was not reached, or the connection ended before the answer did. A write may have been done: send it
    again under the same idempotency key to find out."""


class NotUnderstood(ApiError):
    """The answer is none of this API's: something else is at this address, or the server is older than the client."""


class TokenRefused(ApiError):
    """The OAuth client got no access token (RFC 6749, section 5.2). `error` is a stable word."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One part of a request that cannot be used."""

    field: str
    detail: str


class Problem(ApiError):
    """The API refused, and nothing was changed (RFC 9457)."""

    def __init__(self, status: int, said: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        self.status = status
        self.type = str(said.get("type", "about:blank"))
        """A stable word for programs: urn:toktra:problem:not-found."""
        self.title = str(said.get("title", ""))
        self.detail = str(said.get("detail", ""))
        """For people: what happened and what to do."""
        self.field = said.get("field")
        """The part of the request it is about; None when it is about none."""
        self.errors = tuple(
            FieldFault(str(one.get("field", "")), str(one.get("detail", ""))) for one in said.get("errors") or ()
        )
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.title}: {self.detail}")


class NotAuthenticated(Problem):
    """401: the key or token does not work."""


class NotAllowed(Problem):
    """403: the key lacks a scope, its person's role does not allow it, or the organisation is suspended."""


class NotFound(Problem):
    """404: there is no such thing in this organisation."""


class Conflict(Problem):
    """409: it is not in the state for this."""


class Unusable(Problem):
    """422: a part of the request cannot be used; `field` and `errors` say which."""


class TooManyRequests(Problem):
    """429: the quota of this minute is used up, and the client's patience too."""


class Busy(Problem):
    """503: the database does not answer, and the client's patience is over."""


_OF_STATUS: Mapping[int, type[Problem]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    422: Unusable,
    429: TooManyRequests,
    503: Busy,
}


def problem(status: int, said: Mapping[str, Any], retry_after_s: float | None) -> Problem:
    """The exception for a problem document."""
    return _OF_STATUS.get(status, Problem)(status, said, retry_after_s)
