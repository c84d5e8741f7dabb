"""One TCP connection or QUIC flow of a capture, and its two ends."""

from __future__ import annotations

from enum import Enum
from ipaddress import ip_address

from toktra.agent.capture.meter import Meter, PlainMeter, QuicMeter, TlsMeter
from toktra.agent.capture.names import Hello, QuicReader, Refusal
from toktra.agent.capture.observed import Exchange
from toktra.agent.capture.quic import connection_ids, opens_connection, starts_over
from toktra.agent.capture.tcp import ClientStream
from toktra.agent.capture.upgrade import is_plain_http


class Transport(Enum):
    """What carries a connection."""

    TCP = "tcp"
    QUIC = "quic"


class Connection:
    """What both kinds have in common. A key is source and destination address, source and destination port."""

    __slots__ = ("answer", "client_key", "midstream", "server_key")
    transport: Transport
    meter: Meter

    def __init__(self, client_key: bytes, *, midstream: bool) -> None:
        self.client_key = client_key
        self.midstream = midstream
        self.server_key = reverse(client_key)
        self.answer: Hello | Refusal | None = None
        """What the start of the connection turned out to be; None while, or when, it cannot be known."""

    @property
    def host(self) -> str | None:
        """The host its hello names."""
        return self.answer.host if isinstance(self.answer, Hello) else None

    @property
    def client(self) -> str:
        """The client's "ip:port", IPv6 as "[ip]:port"."""
        return _end(self.client_key, 0)

    @property
    def server(self) -> str:
        """The server's "ip:port", IPv6 as "[ip]:port"."""
        return _end(self.client_key, 1)


class TcpConnection(Connection):
    """A TCP connection. `midstream`: its beginning was not seen."""

    __slots__ = ("closed", "meter", "stream")
    transport = Transport.TCP
    meter: TlsMeter | PlainMeter

    def __init__(self, client_key: bytes, *, midstream: bool) -> None:
        super().__init__(client_key, midstream=midstream)
        self.closed = False
        self.meter = TlsMeter(midstream=midstream)
        self.stream: ClientStream | None = None
        """The client's bytes in order, while they are needed."""

    def start(self, first: int) -> None:
        """The client's stream starts at this sequence number."""
        self.stream = ClientStream(first, midstream=self.midstream)

    def sent(self, new_bytes: int, at: float, start: int, captured: bytes, payload_bytes: int) -> Exchange | None:
        """A client segment at sequence number `start`, of which `new_bytes` were not seen before."""
        meter, stream = self.meter, self.stream
        if isinstance(meter, PlainMeter):
            return meter.sent(new_bytes, at)
        if stream is None:
            return meter.sent(new_bytes, at)
        if not meter.sent_bytes and not self.midstream and is_plain_http(captured):
            self.stream, self.answer = None, Refusal.NOT_TLS
            self.meter = plain = PlainMeter(meter)
            return plain.sent(new_bytes, at)
        records = stream.take(start, captured, payload_bytes)
        if self.answer is None and stream.answer is not None:
            self.answer = stream.answer
            if isinstance(self.answer, Hello) and not self.answer.offers_http2:
                meter.without_http2()
            if isinstance(self.answer, Refusal) and self.answer is not Refusal.CUT:
                self.stream = None
                return meter.sent(new_bytes, at)
        return meter.sent(new_bytes, at, records, inside_record=stream.inside_record)


class QuicConnection(Connection):
    """A QUIC flow. `midstream`: its beginning was not seen."""

    __slots__ = ("_ids", "_starts_over", "meter", "reader")
    transport = Transport.QUIC
    meter: QuicMeter

    def __init__(self, client_key: bytes, *, midstream: bool) -> None:
        super().__init__(client_key, midstream=midstream)
        self.meter = QuicMeter(midstream=midstream)
        self.reader: QuicReader | None = QuicReader()
        """Until the hello is known."""
        self._ids: set[bytes] = set()
        """Ids the client calls the server by in long headers: its own first choice, and the server's."""
        self._starts_over = False

    def read(self, datagram: bytes) -> bool:
        """Takes a client's datagram to look for the hello; True when that gave the answer."""
        if self.reader is None:
            return False
        self._ids.add(connection_ids(datagram)[0])
        self.answer = self.reader.feed(datagram)
        if self.answer is None:
            return False
        self.reader = None
        return True

    def heard(self, datagram: bytes) -> None:
        """Takes a server's datagram that starts with a long header."""
        self._starts_over = self._starts_over or starts_over(datagram)
        self._ids.add(connection_ids(datagram)[1])

    def is_over(self, datagram: bytes) -> bool:
        """Whether a client's datagram with a long header begins another connection from the same port.

        It does when it is sealed as only a first one is, under an id not heard of, and the server did not ask for it.
        """
        if self.reader is not None or connection_ids(datagram)[0] in self._ids or not opens_connection(datagram):
            return False
        if self._starts_over:
            self._ids.add(connection_ids(datagram)[0])
            self._starts_over = False
            return False
        return True


def reverse(key: bytes) -> bytes:
    """The key of the other direction."""
    size = (len(key) - 4) // 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]


def likely_client(key: bytes) -> bool:
    """Whether the sender is the client, when nothing but the ports can tell: services have the lower ones."""
    return key[-4:-2] > key[-2:]


def _end(key: bytes, place: int) -> str:
    size = (len(key) - 4) // 2
    address = ip_address(key[place * size : (place + 1) * size])
    port = int.from_bytes(key[2 * size + 2 * place : 2 * size + 2 * place + 2], "big")
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
