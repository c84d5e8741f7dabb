"""Where the IP header starts in a frame, for each link layer that is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

IP_START = Callable[[bytes], int]
"""The place of the IP header in a frame; -1 when it carries no IP."""

ETHERNET_HEADER: Final = 14
_IP_TYPES: Final = (0x0800, 0x86DD)
_TAGS: Final = (0x8100, 0x88A8, 0x9100)
_PPPOE: Final = 0x8864
_MPLS: Final = (0x8847, 0x8848)
_SNAP: Final = b"\xaa\xaa\x03\0\0\0"
_LONGEST_802_3: Final = 1500
"""Below the EtherTypes: a length, with LLC behind it."""
_IP_FAMILIES: Final = frozenset({2, 10, 23, 24, 28, 30})
"""AF_INET, and AF_INET6 of Linux, Windows, NetBSD, FreeBSD and macOS."""
_PPP_IP: Final = (b"\x00\x21", b"\x00\x57")


def from_type(data: bytes, place: int, kind: int) -> int:
    """The IP header of what starts at `place` and is of this EtherType; through VLAN tags, PPPoE and MPLS."""
    while place < len(data):
        if kind in _IP_TYPES:
            return place
        if kind in _TAGS and place + 4 <= len(data):
            kind = data[place + 2] << 8 | data[place + 3]
            place += 4
        elif kind == _PPPOE and data[place + 6 : place + 8] in _PPP_IP:
            return place + 8
        elif kind in _MPLS:
            return _below_labels(data, place)
        elif kind <= _LONGEST_802_3 and data[place : place + 6] == _SNAP and place + 8 <= len(data):
            kind = data[place + 6] << 8 | data[place + 7]
            place += 8
        else:
            return -1
    return -1


def _below_labels(data: bytes, place: int) -> int:
    """Under a stack of MPLS labels (RFC 3032): an IP packet, or an Ethernet frame behind a control word (RFC 4448)."""
    while place + 4 < len(data):
        last = data[place + 2] & 1
        place += 4
        if last:
            version = data[place] >> 4
            if version in (4, 6):
                return place
            return ethernet_type(data, place + 4) if version == 0 else -1
    return -1


def ethernet_type(data: bytes, place: int) -> int:
    """The IP header in the Ethernet frame at `place`."""
    after = place + ETHERNET_HEADER
    return from_type(data, after, data[after - 2] << 8 | data[after - 1]) if after <= len(data) else -1


def ethernet(data: bytes) -> int:
    """LINKTYPE_ETHERNET, with any number of 802.1Q and 802.1ad tags."""
    if data[12:14] == b"\x08\0":  # nearly every frame
        return ETHERNET_HEADER
    return ethernet_type(data, 0)


def linux_sll(data: bytes) -> int:
    """LINKTYPE_LINUX_SLL, 16-byte header."""
    return from_type(data, 16, data[14] << 8 | data[15]) if len(data) >= 16 else -1


def linux_sll2(data: bytes) -> int:
    """LINKTYPE_LINUX_SLL2, 20-byte header that starts with the protocol."""
    return from_type(data, 20, data[0] << 8 | data[1]) if len(data) >= 20 else -1


def ppp(data: bytes) -> int:
    """LINKTYPE_PPP, with or without HDLC's address and control bytes (RFC 1662), and LINKTYPE_PPP_HDLC."""
    place = 2 if data[:2] == b"\xff\x03" else 0
    return place + 2 if data[place : place + 2] in _PPP_IP else -1


def raw_ip(data: bytes) -> int:
    """LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6."""
    del data
    return 0


def loopback(data: bytes) -> int:
    """LINKTYPE_NULL and LINKTYPE_LOOP: the address family in four bytes of either order."""
    if len(data) < 4:
        return -1
    return 4 if (data[0] or data[3]) in _IP_FAMILIES and data[1] == data[2] == 0 else -1


LINK_TYPES: Final[dict[int, IP_START]] = {
    0: loopback,
    1: ethernet,
    9: ppp,
    12: raw_ip,
    14: raw_ip,
    50: ppp,
    101: raw_ip,
    108: loopback,
    113: linux_sll,
    228: raw_ip,
    229: raw_ip,
    276: linux_sll2,
}

NAMES: Final = "Ethernet (1), Linux cooked (113, 276), raw IP (101, 228, 229), PPP (9, 50) and loopback (0, 108)"
