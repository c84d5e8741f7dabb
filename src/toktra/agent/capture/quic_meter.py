"""Exchanges of one QUIC flow, from the sizes and forms of datagrams. The rules stand at the head of meter.py."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from toktra.agent.capture.observed import EXCHANGE_SILENCE_S, Exchange
from toktra.agent.capture.turns import (
    SMALL_PACKET,
    SMALL_PACKETS_TOGETHER,
    SURELY_A_RESPONSE,
    TICKETS,
    Meter,
    State,
)

REQUEST_DATAGRAM: Final = 64
FULL_DATAGRAM: Final = 1150
FIRST_REQUEST_DATAGRAM: Final = 120
LARGEST_PROBE: Final = 1500


class Form(IntEnum):
    """The first packet of a QUIC datagram."""

    LONG = 0
    EARLY = 1
    SHORT = 2


class QuicMeter(Meter):
    """Exchanges of one QUIC flow."""

    __slots__ = ("_full", "_heard", "_heard_short", "_largest", "_maybe_at", "_small")

    def __init__(self, *, midstream: bool = False) -> None:
        super().__init__()
        self._largest = 0
        self._full = False
        self._heard = self._heard_short = self._small = 0
        self._maybe_at = 0.0
        if midstream:
            self._largest = LARGEST_PROBE

    def sent(self, new_bytes: int, at: float, form: Form) -> Exchange | None:
        """A client datagram of `new_bytes` of payload."""
        told = self.quiet(at) if at - self._last_at > EXCHANGE_SILENCE_S else None
        probe = self._largest < new_bytes <= LARGEST_PROBE
        self._largest = max(self._largest, new_bytes)
        if form is Form.LONG:
            if self._heard:
                self._maybe_at = at
        elif new_bytes > REQUEST_DATAGRAM and not (probe and form is Form.SHORT):
            if self.state is State.IDLE and new_bytes <= FIRST_REQUEST_DATAGRAM:
                self._maybe_at = at
            else:
                told = self._ask(at, carries_on=self._full and self._heard <= TICKETS) or told
                self._full = new_bytes >= FULL_DATAGRAM
                self._heard = self._small = 0
        self._count_sent(new_bytes, at)
        return told

    def received(self, new_bytes: int, at: float, form: Form) -> Exchange | None:
        """A server datagram of `new_bytes` of payload."""
        told = self.quiet(at) if at - self._last_at > EXCHANGE_SILENCE_S else None
        self._heard += new_bytes
        if form is Form.SHORT:
            self._heard_short += new_bytes
            if self.state is State.IDLE and self._maybe_at and self._heard_short > SURELY_A_RESPONSE:
                self._ask(self._maybe_at, carries_on=False)
            if new_bytes > SMALL_PACKET:
                self._answer(at)
            elif self.state is State.ASKED:
                self._small += new_bytes
                if self._small > SMALL_PACKETS_TOGETHER:
                    self._answer(at)
        self._count_received(new_bytes, at)
        return told
