"""Reads what a page's own script sends: a small JSON object."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request

MAX_BYTES: Final = 64 << 10


class JsonNotUsable(ValueError):
    """A request's body is no JSON object of ours: too large, of another type, or cut off."""


async def read_json(request: Request) -> dict[str, Any]:
    """The object. Raises JsonNotUsable. The media type is one that no other site's form can send."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise JsonNotUsable
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_BYTES:
                raise JsonNotUsable
        return msgspec.json.decode(body, type=dict[str, Any])
    except (ClientDisconnect, msgspec.DecodeError, UnicodeDecodeError):
        raise JsonNotUsable from None
