"""Exchanges of TLS over TCP, from record headers and sizes. The rules stand at the head of meter.py."""

from __future__ import annotations

from collections.abc import Iterable
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

TLS12_EXTRA: Final = 7
"""Bytes by which a TLS 1.2 AES-GCM record is longer than a TLS 1.3 record of the same content."""
WINDOW_UPDATES: Final = frozenset({35, 48, 70, 83, 96, 105})
WINDOW_UPDATES_TLS12: Final = frozenset({42, 55, 84, 97, 110, 126})
REQUEST_RECORD: Final = 44
CONTROL_RECORDS: Final = frozenset({46, 47, 51, 52})
CONTROL_RECORDS_PADDED: Final = frozenset({50, 59})
SHORT_REQUESTS: Final = frozenset({32, 33, 36, 37, 38, 40, 41})
FULL_RECORD: Final = 16384
BODY_RECORD: Final = 2000
FINISHED: Final = frozenset({53, 69, 85})
FINISHED_PADDED: Final = 85
PREFACE: Final = 50
PREFACE_TLS12: Final = 57
SETTINGS: Final = 55
CERTIFICATE_VERIFY: Final = (86, 560)
RECORD_OVERHEAD: Final = 22
WINDOW_UPDATE: Final = 13
MOST_UPDATES: Final = 700
ALL_TICKETS: Final = 400
CERTIFICATES_IN_TICKETS: Final = 3000
TICKETS_AND_SETTINGS: Final = 300
SERVER_PREFACE: Final = 150
TICKETS_WITHIN_S: Final = 0.05
SURELY_AFTER_TICKETS: Final = 200


class Phase(IntEnum):
    """How far the client's side of a TLS connection is."""

    HANDSHAKE = 0
    CERTIFICATE = 1
    OPEN = 2


