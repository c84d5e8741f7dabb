"""One connection's counts and whose turn it is, common to every meter. The rules stand at the head of meter.py."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from toktra.agent.capture.observed import EXCHANGE_SILENCE_S, MSS_BYTES, Exchange

SMALL_PACKET: Final = 60
SMALL_PACKETS_TOGETHER: Final = 75
TICKETS: Final = 700
SURELY_A_RESPONSE: Final = 1000


class State(IntEnum):
    """Where a connection stands in its exchanges."""

    IDLE = 0
    ASKED = 1
    ANSWERING = 2
    TOLD = 3
    RESUMED = 4


class Meter:
    """Cumulative counts of one connection and the states above. The kinds below it decide what a packet is."""

    __slots__ = (
        "_answered_segments",
        "_answered_sent",
        "_asked_at",
        "_asked_received",
        "_first_byte_at",
        "_from_received",
        "_from_segments_in",
        "_from_segments_out",
        "_from_sent",
        "_last_at",
        "exchanges",
        "received_bytes",
        "segments_in",
        "segments_out",
        "sent_bytes",
        "state",
    )

    def __init__(self) -> None:
        self.state = State.IDLE
        self.sent_bytes = self.received_bytes = self.segments_out = self.segments_in = 0
        self.exchanges = 0
        """Requests so far; one that never got an answer is taken back at the close."""
        self._from_sent = self._from_received = self._from_segments_out = self._from_segments_in = 0
        self._answered_sent = self._answered_segments = self._asked_received = 0
        self._asked_at = self._last_at = 0.0
        self._first_byte_at: float | None = None

    def quiet(self, now: float) -> Exchange | None:
        """The exchange that silence has ended by `now`, if there is one."""
        if self.state in (State.ANSWERING, State.RESUMED) and now - self._last_at > EXCHANGE_SILENCE_S:
            return self._tell(State.TOLD)
        return None

    def close(self) -> Exchange | None:
        """What is left when the connection ends."""
        if self.state is State.IDLE:
            return None
        if self.state is State.ASKED and self.received_bytes == self._asked_received:
            self.exchanges -= 1
        if self.state is State.TOLD:
            if self.sent_bytes == self._from_sent and self.received_bytes == self._from_received:
                return None
            self._resume(self._last_at)
        return self._tell(State.TOLD)

    def _count_sent(self, new_bytes: int, at: float) -> None:
        self.sent_bytes += new_bytes
        self.segments_out += -(-new_bytes // MSS_BYTES)
        self._last_at = at

    def _count_received(self, new_bytes: int, at: float) -> None:
        self.received_bytes += new_bytes
        self.segments_in += -(-new_bytes // MSS_BYTES)
        self._last_at = at

    def _ask(self, at: float, *, carries_on: bool) -> Exchange | None:
        """C1, C2, C3."""
        told = None
        if self.state is State.ASKED:
            return None
        if self.state is State.ANSWERING and carries_on:
            self.state, self._first_byte_at = State.ASKED, None
            return None
        if self.state in (State.ANSWERING, State.RESUMED):
            told = self._tell(State.TOLD)
        self.state = State.ASKED
        self.exchanges += 1
        self._asked_at, self._asked_received = at, self.received_bytes
        self._first_byte_at = None
        return told

    def _answer(self, at: float) -> None:
        """R1, R2."""
        if self.state is State.ASKED:
            self.state = State.ANSWERING
            self._answered_sent, self._answered_segments = self.sent_bytes, self.segments_out
            self._first_byte_at = at
        elif self.state is State.TOLD:
            self._resume(at)

    def _resume(self, at: float) -> None:
        self.state = State.RESUMED
        self._answered_sent, self._answered_segments = self._from_sent, self._from_segments_out
        self._asked_at = self._first_byte_at = at

    def _tell(self, state: State) -> Exchange:
        if self.state is State.ASKED:
            self._answered_sent, self._answered_segments = self.sent_bytes, self.segments_out
        exchange = Exchange(
            request_bytes=self._answered_sent - self._from_sent,
            control_bytes=self.sent_bytes - self._answered_sent,
            response_bytes=self.received_bytes - self._from_received,
            segments_out=self._answered_segments - self._from_segments_out,
            segments_in=self.segments_in - self._from_segments_in,
            first_on_connection=self._from_sent == 0 and self._from_received == 0,
            continued=self.state is State.RESUMED,
            started_at=self._asked_at,
            first_byte_at=self._first_byte_at,
            ended_at=self._last_at,
            control_segments=self.segments_out - self._answered_segments,
        )
        self._from_sent, self._from_received = self.sent_bytes, self.received_bytes
        self._from_segments_out, self._from_segments_in = self.segments_out, self.segments_in
        self.state = state
        return exchange
