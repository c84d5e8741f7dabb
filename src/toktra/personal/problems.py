"""How the service refuses: application/problem+json (RFC 9457), with a sentence for a person in `detail`."""

from __future__ import annotations

import msgspec
import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from toktra.personal.database.pool import LedgerBusy
from toktra.wire.events import InvalidMessage


class Problem(Exception):
    """An answer that is not the one asked for. `kind` is a stable word for programs, `detail` is for people."""

    def __init__(
        self, status: int, kind: str, title: str, detail: str, *, field: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.field = field
        self.retry_after_s = retry_after_s

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
        return Response(msgspec.json.encode(body), self.status, headers=headers, media_type="application/problem+json")


def bad_message(field: str, reason: str) -> Problem:
    """400: the message breaks the contract; sending it again cannot help."""
    return Problem(
        400, "invalid-message", "The message is not valid", f"{field}: {reason}" if field else reason, field=field
    )


def too_large(limit_bytes: int) -> Problem:
    return Problem(413, "too-large", "The message is too large", f"A message may hold {limit_bytes} bytes at most.")


def no_mailbox() -> Problem:
    """404: also what a deleted mailbox answers."""
    return Problem(
        404,
        "no-mailbox",
        "There is no such mailbox",
        "It was deleted, or never opened. Open one with a ticket; records of a deleted mailbox are gone.",
    )


def unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", "Something to show who asks is missing", detail)


def slow_down(retry_after_s: int) -> Problem:
    return Problem(
        429,
        "too-many-requests",
        "Too many requests",
        f"Nothing of this request was stored. Send it again in {retry_after_s} seconds.",
        retry_after_s=retry_after_s,
    )


def busy(retry_after_s: int = 5) -> Problem:
    """503: the same request will be taken later."""
    return Problem(
        503,
        "busy",
        "The service is busy",
        "Nothing of this request was stored. Send it again after the time in Retry-After.",
        retry_after_s=retry_after_s,
    )


def disk_full() -> Problem:
    return Problem(
        507,
        "disk-full",
        "The service has no room left",
        "Nothing of this request was stored. Send it again later; whoever runs the service has to make room.",
        retry_after_s=600,
    )


def respond(request: Request, error: Exception) -> Response:
    """Starlette's exception handler: every refusal in one form, and no message of the database in any."""
    del request
    response = _problem_of(error).response()
    if isinstance(error, HTTPException):
        response.headers.update(error.headers or {})
    return response


def _problem_of(error: Exception) -> Problem:
    match error:
        case Problem():
            problem = error
        case InvalidMessage():
            problem = bad_message(error.field, error.reason)
        case HTTPException(status_code=405):
            problem = Problem(405, "method-not-allowed", error.detail, "This address does not take this method.")
        case HTTPException():
            problem = Problem(error.status_code, "not-found", error.detail, "There is nothing at this address.")
        case psycopg.errors.DiskFull():
            problem = disk_full()
        case psycopg.OperationalError() | LedgerBusy():  # away, shutting down, or not free in time
            problem = busy()
        case _:
            problem = Problem(
                500, "fault", "The service failed", "Nothing of this request was stored. The log says where it failed."
            )
    return problem
