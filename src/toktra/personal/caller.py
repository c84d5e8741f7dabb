"""Who asks: the owner of a mailbox by its secret, the organisation's server by its own, or just somebody."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Final

from starlette.requests import Request

from toktra.personal import problems

_BEARER: Final = re.compile(r"Bearer ([A-Za-z0-9_-]{43})\Z")


def mailbox_of(request: Request) -> bytes:
    """The digest of the mailbox whose secret was shown, whether it exists or not. Raises Problem 401."""
    found = _BEARER.match(request.headers.get("authorization", ""))
    if found is None:
        raise problems.unauthorized(
            "Send the mailbox's secret, 43 characters of URL-safe base64, as: Authorization: Bearer SECRET"
        )
    return sha256(found[1].encode()).digest()


def check_operator(request: Request, secret: str) -> None:
    """Raises Problem 401 unless the organisation's server asks."""
    shown = request.headers.get("authorization", "").encode()
    if not secrets.compare_digest(shown, f"Bearer {secret}".encode()):
        raise problems.unauthorized(
            "This is for the organisation's server. Its TOKTRA_PERSONAL_OPERATOR_SECRET has to be this service's own."
        )


def source_of(request: Request) -> bytes:
    """Where a request came from, for limits that are held in memory and nothing else."""
    return request.client.host.encode() if request.client else b""
