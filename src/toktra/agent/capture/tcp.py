"""One direction of a TCP connection as a capture shows it: which bytes are new, and the client's bytes in order."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from toktra.agent.capture.names import Hello, Refusal, TlsReader
from toktra.agent.capture.records import Records
from toktra.agent.capture.tunnel import Prelude

_MASK: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000
MAX_HELD_SEGMENTS: Final = 1024
MAX_HELD_BYTES: Final = 1 << 17
"""Out-of-order data kept per client; more means that the capture lost a packet for good."""


class Covered:
    """The union of the sequence ranges seen, in unwrapped sequence numbers.

    `start` and `end` are the highest range; lower ones, left by holes, are `islands`. In-order data only moves `end`.
    """

    __slots__ = ("end", "floor", "islands", "start")

    def __init__(self, first: int, *, from_beginning: bool) -> None:
        self.start = self.end = first
        self.floor = first if from_beginning else first - _HALF
        self.islands: list[tuple[int, int]] = []

    def place(self, sequence: int) -> int:
        """The unwrapped number of a 32-bit sequence number near the data seen last."""
        return self.end + ((sequence - self.end + _HALF) & _MASK) - _HALF

    def add(self, start: int, end: int) -> int:
        """Takes in [start, end) and tells how many of its bytes were not covered before."""
        start = max(start, self.floor)
        if start >= end:
            return 0
        if start > self.end:
            if self.end > self.start:
                self.islands.append((self.start, self.end))
            self.start, self.end = start, end
            return end - start
        if start >= self.start:
            new = max(0, end - self.end)
            self.end += new
            return new
        new = 0
        if end > self.end:
            new = end - self.end
            self.end = end
        return new + self._below(start, min(end, self.end))

    def _below(self, start: int, end: int) -> int:
        """As `add`, for a range that starts below the highest one."""
        touches_top = end >= self.start
        if touches_top:
            end = self.start
        first = bisect_left(self.islands, (start,))
        if first and self.islands[first - 1][1] >= start:
            first -= 1
        last = first
        new = end - start
        low, high = start, end
        while last < len(self.islands) and self.islands[last][0] <= end:
            island_start, island_end = self.islands[last]
            new -= max(0, min(island_end, end) - max(island_start, start))
            low, high = min(low, island_start), max(high, island_end)
            last += 1
        if touches_top:
            del self.islands[first:last]
            self.start = low
        else:
            self.islands[first:last] = [(low, high)]
        return new


class ClientStream:
    """The client's bytes in order, as far as they are needed: for its hello, and for the record headers after it."""

    __slots__ = ("_at", "_held", "_held_bytes", "_prelude", "_reader", "_records", "answer")

    def __init__(self, first: int, *, midstream: bool) -> None:
        self._at = first
        self._held: dict[int, tuple[bytes, int]] = {}
        self._held_bytes = 0
        self._prelude: Prelude | None = None if midstream else Prelude()
        self._reader = None if midstream else TlsReader()
        self._records: Records | None = Records(midstream=midstream)
        self.answer: Hello | Refusal | None = None
        """What the connection's start turned out to be; None while it is not known."""

    @property
    def inside_record(self) -> bool:
        """Whether the client's bytes so far stop inside a TLS record."""
        return self._records is not None and self._records.inside and not self._held

    def take(self, start: int, data: bytes, payload_bytes: int) -> list[tuple[int, int]]:
        """Takes a segment of which `data` was captured; the (type, length) of TLS records that it makes known."""
        records: list[tuple[int, int]] = []
        if start > self._at:
            self._hold(start, data, payload_bytes)
            if len(self._held) <= MAX_HELD_SEGMENTS and self._held_bytes <= MAX_HELD_BYTES:
                return records
            self._skip_hole()
        else:
            self._pass_on(start, data, payload_bytes, records)
        while self._held:
            start = min(self._held)
            if start > self._at:
                break
            data, payload_bytes = self._held.pop(start)
            self._held_bytes -= len(data)
            self._pass_on(start, data, payload_bytes, records)
        return records

    def _hold(self, start: int, data: bytes, payload_bytes: int) -> None:
        held = self._held.get(start)
        if held is None or held[1] < payload_bytes:
            self._held_bytes += len(data) - (len(held[0]) if held else 0)
            self._held[start] = (data, payload_bytes)

    def _skip_hole(self) -> None:
        self._at = min(self._held)
        self._reader = self._prelude = None
        if self._records is not None:
            self._records = Records(midstream=True)

    def _pass_on(self, start: int, data: bytes, payload_bytes: int, records: list[tuple[int, int]]) -> None:
        known = self._at - start
        if known >= payload_bytes:
            return
        if known:
            data = data[known:]
            payload_bytes -= known
        self._at += payload_bytes
        if self._prelude is not None:
            skip = self._prelude.feed(data)
            if skip is None:
                if self._prelude.refused:
                    self.answer = Refusal.NOT_TLS
                    self._prelude = self._reader = self._records = None
                elif len(data) < payload_bytes:
                    self._prelude = Prelude()  # its end was not captured; a client waits for the answer after it
                return
            data = self._prelude.rest
            payload_bytes -= skip
            self._prelude = None
        if self._reader is not None and self.answer is None:
            self._read_hello(data, payload_bytes)
        if self._records is not None:
            records.extend(self._records.feed(data, payload_bytes))

    def _read_hello(self, data: bytes, payload_bytes: int) -> None:
        assert self._reader is not None  # noqa: S101
        self.answer = self._reader.feed(data)
        if self.answer is None and len(data) < payload_bytes:
            self.answer = self._reader.cut()
        if self.answer is not None:
            self._reader = None
            if isinstance(self.answer, Refusal) and self.answer is not Refusal.CUT:
                self._records = None
