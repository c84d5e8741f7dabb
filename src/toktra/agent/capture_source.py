"""Where exchanges come from: the kernel, or a capture file read as if it were happening."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from toktra.agent.capture.linux.status import CaptureStatus
from toktra.agent.capture.observed import ObservedExchange
from toktra.agent.capture.pcap import CaptureError
from toktra.agent.capture.replay import exchanges
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError

READ_AT_ONCE = 500
"""Exchanges of a file that are taken in together."""


class SourceEnded(Exception):
    """There will be no more exchanges."""


class CaptureSource(Protocol):
    """What the agent asks of a source. `capture.linux.source.LinuxCapture` is one."""

    def poll(self, timeout_s: float) -> list[ObservedExchange]:
        """The exchanges that ended; waits for one at most `timeout_s`. Raises SourceEnded."""
        ...

    def status(self) -> CaptureStatus | None:
        """Counts since the source was opened; None when it counts nothing."""
        ...

    def close(self) -> list[ObservedExchange]:
        """Ends it, and yields the exchanges that were still open as they stand."""
        ...


class LiveSource(CaptureSource, Protocol):
    """A source that watches what is happening now, and can look away. `capture.linux.source.LinuxCapture` is one."""

    def wake_on(self, fd: int) -> None:
        """Lets `poll` return at once while this descriptor is readable."""
        ...

    def pause(self) -> list[ObservedExchange]:
        """Stops observing, and yields what was observed until then."""
        ...

    def resume(self) -> None:
        """Observes again. Everything yielded from now on lies after this moment, to the byte."""
        ...


class CaptureFileNotUsable(AgentError):
    """The file given with --replay cannot be read, or not to its end."""

    exit_code = EXIT_NEEDS_YOU


class ReplaySource:
    """A capture file. Everything that can be read of a damaged file is yielded before the error is."""

    def __init__(
        self,
        path: Path,
        find_provider: Callable[[str], object | None],
        ports: Collection[int],
        *,
        skip: int = 0,
        ending_at: float | None = None,
    ) -> None:
        """`skip` exchanges were taken in before. `ending_at` (seconds since 1970) moves all times, so that the last
        exchange ends then. Raises CaptureFileNotUsable.
        """
        self._broken: CaptureFileNotUsable | None = None
        self.read = skip
        """Exchanges yielded so far, now and before."""

        def read() -> Iterator[ObservedExchange]:
            return _readable(path, find_provider, frozenset(ports))

        shift_s = ending_at - _end_of(read()) if ending_at is not None else 0.0
        self._exchanges = (_moved(one, shift_s) for one in islice(read(), skip, None))

    def poll(self, timeout_s: float) -> list[ObservedExchange]:
        """The next exchanges, without waiting. Raises SourceEnded, CaptureFileNotUsable."""
        del timeout_s
        if self._broken:
            raise self._broken
        found: list[ObservedExchange] = []
        try:
            found.extend(islice(self._exchanges, READ_AT_ONCE))  # what was read before an error stays in the list
        except CaptureFileNotUsable as error:
            self._broken = error
            if not found:
                raise
        if not found:
            raise SourceEnded
        self.read += len(found)
        return found

    def status(self) -> None:
        """A file has no counts of its own."""

    def close(self) -> list[ObservedExchange]:
        """Nothing of a file stays open."""
        return []


def digest_of(path: Path) -> str:
    """Names a file's content. Raises CaptureFileNotUsable."""
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CaptureFileNotUsable(f"{path} cannot be read ({error.strerror}). Name a pcap or pcapng file.") from None


def _readable(
    path: Path, find_provider: Callable[[str], object | None], ports: frozenset[int]
) -> Iterator[ObservedExchange]:
    try:
        yield from exchanges(path, find_provider, ports)
    except CaptureError as error:
        raise CaptureFileNotUsable(str(error)) from None
    except OSError as error:
        raise CaptureFileNotUsable(f"{path} cannot be read ({error.strerror}). Name a pcap or pcapng file.") from None


def _end_of(observed: Iterator[ObservedExchange]) -> float:
    """When the last exchange ended, as far as the file can be read."""
    latest = 0.0
    try:
        for one in observed:
            latest = max(latest, one.exchange.ended_at)
    except CaptureFileNotUsable:
        if not latest:
            raise
    return latest


def _moved(observed: ObservedExchange, seconds: float) -> ObservedExchange:
    exchange = observed.exchange
    first_byte_at = exchange.first_byte_at + seconds if exchange.first_byte_at is not None else None
    return replace(
        observed,
        exchange=replace(
            exchange,
            started_at=exchange.started_at + seconds,
            first_byte_at=first_byte_at,
            ended_at=exchange.ended_at + seconds,
        ),
    )
