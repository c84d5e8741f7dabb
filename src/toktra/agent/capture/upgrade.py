"""How a client asks a server that it speaks to in plain to go on in TLS, as far as its own side shows it.

STARTTLS of mail, news, chat and directory protocols (RFC 3207, 2595, 4217, 4642, 5804, 6120 5, 4511 4.14), and what
PostgreSQL, MySQL and RDP send in its place. Each function answers where the request ends; None: not seen whole yet;
-1: this is none.
"""

from __future__ import annotations

import re
from typing import Final

_LINE = re.compile(rb"(?:^|\n)(?:[A-Za-z0-9.]+ )?(?:STARTTLS|STLS|AUTH (?:TLS|SSL))\r?\n", re.IGNORECASE)
_XMPP = re.compile(rb"<starttls\s[^<>]*(?:/>|>\s*</starttls>)")
_HTTP = re.compile(rb"(?:GET|POST|HEAD|PUT|PATCH|DELETE|OPTIONS|TRACE) [^\r\n]*")

_LDAP_MESSAGE: Final = 0x30
_LDAP_NUMBER: Final = 0x02
"""With a short length before it; nothing in a text."""
_LDAP_START_TLS: Final = b"1.3.6.1.4.1.1466.20037"
_POSTGRESQL: Final = (b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x08\x04\xd2\x16\x30")
"""SSLRequest, and GSSENCRequest, which some clients try before it."""
_MYSQL: Final = b"\x20\0\0\x01"
"""Header of the first packet of a client that asks for TLS: 32 bytes, second in the conversation."""
_MYSQL_TLS: Final = 0x08
"""CLIENT_SSL, in the second byte of the capability flags."""
_RDP: Final = b"\x03\0"
"""TPKT, RFC 1006."""


def is_plain_http(data: bytes) -> bool:
    """Whether a client's first bytes are the start of an HTTP/1 request to the server itself."""
    return _HTTP.match(data) is not None


def after_upgrade(seen: bytes) -> int | None:
    """The end of a request to go on in TLS, in what a client has sent from its first byte on."""
    if seen[0] == _POSTGRESQL[0][0]:
        return _after_postgresql(seen)
    if seen.startswith(_MYSQL[: len(seen)]):
        return _after_mysql(seen)
    if seen.startswith(_RDP[: len(seen)]):
        return _after_rdp(seen)
    if seen[0] == _LDAP_MESSAGE and len(seen) > 2 and (seen[1] & 0x80 or seen[2] == _LDAP_NUMBER):
        return _after_ldap(seen)
    if 32 <= seen[0] < 127:
        return _after_text(seen)
    return -1


def _after_text(seen: bytes) -> int | None:
    found = _XMPP.search(seen) if seen[:1] == b"<" else _LINE.search(seen)
    if found is None:
        return -1 if is_plain_http(seen) or b"\0" in seen else None
    return found.end()


def _after_postgresql(seen: bytes) -> int | None:
    place = 0
    while place < len(seen) and seen[place] == 0:
        request = seen[place : place + 8]
        if not any(known.startswith(request) for known in _POSTGRESQL):
            return -1
        if len(request) < 8:
            return None
        place += 8
    return place


def _after_mysql(seen: bytes) -> int | None:
    if len(seen) < 36:
        return None
    return 36 if seen[5] & _MYSQL_TLS and not any(seen[13:36]) else -1


def _after_rdp(seen: bytes) -> int | None:
    if len(seen) < 6:
        return None
    length = seen[2] << 8 | seen[3]
    if seen[5] != 0xE0 or length < 11:  # X.224 connection request
        return -1
    return length if length <= len(seen) else None


def _after_ldap(seen: bytes) -> int | None:
    """LDAP messages (RFC 4511 5.1) up to the extended request for StartTLS."""
    place = 0
    while place + 2 <= len(seen):
        if seen[place] != _LDAP_MESSAGE:
            return -1
        size, start = seen[place + 1], place + 2
        if size & 0x80:  # the long form: so many bytes of length
            start += size & 0x7F
            size = int.from_bytes(seen[place + 2 : start], "big")
        after = start + size
        if after > len(seen):
            return None
        place = after
        if _LDAP_START_TLS in seen[start:after]:
            return place
    return None
