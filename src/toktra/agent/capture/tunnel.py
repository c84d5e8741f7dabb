"""What a client says before its TLS hello when it goes through a proxy or upgrades a plain connection.

HTTP CONNECT (RFC 9110 9.3.6), SOCKS5 (RFC 1928, RFC 1929), SOCKS4 and 4a, and STARTTLS of mail protocols. Only the
client's side is looked at, and only until the hello starts.
"""

from __future__ import annotations

import re
from typing import Final

MAX_PRELUDE: Final = 16384
"""Bytes before the hello; a proxy's authentication tokens can be long."""

TLS_HANDSHAKE: Final = 0x16
_STARTTLS = re.compile(rb"(?:^|\n)(?:[A-Za-z0-9.]+ )?(?:STARTTLS|STLS|AUTH TLS)\r?\n", re.IGNORECASE)
_HTTP = re.compile(rb"(?:GET|POST|HEAD|PUT|PATCH|DELETE|OPTIONS|TRACE) [^\r\n]*")


def is_plain_http(data: bytes) -> bool:
    """Whether a client's first bytes are the start of an HTTP/1 request to the server itself."""
    return _HTTP.match(data) is not None


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
        elif place == 0 and 32 <= first < 127:
            return _after_starttls(seen)
        else:
            return -1
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


def _after_starttls(seen: bytes) -> int | None:
    found = _STARTTLS.search(seen)
    if found is None:
        return -1 if is_plain_http(seen) or b"\0" in seen else None
    return found.end()
