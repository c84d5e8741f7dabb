"""Packets inside packets: where the IP header of the inner one is, for tunnels that do not encrypt.

IP in IP of either version (RFC 2003, RFC 4213, RFC 2473), GRE (RFC 2784, 2890, 2637) with IP, Ethernet, PPP or ERSPAN
in it, VXLAN (RFC 7348) and Geneve (RFC 8926).
"""

from __future__ import annotations

from typing import Final

from toktra.agent.capture.link import ethernet_type, from_type

MAX_DEPTH: Final = 4
"""Tunnels in tunnels that are followed."""

_IP_IN_IP: Final = 4
_IPV6_IN_IP: Final = 41
_GRE: Final = 47
_UDP: Final = 17
_VXLAN_PORTS: Final = (4789, 8472)
"""IANA's, and the one Linux took before there was one."""
_GENEVE_PORT: Final = 6081

_ETHERNET: Final = 0x6558
_PPP: Final = 0x880B
_ERSPAN: Final = 0x88BE
_ERSPAN_3: Final = 0x22EB


def inner_ip(data: bytes, protocol: int, place: int) -> int:
    """The inner IP header of what an outer one calls `protocol`, at `place`; -1 when it is no tunnel.

    Raises IndexError when the frame is too short.
    """
    if protocol == _UDP:
        return _in_datagram(data, data[place + 2] << 8 | data[place + 3], place + 8)
    if protocol == _GRE:
        return _in_gre(data, place)
    version = 4 if protocol == _IP_IN_IP else 6 if protocol == _IPV6_IN_IP else 0
    return place if version and data[place] >> 4 == version else -1


def _in_datagram(data: bytes, port: int, place: int) -> int:
    if port in _VXLAN_PORTS:
        reserved = data[place + 1] | data[place + 2] | data[place + 3] | data[place + 7]
        return ethernet_type(data, place + 8) if data[place] == 8 and not reserved else -1
    if port == _GENEVE_PORT:
        if data[place] >> 6 or data[place + 1] & 0xBF:  # version 0; nothing but the bit for critical options
            return -1
        kind = data[place + 2] << 8 | data[place + 3]
        return _carried(data, kind, place + 8 + ((data[place] & 0x3F) << 2))
    return -1


def _in_gre(data: bytes, place: int) -> int:
    flags, version = data[place], data[place + 1] & 7
    kind = data[place + 2] << 8 | data[place + 3]
    after = place + 4 + 4 * (bool(flags & 0xC0) + bool(flags & 0x20) + bool(flags & 0x10))  # checksum, key, sequence
    if version == 1:
        return _in_ppp(data, after + 4 * (data[place + 1] >> 7)) if kind == _PPP else -1
    if version or flags & 0x40:  # a source route, which nobody sends
        return -1
    if kind == _ERSPAN:
        return ethernet_type(data, after + 8 if flags & 0x10 else after)
    if kind == _ERSPAN_3:
        return ethernet_type(data, after + (20 if data[after + 11] & 1 else 12))
    return _carried(data, kind, after)


def _carried(data: bytes, kind: int, place: int) -> int:
    return ethernet_type(data, place) if kind == _ETHERNET else from_type(data, place, kind)


def _in_ppp(data: bytes, place: int) -> int:
    if data[place : place + 2] == b"\xff\x03":
        place += 2
    if not data[place]:
        place += 1
    return place + 1 if data[place] in (0x21, 0x57) else -1
