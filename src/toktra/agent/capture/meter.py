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
      then hold the certificate), 150 more if HTTP/2 was offered. When all tickets had come before the first request: at
      most 150 bytes since then, and only if HTTP/2 was offered. When the last request record was full (>= 16,384): 300
      bytes more. When it was not, never after a full one, which then was followed by the request's end; nor when the
      present record is as long as the first or the last of the request, which it then repeats.
    - Window updates in other sizes than above, if HTTP/2 was offered and a record of the request had 2,000 bytes or
      more: every server packet since the last request record was of at most 60 (67) bytes, or of 22r+13n (29r+13n),
      1 <= r <= 3, n >= r, up to 700 bytes; no packet of the client came more than 0.05 s after them; and the last
      request record was full, or this one has 2,000 bytes.
    QUIC: at most 700 bytes from the server since the last request datagram, and that one was full (>= 1,150 bytes).

NOT TELLABLE from sizes, and known to be wrong: a repeated HTTP/2 request without a body of any other length under 44,
as when all its headers come from the HPACK table, joins the exchange before it; so does a first HTTP/1 request of the
length of a preface from a client that offered HTTP/2 too, when its response is under 1,000 bytes; and an upload over
HTTP/2 right after another one whose response was of the size of window updates. Overlapping HTTP/2 and HTTP/3 requests
are told as fewer or more exchanges.
"""

from __future__ import annotations

from toktra.agent.capture.observed import EXCHANGE_SILENCE_S, Exchange
from toktra.agent.capture.quic_meter import Form, QuicMeter
from toktra.agent.capture.tls_meter import Phase, TlsMeter
from toktra.agent.capture.turns import Meter, State

__all__ = ["Form", "Meter", "Phase", "PlainMeter", "QuicMeter", "State", "TlsMeter"]


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
