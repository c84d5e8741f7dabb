"""One POST to one receiver, within a time: what it answers is a number, and nothing else of it is read."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Final

import httptools

from toktra.server.webhooks.guard import NotFound, Target, look_up

ANSWER_WITHIN_S: Final = 15.0
_MOST_READ: Final = 64 << 10


class TooSlow(Exception):
    """The receiver did not answer in time."""


class Unreachable(Exception):
    """The receiver could not be connected to, or did not answer in HTTP."""


async def send(target: Target, headers: Mapping[str, str], body: bytes, *, private_allowed: bool) -> int:
    """The status that the receiver answers. Raises NotAllowed, TooSlow or Unreachable."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await _exchange(target, headers, body, private_allowed=private_allowed)
    except TimeoutError:
        raise TooSlow from None
    except (NotFound, OSError, httptools.HttpParserError, asyncio.IncompleteReadError) as error:
        raise Unreachable from error


async def _exchange(target: Target, headers: Mapping[str, str], body: bytes, *, private_allowed: bool) -> int:
    address = await look_up(target, private_allowed=private_allowed)
    reader, writer = await asyncio.open_connection(
        address,
        target.port,
        ssl=ssl.create_default_context() if target.is_tls else None,
        server_hostname=target.host if target.is_tls else None,
    )
    try:
        writer.write(_head(target, headers, len(body)) + body)
        await writer.drain()
        return await _status(reader)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _head(target: Target, headers: Mapping[str, str], length: int) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "User-Agent: Toktra",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class _Answer:
    """Told by the parser that the headers are complete."""

    is_complete = False

    def on_headers_complete(self) -> None:
        self.is_complete = True


async def _status(reader: asyncio.StreamReader) -> int:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    read = 0
    while not answer.is_complete:
        part = await reader.read(4096)
        read += len(part)
        if not part or read > _MOST_READ:
            raise ConnectionError("no answer")
        parser.feed_data(part)
    status: int = parser.get_status_code()
    return status
