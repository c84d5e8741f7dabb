"""Where one exchange ends and the next begins, told from sizes and turns alone; no byte of content is looked at.

These rules are written so that the kernel program can follow them too. All state is O(1) per connection.

WHAT IS SEEN. Each data packet once it brought payload bytes never seen before (retransmissions are not seen at all):
direction, number of new bytes, time. For TLS over TCP also the 5-byte record headers that the client's packet holds
(type and length of each record that *starts* in it), whether the client's last packet stopped inside a record, and
whether the ClientHello offers HTTP/2. For QUIC also the form of the datagram's first packet: long header, 0-RTT, or
short header.

COUNTS. Four cumulative numbers per connection: bytes sent and received, segments out and in. An exchange is the
difference between the numbers at two boundaries. A boundary lies just before the packet that causes it.

STATES (phase of the exchange)
    IDLE       nothing asked yet: the handshake. All of it belongs to the first exchange.
    ASKED      a request was seen, no response yet.
    ANSWERING  the response began; the request is frozen: request bytes = sent so far; what is sent later is control.
    TOLD       the exchange was reported after a silence; the rest of the connection is quiet so far.
    RESUMED    response bytes came after TOLD without a new request: the rest, `continued`.

EVERY PACKET, BEFORE IT IS COUNTED
    S1  In ANSWERING or RESUMED, when more than 3 s passed since the last counted packet of either direction:
        report the exchange; go to TOLD. (A timer that finds the same does the same.)
A CLIENT PACKET that is a request (see below), before it is counted
    C1  ANSWERING or RESUMED: report the exchange (unless C2); then ASKED.
    C2  ANSWERING, and the packet carries on the request it seemed to have finished (see "carries on"):
        unfreeze; ASKED; nothing is reported.
    C3  IDLE or TOLD: ASKED. What was counted since the last boundary belongs to the new exchange.
A SERVER PACKET that is a response (see below), before it is counted
    R1  ASKED: freeze the request; ANSWERING.
    R2  TOLD: RESUMED.
CLOSE. ASKED, ANSWERING, RESUMED: report. TOLD with anything counted since: report as `continued`. IDLE: no exchange.
Every other packet is only counted. So bytes are conserved: the exchanges of a connection add up to the connection.

RESPONSE (TLS and QUIC): a server packet of more than 60 bytes (67 in TLS 1.2); or, in ASKED, a smaller one that brings
the small packets since the last request packet to more than 75 bytes. (Smaller: SETTINGS ack, PING, 100 Continue.)
Never a response:
    - in ASKED over TLS that may be HTTP/2, a packet of 35, 48, 70, 83, 96 or 105 bytes, plus 7 for each of its records
      in TLS 1.2 (42, 55, 84, 97, 110, 126): window updates, which come by the dozen while a long request is sent;
    - before the client's handshake is finished (TLS: phases below; QUIC: a datagram with a long header);
    - TLS: while the client's last packet stopped inside a record: its request is still being sent.

REQUEST, TLS. The client's records are followed through three phases:
    HANDSHAKE   Type 20: remember it. Type 22, shorter than 112, after a type 20: TLS 1.2 Finished: to OPEN.
                Type 23 before any server byte: early data; a request when it is long enough (below).
                Type 23 after server bytes (TLS 1.3): length 53, 69 or 85 is Finished: to OPEN; a client with 85 pads
                every record by 16 bytes (Java). Length 21 ends early data. Any other length is a client certificate: to
                CERTIFICATE.
    CERTIFICATE Length 53, 69 or 85: to OPEN. The first other record of length 86-560 may be CertificateVerify: "maybe"
                (below). Any other: to OPEN, and a request when it is long enough.
    OPEN        Type 23 and long enough: a request.
                But the first type 23 of OPEN, when nothing was asked yet, HTTP/2 was offered, and its length is that of
                an HTTP/2 preface with its SETTINGS (up to 7 of them, with or without a window update: TLS 1.3: 50+6n or
                63+6n, TLS 1.2: 57+6n or 70+6n; that is 0 <= length-50 (or -57) <= 55 and the rest of a division by 6 is
                0 or 1), is "maybe".
    A connection first seen in its middle starts in OPEN, and its first record is not special.
    Long enough: >= 44 and none of 46, 47, 51, 52; from a client that pads, neither of 50 and 59; all of them 7 more in
    TLS 1.2 (OPEN entered by a type 22). That leaves out SETTINGS acks, window updates, PING, PRIORITY, RST_STREAM,
    GOAWAY (9, 13, 17 bytes, alone or together) and close_notify. And if HTTP/2 was offered, a request was answered
    before, and the client does not pad: 32, 33, 36, 37, 38, 40, 41, which is a request without a body whose headers the
    server mostly knows, and nothing of the above.
REQUEST, QUIC. Datagrams with a short header, or starting with 0-RTT:
    more than 64 bytes: a request. Smaller: acks, flow control, PING, close. While nothing was asked yet: more than 120
    bytes, and 65-120 (HTTP/3 SETTINGS) is "maybe". A client datagram with a long header after any server byte is
    "maybe" too (the request may share the datagram of Finished).
    A short-header datagram of <= 1,500 bytes, larger than every earlier one of the client, is a path-MTU probe: only
    counted.
MAYBE. Remember the time of the latest one. When still IDLE and more than 1,000 bytes came from the server since the
client's handshake finished (TLS; 4,000 when CERTIFICATE was passed; 200 after the "maybe" when all tickets had come by
then) or in short-header datagrams (QUIC): it was a request. ASKED as of that time, then look whether this server packet
is a response.
ALL TICKETS HAVE COME: TLS 1.2, when the server spoke since Finished; else 400 bytes from the server since the
handshake finished, when CERTIFICATE was not passed.

CARRIES ON (C2). The response so far is no response. In TLS:
    - Session tickets and the server's SETTINGS: in the first exchange only, at most 0.05 s after the last request
      record; at most 700 bytes from the server since the handshake finished (3,700 when CERTIFICATE was passed: tickets
      then hold the certificate). When all tickets had come before the first request: at most 150 bytes since then, and
      only if HTTP/2 was offered. When the last request record was full (>= 16,384): 300 bytes more. When it was not,
      never after a full one, which then was followed by the request's end; nor when the present record is as long as
      the first or the last of the request, which it then repeats.
    - Window updates in other sizes than above, if HTTP/2 was offered and a record of the request had 2,000 bytes or
      more: every server packet since the last request record was of at most 60 (67) bytes, or of 22r+13n (29r+13n),
      1 <= r <= 3, n >= r, up to 700 bytes; and the last request record was full, or this one has 2,000 bytes.
    QUIC: at most 700 bytes from the server since the last request datagram, and that one was full (>= 1,150 bytes).

NOT TELLABLE from sizes, and known to be wrong: a repeated HTTP/2 request without a body of any other length under 44,
as when all its headers come from the HPACK table, joins the exchange before it; so does a first HTTP/1 request of the
length of a preface from a client that offered HTTP/2 too, when its response is under 1,000 bytes; and an upload over
HTTP/2 right after another one whose response was of the size of window updates. Overlapping HTTP/2 and HTTP/3 requests
are told as fewer or more exchanges.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from toktra.agent.capture.observed import EXCHANGE_SILENCE_S, MSS_BYTES, Exchange

RULES_ARE_FINAL = True

SMALL_PACKET: Final = 60
TLS12_EXTRA: Final = 7
"""Bytes by which a TLS 1.2 AES-GCM record is longer than a TLS 1.3 record of the same content."""
WINDOW_UPDATES: Final = frozenset({35, 48, 70, 83, 96, 105})
WINDOW_UPDATES_TLS12: Final = frozenset({42, 55, 84, 97, 110, 126})
SMALL_PACKETS_TOGETHER: Final = 75
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
TICKETS: Final = 700
ALL_TICKETS: Final = 400
CERTIFICATES_IN_TICKETS: Final = 3000
TICKETS_AND_SETTINGS: Final = 300
SERVER_PREFACE: Final = 150
TICKETS_WITHIN_S: Final = 0.05
SURELY_A_RESPONSE: Final = 1000
SURELY_AFTER_TICKETS: Final = 200
REQUEST_DATAGRAM: Final = 64
FULL_DATAGRAM: Final = 1150
FIRST_REQUEST_DATAGRAM: Final = 120
LARGEST_PROBE: Final = 1500


class State(IntEnum):
    """Where a connection stands in its exchanges."""

    IDLE = 0
    ASKED = 1
    ANSWERING = 2
    TOLD = 3
    RESUMED = 4


class Phase(IntEnum):
    """How far the client's side of a TLS connection is."""

    HANDSHAKE = 0
    CERTIFICATE = 1
    OPEN = 2


