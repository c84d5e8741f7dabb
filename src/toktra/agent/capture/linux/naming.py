"""From hellos to verdicts: whose connection is it, and is it anybody's business. Pure; keeps no host it was shown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from toktra.agent.capture.names import Hello, QuicReader, Refusal, parse_hello

MAX_UNFINISHED: Final = 1024
"""QUIC hellos in the making at once. A real one is whole within a round trip."""

FindProvider = Callable[[str], object | None]
"""Anything but None when the host is a provider's."""


class Verdict(Enum):
    """What becomes of a connection once its hello was read."""

    NOT_YET = "more of the hello is needed"
    PROVIDER = "counted"
    FORGOTTEN = "no provider"
    HIDDEN = "only the outer name of Encrypted Client Hello is visible"
    UNNAMED = "no name, or no hello at all"


@dataclass(frozen=True, slots=True)
class Named:
    """The verdict, and the host only when it is a provider's."""

    verdict: Verdict
    provider_host: str | None = None


class Namer:
    """Reads the hellos of all connections. QUIC hellos arrive in pieces, which are kept until they are whole."""

    def __init__(self, find_provider: FindProvider) -> None:
        self._find_provider = find_provider
        self._unfinished: OrderedDict[bytes, QuicReader] = OrderedDict()

    def tls(self, message: bytes) -> Named:
        """The verdict on a whole ClientHello message."""
        return self._judge(parse_hello(message))

    def quic(self, flow: bytes, initial: bytes) -> Named:
        """The verdict on a flow with this Initial packet of its client taken in."""
        reader = self._unfinished.pop(flow, None) or QuicReader()
        answer = reader.feed(initial)
        if answer is None:
            self._unfinished[flow] = reader
            return Named(Verdict.NOT_YET)
        return self._judge(answer)

    def knows(self, flow: bytes) -> bool:
        """Whether the flow's hello is in the making."""
        return flow in self._unfinished

    def overflowing(self) -> bytes | None:
        """A flow to give up because too many are unfinished: the one that has waited longest."""
        if len(self._unfinished) <= MAX_UNFINISHED:
            return None
        return self._unfinished.popitem(last=False)[0]

    def drop(self, flow: bytes) -> bool:
        """Forgets a flow that ended before its hello was whole; whether there was one."""
        return self._unfinished.pop(flow, None) is not None

    def clear(self) -> None:
        """Forgets everything unfinished."""
        self._unfinished.clear()

    def unfinished(self) -> list[bytes]:
        """The flows whose hello is not whole yet."""
        return list(self._unfinished)

    def _judge(self, hello: Hello | Refusal) -> Named:
        if isinstance(hello, Refusal):
            return Named(Verdict.UNNAMED)
        if hello.host is not None and self._find_provider(hello.host) is not None:
            return Named(Verdict.PROVIDER, hello.host)
        if hello.hidden:
            return Named(Verdict.HIDDEN)
        return Named(Verdict.UNNAMED if hello.host is None else Verdict.FORGOTTEN)
