"""IP fragments (RFC 791 3.2, RFC 8200 4.5): later ones of a TCP packet become segments of their own.

Nothing waits for a whole packet: the sequence number of the first fragment places the others, so what a capture holds
of a packet is counted, as it would be without fragments. A later fragment of UDP is passed over: the first one's
header tells the length of all, and QUIC is never fragmented (RFC 9000 14).
"""

from __future__ import annotations

from collections import OrderedDict
from struct import Struct
from typing import Final, NamedTuple

from toktra.agent.capture.ip import EXTENSIONS, FRAGMENT, Segment, extension_bytes, read_ip

MAX_PACKETS: Final = 256
"""Fragmented packets remembered at once; the one heard of first is forgotten first."""
MAX_EARLY: Final = 16
"""Later fragments kept per packet until its first one comes."""

_TCP: Final = 6
_MASK: Final = 0xFFFFFFFF
_sequence = Struct(">I").unpack_from
_header = Struct(">4sIIBBHHH").pack


class _Fragment(NamedTuple):
    packet: bytes
    """Addresses and identification: what all fragments of a packet share."""
    protocol: int
    offset: int
    place: int
    length: int


class _Packet:
    __slots__ = ("early", "key", "ports", "sequence")

    def __init__(self) -> None:
        self.early: list[tuple[int, bytes, int]] = []
        self.key = b""
        self.ports = b""
        self.sequence = 0
        """Of the byte at offset 0 of the IP payload, where the TCP header stands."""


class Fragments:
    """Takes fragments in any order; gives segments as (frame, where and what is in it)."""

    __slots__ = ("_packets",)

    def __init__(self) -> None:
        self._packets: OrderedDict[bytes, _Packet] = OrderedDict()

    def take(self, data: bytes, ip: int, wire_bytes: int) -> list[tuple[bytes, Segment]] | None:
        """What the fragment at `ip` makes known; None when the packet there is no fragment.

        Raises IndexError when the frame is too short.
        """
        fragment = _read(data, ip, wire_bytes)
        if fragment is None:
            return None
        if fragment.protocol != _TCP:
            first = read_ip(data, ip, wire_bytes)
            return [(data, first)] if first else []
        packet = self._packets.setdefault(fragment.packet, _Packet())
        if len(self._packets) > MAX_PACKETS:
            self._packets.popitem(last=False)
        _, _, offset, place, length = fragment
        if not offset:
            return self._first(packet, data, Segment(_TCP, _key(data, ip, place), place, length))
        part = offset, data[place : place + length], length
        if packet.key:
            return [_segment(packet, *part)]
        if len(packet.early) < MAX_EARLY:
            packet.early.append(part)
        return []

    @staticmethod
    def _first(packet: _Packet, data: bytes, first: Segment) -> list[tuple[bytes, Segment]]:
        place = first.place
        header_bytes = data[place + 12] >> 4 << 2
        syn = data[place + 13] >> 1 & 1
        packet.ports, packet.key = data[place : place + 4], first.key
        packet.sequence = _sequence(data, place + 4)[0] + syn - header_bytes
        early, packet.early = packet.early, []
        return [(data, first), *(_segment(packet, *part) for part in early)]


def _segment(packet: _Packet, offset: int, payload: bytes, length: int) -> tuple[bytes, Segment]:
    """A later fragment behind a TCP header of its own."""
    header = _header(packet.ports, packet.sequence + offset & _MASK, 0, 5 << 4, 0x10, 0, 0, 0)
    return header + payload, Segment(_TCP, packet.key, 0, len(header) + length)


def _key(data: bytes, ip: int, place: int) -> bytes:
    addresses = data[ip + 12 : ip + 20] if data[ip] >> 4 == 4 else data[ip + 8 : ip + 40]
    return addresses + data[place : place + 4]


def _read(data: bytes, ip: int, wire_bytes: int) -> _Fragment | None:
    version = data[ip] >> 4
    if version == 4:
        offset = (data[ip + 6] & 0x1F) << 11 | data[ip + 7] << 3
        if not offset and not data[ip + 6] & 0x20:
            return None
        header = (data[ip] & 15) << 2
        length = (data[ip + 2] << 8 | data[ip + 3] or wire_bytes - ip) - header
        packet = data[ip + 12 : ip + 20] + data[ip + 4 : ip + 6]
        return _Fragment(packet, data[ip + 9], offset, ip + header, length)
    if version != 6:
        return None
    protocol, place = data[ip + 6], ip + 40
    while protocol in EXTENSIONS:
        if protocol == FRAGMENT:
            offset = data[place + 2] << 8 | data[place + 3] & 0xF8
            if not offset and not data[place + 3] & 1:
                return None
            length = (data[ip + 4] << 8 | data[ip + 5]) + ip + 40 - place - 8
            packet = data[ip + 8 : ip + 40] + data[place + 4 : place + 8]
            return _Fragment(packet, data[place], offset, place + 8, length)
        size = extension_bytes(data, place, protocol)
        protocol = data[place]
        place += size
    return None
