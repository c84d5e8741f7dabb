"""Where the IP header starts in a frame, for each link layer that is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

IP_START = Callable[[bytes], int]
"""The place of the IP header in a frame; -1 when it carries no IP."""

_IP_TYPES: Final = (0x0800, 0x86DD)
_TAGS: Final = (0x8100, 0x88A8, 0x9100)
_PPPOE: Final = 0x8864
_IP_FAMILIES: Final = frozenset({2, 10, 23, 24, 28, 30})
"""AF_INET, and AF_INET6 of Linux, Windows, NetBSD, FreeBSD and macOS."""


def _from_type(data: bytes, place: int) -> int:
    """Follows an EtherType at `place` through VLAN tags and PPPoE."""
    while place + 2 <= len(data):
        kind = data[place] << 8 | data[place + 1]
        if kind in _IP_TYPES:
            return place + 2
        if kind in _TAGS:
            place += 4
        elif kind == _PPPOE and data[place + 8 : place + 10] in (b"\x00\x21", b"\x00\x57"):
            return place + 10
        else:
            return -1
    return -1


def ethernet(data: bytes) -> int:
    """LINKTYPE_ETHERNET, with any number of 802.1Q and 802.1ad tags."""
    if data[12:14] == b"\x08\0":  # nearly every frame
        return 14
    return _from_type(data, 12)


def linux_sll(data: bytes) -> int:
    """LINKTYPE_LINUX_SLL, 16-byte header."""
    return _from_type(data, 14)


def linux_sll2(data: bytes) -> int:
    """LINKTYPE_LINUX_SLL2, 20-byte header that starts with the protocol."""
    kind = data[0] << 8 | data[1] if len(data) >= 2 else 0
    if kind in _IP_TYPES:
        return 20
    return _from_type(data, 22) if kind in _TAGS else -1


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
    12: raw_ip,
    14: raw_ip,
    101: raw_ip,
    108: loopback,
    113: linux_sll,
    228: raw_ip,
    229: raw_ip,
    276: linux_sll2,
}

NAMES: Final = "Ethernet (1), Linux cooked (113, 276), raw IP (101, 228, 229) and loopback (0, 108)"
