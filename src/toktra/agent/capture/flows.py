"""Packets become connections: every TCP connection and QUIC flow of a capture, with its name, bytes and exchanges.

Sans-I/O: packets come in as bytes; what was found goes out through the callbacks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final

from toktra.agent.capture.connection import Connection, QuicConnection, TcpConnection, likely_client, reverse
from toktra.agent.capture.encapsulation import MAX_DEPTH, inner_ip
from toktra.agent.capture.fragments import Fragments
from toktra.agent.capture.ip import Segment, read_ip
from toktra.agent.capture.meter import Form
from toktra.agent.capture.observed import Exchange
from toktra.agent.capture.quic import MIN_INITIAL_DATAGRAM, VERSIONS, early_type, is_initial, opens_connection
from toktra.agent.capture.tcp import Covered

LINGER_S: Final = 120.0
"""How long a closed connection is remembered, so that late retransmissions are not taken for a new one."""
QUIC_PORT: Final = 443

TCP: Final = 6
UDP: Final = 17
FIN: Final = 1
SYN: Final = 2
RST: Final = 4
ACK: Final = 16
_MASK: Final = 0xFFFFFFFF

_numbers = Struct(">II").unpack_from


class _Side:
    """One direction of a TCP connection."""

    __slots__ = ("connection", "covered", "finished", "is_client")

    def __init__(self, connection: TcpConnection, *, is_client: bool) -> None:
        self.connection = connection
        self.is_client = is_client
        self.covered: Covered | None = None
        self.finished = False


class Flows:
    """Follows the connections of a capture.

    `ports`: None looks at every port and at connections first seen in their middle; otherwise only connections that
    start, inside the capture, to one of these ports are followed.
    `wanted(connection)` is asked once the connection's start was understood; False forgets the connection at once.
    `on_exchange(connection, exchange)` and `on_end(connection)` get what was found.
    """

    def __init__(
        self,
        *,
        ports: frozenset[int] | None,
        wanted: Callable[[Connection], bool],
        on_exchange: Callable[[Connection, Exchange], None],
        on_end: Callable[[Connection], None],
    ) -> None:
        self._ports = ports
        self._wanted = wanted
        self._on_exchange = on_exchange
        self._on_end = on_end
        self._tcp: dict[bytes, _Side] = {}
        self._udp: dict[bytes, QuicConnection | None] = {}
        self._fragments = Fragments()
        self._closing: deque[tuple[float, TcpConnection]] = deque()

    def packet(self, at: float, data: bytes, ip: int, wire_bytes: int, depth: int = 0) -> None:
        """A frame whose IP header starts at `ip`, inside `depth` tunnels. A frame too short to tell is passed over."""
        try:
            if data[ip] == 0x45 and not (data[ip + 6] & 0x3F or data[ip + 7]):  # nearly every packet
                protocol = data[ip + 9]
                key = data[ip + 12 : ip + 24]
                place = ip + 20
                length = (data[ip + 2] << 8 | data[ip + 3] or wire_bytes - ip) - 20
            else:
                parts = self._fragments.take(data, ip, wire_bytes)
                if parts is not None:
                    for frame, segment in parts:
                        self._carried(at, frame, segment, wire_bytes, depth)
                    return
                whole = read_ip(data, ip, wire_bytes)
                if whole is not None:
                    self._carried(at, data, whole, wire_bytes, depth)
                return
            if protocol == TCP:
                self._segment(at, data, place, length, key)
            elif protocol != UDP or not self._datagram(at, data, place, length, key):
                self._inside(at, data, inner_ip(data, protocol, place), wire_bytes, depth)
        except IndexError:
            return

    def _carried(self, at: float, data: bytes, segment: Segment, wire_bytes: int, depth: int) -> None:
        protocol, key, place, length = segment
        if protocol == TCP:
            self._segment(at, data, place, length, key)
        elif protocol != UDP or not self._datagram(at, data, place, length, key):
            self._inside(at, data, inner_ip(data, protocol, place), wire_bytes, depth)

    def _inside(self, at: float, data: bytes, ip: int, wire_bytes: int, depth: int) -> None:
        """What a tunnel's packet carries; -1: it is none."""
        if ip >= 0 and depth < MAX_DEPTH:
            self.packet(at, data, ip, wire_bytes, depth + 1)

    def finish(self) -> None:
        """The capture is over, and every connection ends."""
        for side in list(self._tcp.values()):
            if side.is_client:
                self._end(side.connection)
        for key, connection in self._udp.items():
            if connection is not None and key == connection.client_key:
                self._end(connection)
        self._tcp.clear()
        self._udp.clear()

    def _end(self, connection: Connection) -> None:
        exchange = connection.meter.close()
        if exchange is not None:
            self._on_exchange(connection, exchange)
        self._on_end(connection)

    # TCP

    def _segment(self, at: float, data: bytes, place: int, length: int, key: bytes) -> None:
        flags = data[place + 13]
        side = self._tcp.get(key)
        payload = length - (data[place + 12] >> 4 << 2)
        if flags & SYN:
            side = self._syn(at, data, place, key, side)
        elif side is None and self._ports is None and payload > 0 and not flags & RST:
            side = self._open(key, is_client=likely_client(key), midstream=True)
        if side is None:
            return
        if payload > 0 and not flags & RST:
            self._payload(side, at, data, place, payload)
        if flags & (FIN | RST):
            self._finished(side, at, reset=bool(flags & RST))

    def _payload(self, side: _Side, at: float, data: bytes, place: int, payload: int) -> None:
        sequence, _ = _numbers(data, place + 4)
        if data[place + 13] & SYN:
            sequence = sequence + 1 & _MASK
        connection = side.connection
        covered = side.covered
        if covered is None:
            covered = side.covered = Covered(sequence, from_beginning=False)
            if side.is_client:
                connection.start(sequence)
        start = covered.end
        if start & _MASK == sequence:
            covered.end += payload
            new = payload
        else:
            start = covered.place(sequence)
            new = covered.add(start, start + payload)
            if not new:
                return
        if not side.is_client:
            exchange = connection.meter.received(new, at)
        else:
            begin = place + (data[place + 12] >> 4 << 2)
            unanswered = connection.answer is None
            exchange = connection.sent(new, at, start, data[begin : begin + payload], payload)
            if unanswered and connection.answer is not None and not self._wanted(connection):
                self._forget(connection)
                return
        if exchange is not None:
            self._on_exchange(connection, exchange)

    def _syn(self, at: float, data: bytes, place: int, key: bytes, side: _Side | None) -> _Side | None:
        """The side of a SYN or SYN+ACK: of a new connection, or of one that is known and asks again."""
        number, acknowledged = _numbers(data, place + 4)
        first = number + 1 & _MASK
        answers = data[place + 13] & ACK
        if side is not None and not answers and side.covered is not None and side.covered.floor != first:
            self._forget(side.connection)  # the port pair is used again
            self._end(side.connection)
            side = None
        if side is None:
            self._expire(at)
            side = self._open(key, is_client=not answers, midstream=False)
            if side is None:
                return None
        if side.covered is None:
            self._begin(side, first)
        if answers and not side.is_client:
            client = self._tcp[side.connection.client_key]
            if client.covered is None:
                self._begin(client, acknowledged)
        return side

    @staticmethod
    def _begin(side: _Side, first: int) -> None:
        side.covered = Covered(first, from_beginning=True)
        if side.is_client:
            side.connection.start(first)

    def _open(self, key: bytes, *, is_client: bool, midstream: bool) -> _Side | None:
        client_key = key if is_client else reverse(key)
        if self._ports is not None and int.from_bytes(client_key[-2:], "big") not in self._ports:
            return None
        connection = TcpConnection(client_key, midstream=midstream)
        client = self._tcp[client_key] = _Side(connection, is_client=True)
        server = self._tcp[connection.server_key] = _Side(connection, is_client=False)
        return client if is_client else server

    def _forget(self, connection: TcpConnection) -> None:
        del self._tcp[connection.client_key], self._tcp[connection.server_key]

    def _finished(self, side: _Side, at: float, *, reset: bool) -> None:
        connection = side.connection
        side.finished = True
        other = self._tcp.get(connection.server_key if side.is_client else connection.client_key)
        if not connection.closed and (reset or other is None or other.finished):
            connection.closed = True
            self._closing.append((at, connection))

    def _expire(self, at: float) -> None:
        """Lets go of connections that closed long ago; asked when a new one opens, as only then there are more."""
        while self._closing and self._closing[0][0] + LINGER_S < at:
            connection = self._closing.popleft()[1]
            side = self._tcp.get(connection.client_key)
            if side is not None and side.connection is connection:
                self._forget(connection)
                self._end(connection)

    # QUIC

    def _datagram(self, at: float, data: bytes, place: int, length: int, key: bytes) -> bool:
        """Whether it is QUIC's."""
        begin = place + 8
        payload = (data[place + 4] << 8 | data[place + 5] or length) - 8
        if payload <= 0:
            return True
        connection = self._udp.get(key)
        if connection is None:
            if key in self._udp:
                return True
            connection = self._open_quic(data, begin, payload, key)
            if connection is None:
                return False
        form = _form(data, begin)
        if key != connection.client_key:
            if form is Form.LONG:
                connection.heard(data[begin : begin + payload])
            exchange = connection.meter.received(payload, at, form)
        else:
            if form is Form.LONG:
                datagram = data[begin : begin + payload]
                if connection.is_over(datagram):
                    self._end(connection)
                    connection = self._begin_quic(key, midstream=False)
                answered = connection.read(datagram)
                if answered and not self._wanted(connection):
                    self._udp[connection.client_key] = self._udp[connection.server_key] = None
                    return True
            exchange = connection.meter.sent(payload, at, form)
        if exchange is not None:
            self._on_exchange(connection, exchange)
        return True

    def _open_quic(self, data: bytes, begin: int, payload: int, key: bytes) -> QuicConnection | None:
        first = data[begin]
        if first & 0xC0 == 0xC0:
            datagram = data[begin : begin + payload]
            known = datagram[1:5] in VERSIONS
            if data[begin + 5] > 20 or not (known or payload >= MIN_INITIAL_DATAGRAM):
                return None
            midstream = known and not is_initial(datagram) and _form(data, begin) is not Form.EARLY
            from_service = int.from_bytes(key[-4:-2], "big") == QUIC_PORT
            is_client = not from_service and (likely_client(key) or not known or opens_connection(datagram))
        elif self._ports is None and first & 0xC0 == 0x40 and QUIC_PORT in _ports_of(key):
            midstream = True
            is_client = likely_client(key)
        else:
            return None
        client_key = key if is_client else reverse(key)
        if self._ports is not None and (not is_client or int.from_bytes(key[-2:], "big") not in self._ports):
            return None
        return self._begin_quic(client_key, midstream=midstream)

    def _begin_quic(self, client_key: bytes, *, midstream: bool) -> QuicConnection:
        connection = QuicConnection(client_key, midstream=midstream)
        self._udp[client_key] = self._udp[connection.server_key] = connection
        return connection


def _ports_of(key: bytes) -> tuple[int, int]:
    return int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big")


def _form(data: bytes, begin: int) -> Form:
    """The form of a datagram's first packet; a first byte that was not captured counts as a short header."""
    if begin >= len(data) or not data[begin] & 0x80:
        return Form.SHORT
    return Form.EARLY if data[begin] & 0x30 == early_type(data[begin + 1 : begin + 5]) else Form.LONG
