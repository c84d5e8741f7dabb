"""Seals a stream to an age recipient and opens it again, in a thread beside the event loop; memory stays flat.

The file is an ordinary age file: its person can open it with the age tool, without us.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import pyrage  # type: ignore[import-untyped]
from pyrage import passphrase as age_passphrase
from pyrage import x25519

LEAST_PASSPHRASE: Final = 12
MOST_PASSPHRASE: Final = 200
_AHEAD: Final = 8
"""Parts that may wait between the thread and the loop, of 64 KiB each."""

_one_at_a_time = asyncio.Lock()
"""Scrypt takes about 130 MB for a second, so that guessing is dear: never twice at once in this process."""


class NotARecipient(ValueError):
    """This text is no age recipient."""


class WrongPassphrase(ValueError):
    """The passphrase does not open this copy."""


@dataclass(frozen=True, slots=True)
class Lock:
    """To whom a copy is sealed, and their key sealed to their passphrase; None when the key is their own."""

    recipient: str
    sealed_identity: bytes | None


def lock_of(recipient: str) -> Lock:
    """For someone with an age key of their own. Raises NotARecipient."""
    try:
        return Lock(str(x25519.Recipient.from_str(recipient.strip())), None)
    except pyrage.RecipientError:
        raise NotARecipient from None


async def new_lock(passphrase: str) -> Lock:
    """A new key that only the passphrase opens. Neither is kept: what is kept is the key sealed to the passphrase."""
    identity = x25519.Identity.generate()
    async with _one_at_a_time:
        sealed = await asyncio.to_thread(age_passphrase.encrypt, str(identity).encode(), passphrase)
    return Lock(str(identity.to_public()), sealed)


async def key_of(sealed_identity: bytes, passphrase: str) -> x25519.Identity:
    """Raises WrongPassphrase."""
    async with _one_at_a_time:
        try:
            text = await asyncio.to_thread(age_passphrase.decrypt, sealed_identity, passphrase)
        except pyrage.DecryptError:
            raise WrongPassphrase from None
    return x25519.Identity.from_str(text.decode())


def sealed(parts: AsyncIterator[bytes], recipient: str) -> AsyncIterator[bytes]:
    """The stream as an age file."""
    to = x25519.Recipient.from_str(recipient)
    return _through(parts, lambda source, target: pyrage.encrypt_io(source, target, [to]))


def opened(parts: AsyncIterator[bytes], identity: x25519.Identity) -> AsyncIterator[bytes]:
    """What an age file holds."""
    return _through(parts, lambda source, target: pyrage.decrypt_io(source, target, [identity]))


class _Source:
    """The stream as a file that a thread reads."""

    def __init__(self, parts: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._parts = parts
        self._loop = loop
        self._rest = memoryview(b"")
        self.fault: Exception | None = None

    def read(self, most: int = -1) -> bytes:
        if not self._rest:
            try:
                self._rest = memoryview(asyncio.run_coroutine_threadsafe(_next(self._parts), self._loop).result())
            except Exception as fault:
                self.fault = fault
                raise
        size = len(self._rest) if most < 0 else most
        part, self._rest = self._rest[:size], self._rest[size:]
        return bytes(part)


class _Target:
    """A file that a thread writes and the loop reads."""

    def __init__(self, queue: asyncio.Queue[bytes | None], loop: asyncio.AbstractEventLoop) -> None:
        self._queue = queue
        self._loop = loop
        self.is_abandoned = False

    def write(self, part: bytes) -> int:
        if self.is_abandoned:
            raise BrokenPipeError("nobody reads any more")
        asyncio.run_coroutine_threadsafe(self._queue.put(bytes(part)), self._loop).result()
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""


async def _next(parts: AsyncIterator[bytes]) -> bytes:
    async for part in parts:
        if part:
            return part
    return b""


async def _through(parts: AsyncIterator[bytes], work: Callable[[_Source, _Target], None]) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
    source, target = _Source(parts, loop), _Target(queue, loop)

    async def run() -> None:
        try:
            await asyncio.to_thread(work, source, target)
        finally:
            await queue.put(None)

    running = asyncio.create_task(run())
    try:
        while (part := await queue.get()) is not None:
            yield part
        try:
            await running
        except (pyrage.EncryptError, pyrage.DecryptError) as error:
            raise source.fault or error from None  # what went wrong, and not that sealing did
    finally:
        target.is_abandoned = True
        while not running.done():  # lets a thread that waits to write see that nobody reads
            while not queue.empty():
                queue.get_nowait()
            await asyncio.wait([running], timeout=0.05)
        if not running.cancelled():
            running.exception()
