"""How the device API refuses: application/problem+json (RFC 9457), with a sentence for a person in `detail`."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

BAD_SIGNATURE: Final = "invalid-signature"


class Problem(Exception):
    """An answer that is not the one asked for. `kind` is a stable word for programs, `detail` is for people."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        field: str = "",
        retry_after_s: int | None = None,
        location: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.field = field
        self.retry_after_s = retry_after_s
        self.location = location

    def response(self) -> Response:
        body: dict[str, object] = {
            "type": f"urn:toktra:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field:
            body["field"] = self.field
        headers = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
        if self.location is not None:
            headers["location"] = self.location
        return Response(msgspec.json.encode(body), self.status, headers=headers, media_type="application/problem+json")


def bad_message(field: str, reason: str) -> Problem:
    """400: the message breaks the contract; sending it again cannot help."""
    return Problem(
        400, "invalid-message", "The message is not valid", f"{field}: {reason}" if field else reason, field=field
    )


def too_large(limit_bytes: int) -> Problem:
    return Problem(413, "too-large", "The message is too large", f"A message may hold {limit_bytes} bytes at most.")


def bad_signature(reason: str) -> Problem:
    return Problem(401, BAD_SIGNATURE, "The request could not be authenticated", f"{reason}.")


def refused(kind: str, detail: str) -> Problem:
    """403: known, but not allowed; a person has to act."""
    return Problem(403, kind, "The server does not accept this device", detail)


def served_elsewhere(address: str, path: str) -> Problem:
    """308: the organisation's data is kept in another region, whose server is at `address`. Nothing was stored."""
    return Problem(
        308,
        "served-elsewhere",
        "This organisation is served in another region",
        f"Nothing of this request was stored. The server of this organisation's region is {address}.",
        location=address + path,
    )


def busy(retry_after_s: int = 2) -> Problem:
    """503: nothing was stored; the same request will be taken later."""
    return Problem(
        503,
        "busy",
        "The server is busy",
        "Nothing of this request was stored. Send it again after the time in Retry-After.",
        retry_after_s=retry_after_s,
    )


def slow_down(retry_after_s: int) -> Problem:
    return Problem(
        429,
        "too-many-attempts",
        "Too many wrong attempts",
        f"Too many wrong codes came from this address. Try again in {retry_after_s} seconds.",
        retry_after_s=retry_after_s,
    )


def respond(request: Request, error: Exception) -> Response:
    """Starlette's exception handler for the device API."""
    del request
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, HTTPException):
        problem = Problem(error.status_code, "not-found", error.detail, "There is nothing at this address.")
        if error.status_code == 405:
            problem = Problem(405, "method-not-allowed", error.detail, "This address takes POST only.")
        response = problem.response()
        response.headers.update(error.headers or {})
        return response
    return Problem(
        500, "fault", "The server failed", "Nothing of this request was stored. The server's log says where it failed."
    ).response()
