"""From cumulative totals of the kernel to exchanges: each is the difference between two moments of a flow.

Pure: totals in, exchanges out. The kernel tells the end of an exchange when it sees the next packet; when nothing more
comes, the agent's own look at the live totals tells it, and the kernel's word on the same exchange is then no news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toktra.agent.capture.linux.layout import Totals
from toktra.agent.capture.meter import State
from toktra.agent.capture.observed import EXCHANGE_SILENCE_S, Exchange

SILENCE_NS: Final = int((EXCHANGE_SILENCE_S + 0.25) * 1e9)
"""Longer than the kernel's own silence, so that a packet in flight while we look cannot belong to what we tell."""
NS: Final = 1_000_000_000


@dataclass(slots=True)
class ProviderFlow:
    """A connection to a provider host: what of it was told so far."""

    provider_host: str
    uid: int | None
    told: int = 0
    """Exchanges told, by the kernel's numbering."""
    merged: int = 0
    """Ends of exchanges the kernel told of in events that were lost: their bytes are in the next exchange."""
    from_sent: int = 0
    from_received: int = 0
    from_segments_out: int = 0
    from_segments_in: int = 0
    asked_at: int = 0
    """When the exchange that was told last began, in nanoseconds of the boot clock."""
    last_at: int = 0
    """When it ended, as far as was told."""
    rested: bool = False
    """Whether the kernel was not watched since: then another exchange may have begun unseen."""

    def ended(self, totals: Totals, clock_offset_ns: int) -> Exchange | None:
        """The exchange the kernel says is over. None when silence had told it already."""
        if totals.told < self.told:
            return None
        return self._tell(totals, clock_offset_ns)

    def silent(self, totals: Totals, now_ns: int, clock_offset_ns: int) -> Exchange | None:
        """The exchange that silence has ended by `now_ns`, by a look at the live totals."""
        answered = totals.state in (State.ANSWERING, State.RESUMED)
        if totals.told != self.told or not answered or now_ns - totals.last_at < SILENCE_NS:
            return None
        return self._tell(totals, clock_offset_ns)

    def closed(self, totals: Totals, clock_offset_ns: int) -> Exchange | None:
        """What is left when the connection ends."""
        if totals.state == State.IDLE:
            return None
        if totals.state == State.TOLD or totals.told < self.told:
            if totals.sent_bytes == self.from_sent and totals.received_bytes == self.from_received:
                return None
            totals = totals._replace(
                state=State.RESUMED,
                told=max(totals.told, self.told),
                answered_sent=self.from_sent,
                answered_segments=self.from_segments_out,
                asked_at=totals.last_at,
                first_byte_at=totals.last_at,
            )
        return self._tell(totals, clock_offset_ns)

    def _tell(self, totals: Totals, clock_offset_ns: int) -> Exchange:
        lost = totals.told - self.told
        continued = totals.state == State.RESUMED and not lost
        answered_sent, answered_segments = totals.answered_sent, totals.answered_segments
        if totals.state == State.ASKED:
            answered_sent, answered_segments = totals.sent_bytes, totals.segments_out
        exchange = Exchange(
            request_bytes=answered_sent - self.from_sent,
            control_bytes=totals.sent_bytes - answered_sent,
            response_bytes=totals.received_bytes - self.from_received,
            segments_out=answered_segments - self.from_segments_out,
            segments_in=totals.segments_in - self.from_segments_in,
            first_on_connection=self.from_sent == 0 and self.from_received == 0,
            continued=continued,
            started_at=(totals.asked_at + clock_offset_ns) / NS,
            first_byte_at=(totals.first_byte_at + clock_offset_ns) / NS if totals.first_byte_at else None,
            ended_at=(totals.last_at + clock_offset_ns) / NS,
            control_segments=totals.segments_out - answered_segments,
            begun_within=self._begun_within(totals, clock_offset_ns, lost=lost) if lost or continued else None,
        )
        if not continued:
            self.asked_at, self.rested = totals.asked_at, False
        self.last_at = totals.last_at
        self.merged += lost
        self.told = totals.told + 1
        self.from_sent, self.from_received = totals.sent_bytes, totals.received_bytes
        self.from_segments_out, self.from_segments_in = totals.segments_out, totals.segments_in
        return exchange

    def _begun_within(self, totals: Totals, clock_offset_ns: int, *, lost: int) -> tuple[float, float]:
        """Of the rest of an exchange, or of several that became one because their events were lost."""
        first = self.last_at if lost else self.asked_at or totals.asked_at  # nothing told yet: it began unseen
        last = totals.asked_at if lost or self.rested else first
        return (first + clock_offset_ns) / NS, (last + clock_offset_ns) / NS
