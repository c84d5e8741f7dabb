"""What a client says before its TLS hello when it goes through a proxy or upgrades a plain connection.

HTTP CONNECT (RFC 9110 9.3.6), SOCKS5 (RFC 1928, RFC 1929), SOCKS4 and 4a, the header a load balancer puts in front (the
PROXY protocol, versions 1 and 2), and STARTTLS (upgrade.py). Only the client's side is looked at, and only until the
hello starts.
"""

from __future__ import annotations

from typing import Final

from toktra.agent.capture.upgrade import after_upgrade

MAX_PRELUDE: Final = 16384
"""Bytes before the hello; a proxy's authentication tokens can be long."""

TLS_HANDSHAKE: Final = 0x16
_PROXY_1: Final = b"PROXY "
_PROXY_1_LONGEST: Final = 107
_PROXY_2: Final = b"\r\n\r\n\0\r\nQUIT\n"


class Prelude:
    """Takes a client's stream in order until the place is known where its TLS hello starts."""

    __slots__ = ("_seen", "refused", "rest")

    def __init__(self) -> None:
        self._seen = b""
        self.rest = b""
        """After `feed` told a place: the bytes from the hello on."""
        self.refused = False
        """True when no hello can follow."""

    def feed(self, data: bytes) -> int | None:
        """How many bytes of `data` come before the hello; None while that is not known, or when `refused`."""
        before = len(self._seen)
        self._seen = seen = self._seen + data if before else data
        if not seen:
            return None
        start = _hello_start(seen)
        if start is None or start == len(seen):
            self.refused = len(seen) > MAX_PRELUDE
            return None
        if start < 0:
            self.refused = True
            return None
        self.rest = seen[start:]
        return start - before


def _hello_start(seen: bytes) -> int | None:
    """The place of the first byte that can be a hello; None: not yet known; -1: never."""
    place = 0
    while place < len(seen):
        first = seen[place]
        if first == TLS_HANDSHAKE:
            return place
        if first == 5:
            after = _after_socks5(seen, place)
        elif first == 4:
            after = _after_socks4(seen, place)
        elif b"CONNECT ".startswith(seen[place : place + 8]):
            after = _after_connect(seen, place)
        elif not place and (_PROXY_1.startswith(seen[:6]) or _PROXY_2.startswith(seen[:12])):
            after = _after_proxy_header(seen)
        else:
            after = after_upgrade(seen[place:])
            return after if after is None or after < 0 else place + after
        if after is None or after < 0:
            return after
        place = after
    return place


def _after_connect(seen: bytes, place: int) -> int | None:
    """The end of one CONNECT request; a proxy that wants authentication gets a second one."""
    end = seen.find(b"\r\n\r\n", place)
    return end + 4 if end >= 0 else None


def _after_socks5(seen: bytes, place: int) -> int | None:
    """The end of greeting, perhaps name and password, and request; -1 when it is none of these."""
    if len(seen) < place + 2:
        return None
    place += 2 + seen[place + 1]
    if len(seen) > place and seen[place] == 1:
        if len(seen) < place + 2:
            return None
        place += 2 + seen[place + 1]
        if len(seen) <= place:
            return None
        place += 1 + seen[place]
    if len(seen) < place + 5:
        return None
    size = {1: 4, 3: 1 + seen[place + 4], 4: 16}.get(seen[place + 3])
    if seen[place] != 5 or size is None:
        return -1
    after = place + 4 + size + 2
    return after if after <= len(seen) else None


def _after_socks4(seen: bytes, place: int) -> int | None:
    name_end = seen.find(b"\0", place + 8)
    if name_end < 0:
        return None
    if seen[place + 4 : place + 7] == b"\0\0\0" and seen[place + 7]:  # 4a: the host name follows
        name_end = seen.find(b"\0", name_end + 1)
        if name_end < 0:
            return None
    return name_end + 1


def _after_proxy_header(seen: bytes) -> int | None:
    """The end of the header that tells a server behind a proxy who the client is; no client sends it itself."""
    if seen[0] == _PROXY_1[0]:
        end = seen.find(b"\r\n", 0, _PROXY_1_LONGEST)
        if end < 0:
            return None if len(seen) < _PROXY_1_LONGEST else -1
        return end + 2
    if len(seen) < 16:
        return None
    after = 16 + (seen[14] << 8 | seen[15])
    return after if after <= len(seen) else None
