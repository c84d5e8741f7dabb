"""Reads a request's body within bounds of size and time, whatever it claims about itself."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

from toktra.personal import problems

WITHIN_S: Final = 30.0
"""Slower than this, a sender only occupies a place."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is too long, 408 when it takes too long, 400 when cut off."""
    claimed = request.headers.get("content-length", "")
    if claimed.isdigit() and int(claimed) > limit_bytes:
        raise problems.too_large(limit_bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(WITHIN_S):
            async for part in request.stream():
                size += len(part)
                if size > limit_bytes:
                    raise problems.too_large(limit_bytes)
                parts.append(part)
    except TimeoutError:
        raise problems.Problem(
            408, "too-slow", "The request took too long", f"The whole message must arrive within {WITHIN_S:.0f} s."
        ) from None
    except ClientDisconnect:
        raise problems.bad_message("", "the connection closed before the whole message had arrived") from None
    return b"".join(parts)