class TlsMeter(Meter):
    """Exchanges of TLS over TCP. `midstream`: the connection's beginning was not seen."""

    __slots__ = (
        "_first_length",
        "_heard",
        "_http2",
        "_inside_record",
        "_last_length",
        "_longest",
        "_maybe_at",
        "_only_updates",
        "_padded",
        "_phase",
        "_request_at",
        "_saw_ccs",
        "_small",
        "_small_packet",
        "_special",
        "_surely",
        "_tickets",
        "_tls12",
        "_window_updates",
    )

    def __init__(self, *, midstream: bool = False) -> None:
        super().__init__()
        self._phase = Phase.OPEN if midstream else Phase.HANDSHAKE
        self._special = 0 if midstream else PREFACE
        """Length of the smallest preface record while the next record may be one, else 0."""
        self._http2 = True
        self._saw_ccs = self._tls12 = self._padded = False
        self._inside_record = False
        self._only_updates = False
        """Whether the server has sent nothing but what may be window updates since the last request record."""
        self._first_length = self._last_length = self._longest = 0
        """Of the present request's records."""
        self._heard = SURELY_A_RESPONSE if midstream else 0
        self._small = 0
        self._small_packet = SMALL_PACKET
        self._window_updates = WINDOW_UPDATES
        self._tickets = TICKETS
        self._surely = SURELY_A_RESPONSE
        self._maybe_at = self._request_at = 0.0

    def without_http2(self) -> None:
        """The client's hello does not offer HTTP/2."""
        self._http2 = False
        self._special = 0
        self._window_updates = frozenset()

    def sent(
        self, new_bytes: int, at: float, records: Iterable[tuple[int, int]] = (), *, inside_record: bool = False
    ) -> Exchange | None:
        """A client packet that brought `new_bytes`; `records` are (type, length) of the records that start in it."""
        told = self.quiet(at) if at - self._last_at > EXCHANGE_SILENCE_S else None
        if at - self._last_at > TICKETS_WITHIN_S and self.state is State.ANSWERING:
            self._only_updates = False
        for kind, length in records:
            if self._requests(kind, length, at):
                carries_on = self._carries_on(length, at)
                if self.state is not State.ASKED and not carries_on:
                    self._first_length = self._longest = length
                told = self._ask(at, carries_on=carries_on) or told
                self._last_length = length
                self._longest = max(self._longest, length)
                self._only_updates = True
                self._request_at = at
                self._small = 0
        self._inside_record = inside_record
        self._count_sent(new_bytes, at)
        return told

    def received(self, new_bytes: int, at: float) -> Exchange | None:
        """A server packet that brought `new_bytes`."""
        told = self.quiet(at) if at - self._last_at > EXCHANGE_SILENCE_S else None
        if self._phase is Phase.HANDSHAKE:
            self._heard = 1
        else:
            self._heard += new_bytes
            if self._only_updates and new_bytes > self._small_packet and not self._may_be_updates(new_bytes):
                self._only_updates = False
            if self.state is State.IDLE and self._maybe_at and self._heard > self._surely:
                self._ask(self._maybe_at, carries_on=False)
            window_updates = self.state is State.ASKED and new_bytes in self._window_updates
            if self.state is not State.ANSWERING and not self._inside_record and not window_updates:
                if new_bytes > self._small_packet:
                    self._answer(at)
                elif self.state is State.ASKED:
                    self._small += new_bytes
                    if self._small > SMALL_PACKETS_TOGETHER:
                        self._answer(at)
        self._count_received(new_bytes, at)
        return told

    def _requests(self, kind: int, length: int, at: float) -> bool:
        if self._phase is Phase.OPEN:
            if kind != 23:
                return False
            special, self._special = self._special, 0
            if special and self.state is State.IDLE and _is_preface(length - special):
                self._maybe_at = at
                if self._all_tickets_have_come():
                    self._surely = self._heard + SURELY_AFTER_TICKETS
                return False
            return self._long_enough(length)
        if kind == 20:
            self._saw_ccs = True
        elif kind == 22:
            if self._saw_ccs and length < 112:
                self._phase, self._heard = Phase.OPEN, 0
                self._tls12, self._small_packet = True, SMALL_PACKET + TLS12_EXTRA
                if self._http2:
                    self._special, self._window_updates = PREFACE_TLS12, WINDOW_UPDATES_TLS12
        elif kind == 23:
            return self._encrypted(length, at)
        return False

    def _carries_on(self, length: int, at: float) -> bool:
        """C2: whether what looks like a response is none, when a request record of this length comes."""
        if self.exchanges == 0:
            come = self._all_tickets_have_come()
            if self._http2:
                self._tickets = (self._heard if come else self._tickets) + SERVER_PREFACE
            elif come:
                self._tickets = 0
        if self.state is not State.ANSWERING:
            return False
        full = self._last_length >= FULL_RECORD
        if self._http2 and self._only_updates and self._longest >= BODY_RECORD and (full or length >= BODY_RECORD):
            return True
        if self.exchanges != 1:
            return False
        if not full and (self._longest >= FULL_RECORD or length in (self._first_length, self._last_length)):
            return False
        early = self._tickets + TICKETS_AND_SETTINGS if full and self._tickets else self._tickets
        return self._heard <= early and at - self._request_at <= TICKETS_WITHIN_S

    def _all_tickets_have_come(self) -> bool:
        if self._tls12:
            return self._heard > 0
        return self._heard >= ALL_TICKETS and self._tickets == TICKETS

    def _may_be_updates(self, new_bytes: int) -> bool:
        """Whether a server packet can be one to three records of window updates and nothing else."""
        overhead = RECORD_OVERHEAD + (TLS12_EXTRA if self._tls12 else 0)
        return new_bytes <= MOST_UPDATES and any(
            new_bytes >= count * (overhead + WINDOW_UPDATE) and (new_bytes - count * overhead) % WINDOW_UPDATE == 0
            for count in (1, 2, 3)
        )

    def _long_enough(self, length: int) -> bool:
        if self._tls12:
            length -= TLS12_EXTRA
        if length in SHORT_REQUESTS:
            return self._http2 and self.state > State.ASKED and not self._padded
        if self._padded and length in CONTROL_RECORDS_PADDED:
            return False
        return length >= REQUEST_RECORD and length not in CONTROL_RECORDS

    def _encrypted(self, length: int, at: float) -> bool:
        """A type 23 record of TLS 1.3 before the client's handshake is known to be finished."""
        if self._phase is Phase.HANDSHAKE and not self._heard:
            return self._long_enough(length)
        if length in FINISHED:
            self._phase, self._heard = Phase.OPEN, 0
            self._padded = length == FINISHED_PADDED
        elif self._phase is Phase.HANDSHAKE:
            if length != 21:
                self._phase, self._heard = Phase.CERTIFICATE, 0
                self._tickets = TICKETS + CERTIFICATES_IN_TICKETS
                self._surely += CERTIFICATES_IN_TICKETS
        elif CERTIFICATE_VERIFY[0] <= length <= CERTIFICATE_VERIFY[1] and not self._maybe_at:
            self._maybe_at = at
        else:
            self._phase = Phase.OPEN
            return self._long_enough(length)
        return False


def _is_preface(settings_bytes: int) -> bool:
    return 0 <= settings_bytes <= SETTINGS and settings_bytes % 6 in (0, 1)