class Form(IntEnum):
    """The first packet of a QUIC datagram."""

    LONG = 0
    EARLY = 1
    SHORT = 2


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
        )
        self._from_sent, self._from_received = self.sent_bytes, self.received_bytes
        self._from_segments_out, self._from_segments_in = self.segments_out, self.segments_in
        self.state = state
        return exchange


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
        if self.exchanges == 0 and self._all_tickets_have_come():
            self._tickets = self._heard + SERVER_PREFACE if self._http2 else 0
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


class PlainMeter(Meter):
    """Exchanges of plain HTTP/1 over TCP: whatever the client sends after a response is the next request.

    `before` is the meter that counted the connection until it was known to be plain.
    """

    __slots__ = ()

    def __init__(self, before: Meter) -> None:
        super().__init__()
        self.sent_bytes, self.received_bytes = before.sent_bytes, before.received_bytes
        self.segments_out, self.segments_in = before.segments_out, before.segments_in

    def sent(self, new_bytes: int, at: float) -> Exchange | None:
        """A client packet that brought `new_bytes`."""
        told = self.quiet(at) if at - self._last_at > EXCHANGE_SILENCE_S else None
        told = self._ask(at, carries_on=False) or told
        self._count_sent(new_bytes, at)
        return told

    def received(self, new_bytes: int, at: float) -> Exchange | None:
        """A server packet that brought `new_bytes`."""
        told = self.quiet(at) if at - self._last_at > EXCHANGE_SILENCE_S else None
        if new_bytes > 25:  # not a lone "HTTP/1.1 100 Continue"
            self._answer(at)
        self._count_received(new_bytes, at)
        return told
