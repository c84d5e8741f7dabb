"""IP headers that are not the plain 20 bytes of IPv4: options, IPv6, extension headers, fragments."""

from __future__ import annotations

from typing import Final, NamedTuple

FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
EXTENSIONS: Final = frozenset({0, 43, FRAGMENT, _AUTHENTICATION, 60, 135, 139, 140})
"""Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6 (IANA registry)."""


class Segment(NamedTuple):
    """What an IP packet carries."""

    protocol: int
    key: bytes
    """Source and destination address, source and destination port, as they stand in the headers."""
    place: int
    """Where the TCP or UDP header starts in the frame."""
    length: int
    """Bytes from there to the end of the packet, as the IP header says; the frame may hold fewer."""


def read_ip(data: bytes, ip: int, wire_bytes: int) -> Segment | None:
    """The TCP or UDP part of the IP packet at `ip`; None for later fragments and for what is not IP.

    A total length of 0 (segmentation offload of packets over 64 KiB) means: to the end of the frame.
    Raises IndexError when the frame is too short.
    """
    version = data[ip] >> 4
    if version == 4:
        if data[ip + 6] & 0x1F or data[ip + 7]:
            return None
        header = (data[ip] & 15) << 2
        total = data[ip + 2] << 8 | data[ip + 3] or wire_bytes - ip
        place = ip + header
        return Segment(data[ip + 9], data[ip + 12 : ip + 20] + data[place : place + 4], place, total - header)
    if version != 6:
        return None
    length = data[ip + 4] << 8 | data[ip + 5] or wire_bytes - ip - 40
    protocol = data[ip + 6]
    place = ip + 40
    while protocol in EXTENSIONS:
        if protocol == FRAGMENT and (data[place + 2] or data[place + 3] & 0xF8):
            return None
        size = extension_bytes(data, place, protocol)
        protocol = data[place]
        place += size
        length -= size
    return Segment(protocol, data[ip + 8 : ip + 40] + data[place : place + 4], place, length)


def extension_bytes(data: bytes, place: int, kind: int) -> int:
    """The length of the IPv6 extension header at `place`, which is of this kind."""
    if kind == FRAGMENT:
        return 8
    if kind == _AUTHENTICATION:
        return (data[place + 1] + 2) << 2
    return (data[place + 1] + 1) << 3
