"""One TLS ClientHello message: the host it names, and whether that name can be the outer one of Encrypted Client Hello.

RFC 8446 4.1.2 (ClientHello), RFC 6066 3 (server_name), RFC 9849 (Encrypted Client Hello).
"""

from __future__ import annotations

import re
from enum import Enum
from struct import Struct
from struct import error as struct_error
from typing import Final

import msgspec

MAX_HELLO: Final = 131_396
"""Handshake message bytes that OpenSSL's server takes. Hellos are 200–4,000, and far more with a session ticket that
holds a client certificate."""

SERVER_NAME: Final = 0
APPLICATION_PROTOCOLS: Final = 16
PRE_SHARED_KEY: Final = 41
QUIC_TRANSPORT_PARAMETERS: Final = 57
ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D

_LOOKED_AT: Final = frozenset(
    {SERVER_NAME, APPLICATION_PROTOCOLS, PRE_SHARED_KEY, QUIC_TRANSPORT_PARAMETERS, ENCRYPTED_CLIENT_HELLO}
)
_PUBLIC_NAME_PARTS: Final = frozenset({"ech"})
"""cloudflare-ech.com and its like: a part of the outer name, between dots and hyphens."""
_BORINGSSL_GREASE_BYTES: Final = frozenset({144, 176, 208, 240})

_extension = Struct(">HH").unpack_from
_suites = Struct(">HBB").unpack_from
_server_name = Struct(">HHBH").unpack_from
_ech_header = Struct(">BHHBH").unpack_from
_name = re.compile(rb"[A-Za-z0-9_-]{1,63}+(?:\.[A-Za-z0-9_-]{1,63}+)*+").fullmatch
_ENDS_A_NUMBER: Final = b"0123456789abcdefxABCDEFX"
_number = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)").fullmatch
"""A name whose last label is a number is an IPv4 address to every URL parser (WHATWG URL, "ends in a number")."""


class Refusal(Enum):
    """Why bytes are not a ClientHello, or not one that can be trusted."""

    NOT_TLS = "the bytes do not start with a TLS handshake record"
    NOT_A_HELLO = "the handshake does not start with a ClientHello"
    TOO_LONG = "the ClientHello is longer than any real one"
    MALFORMED = "a length inside the ClientHello does not fit"
    CUT = "the capture holds too little of the ClientHello"
    UNDECRYPTABLE = "no Initial packet of a known QUIC version could be decrypted"
    CONTRADICTION = "two copies of the same handshake bytes differ"


class NoName(Enum):
    """Why a well-formed ClientHello names no host."""

    ABSENT = "there is no server_name extension"
    TWICE = "there are two server_name extensions"
    LIST_MALFORMED = "the server_name list is not exactly one host name"
    NOT_A_NAME = "the bytes are no DNS name"
    ADDRESS = "the name is an IP address"


class OuterEch(msgspec.Struct, frozen=True, gc=False):
    """The outer encrypted_client_hello extension: sizes and identifiers, which are visible to everyone."""

    kdf_id: int
    aead_id: int
    enc_bytes: int
    payload_bytes: int


class Hello(msgspec.Struct, frozen=True, gc=False):
    """What one ClientHello shows. `host` is lower case without the trailing dot."""

    host: str | None
    no_name: NoName | None
    ech_extension: bytes | None
    """The body of encrypted_client_hello as sent, if there is one."""
    greased: bool
    """Whether the first cipher suite is a reserved value of RFC 8701, as with BoringSSL clients over TCP."""
    over_quic: bool
    """Whether the hello carries QUIC transport parameters."""
    alpn_extension: bytes | None = None
    """The body of application_layer_protocol_negotiation as sent, if there is one."""

    @property
    def ech(self) -> OuterEch | None:
        """The sizes in the outer encrypted_client_hello; None without one, or with a malformed one."""
        return None if self.ech_extension is None else _outer_ech(self.ech_extension)

    @property
    def offers_http2(self) -> bool:
        """Whether the client would speak HTTP/2 (RFC 7301, RFC 9113 3.2)."""
        return self.alpn_extension is not None and _offers(self.alpn_extension, b"h2")

    @property
    def hidden(self) -> bool:
        """Whether `host` is, as far as can be told, only the public name in front of an encrypted inner hello."""
        return self.ech is not None and not _may_be_grease(self)


def parse_hello(message: bytes, *, truncated: bool = False) -> Hello | Refusal:
    """A whole ClientHello handshake message, its 4-byte header included; bytes after it are not looked at.

    `truncated`: the capture cut the message short (a snap length). Then what lies before the cut is told.
    """
    have = len(message)
    if have < 4:
        return Refusal.MALFORMED
    if message[0] != 1:
        return Refusal.NOT_A_HELLO
    end = 4 + (message[1] << 16 | message[2] << 8 | message[3])
    if end > MAX_HELLO:
        return Refusal.TOO_LONG
    if have >= end:
        return parse_framed(message, 0, end)
    return parse_framed(message, 0, end, truncated=True) if truncated else Refusal.MALFORMED


def parse_framed(  # noqa: PLR0911, PLR0912  a refusal is told where it is found; another function would cost a tenth
    stream: bytes, start: int, end: int, *, truncated: bool = False
) -> Hello | Refusal:
    """The ClientHello that is `stream[start:end]`, for who has seen that its 4-byte header says so."""
    named = 0
    twice = over_quic = False
    alpn = ech = None
    extension, looked_at = _extension, _LOOKED_AT
    try:
        session = stream[start + 38]  # header 4, version 2, random 32; the id has 32 at most
        place = start + 39 + session
        suites, grease, again = _suites(stream, place)
        greased = grease == again and grease & 15 == 10
        place += 3 + suites
        methods = stream[place - 1]
        place += methods
        if suites & 1 or not suites or session > 32 or stream[start + 4] < 3 or place > end:
            return Refusal.MALFORMED
        if (methods != 1 or stream[place - 1]) and 0 not in stream[place - methods : place]:
            return Refusal.MALFORMED  # every client can do without compression
        if place == end:
            return Hello(None, NoName.ABSENT, None, greased, False)
        if place + 2 + (stream[place] << 8 | stream[place + 1]) != end:
            return Refusal.MALFORMED
        place += 2
        last_header = (_before_the_cut(stream, place) if truncated else end) - 4
        while place <= last_header:  # up to twenty times a hello: every step here is felt
            kind, length = extension(stream, place)
            place += 4 + length
            if kind in looked_at:
                if kind == 16:  # APPLICATION_PROTOCOLS; a number costs less here than a name
                    alpn = stream[place - length : place]
                elif not kind:
                    twice = named > 0
                    named = place - length
                elif kind == ENCRYPTED_CLIENT_HELLO:
                    ech = stream[place - length : place]
                elif kind == QUIC_TRANSPORT_PARAMETERS:
                    over_quic = True
                elif place != end:  # PRE_SHARED_KEY is the last, RFC 8446 4.2.11
                    return Refusal.MALFORMED
    except (IndexError, struct_error):
        return Refusal.MALFORMED
    if place != end and not truncated:
        return Refusal.MALFORMED
    name = NoName.TWICE if twice else _host(stream, named) if named else NoName.ABSENT
    if isinstance(name, str):
        return Hello(name, None, ech, greased, over_quic, alpn)
    return Hello(None, name, ech, greased, over_quic, alpn)


def _before_the_cut(stream: bytes, place: int) -> int:
    """Where the last whole extension of a hello ends that the capture cut short."""
    have = len(stream)
    while place + 4 <= have:
        after = place + 4 + (stream[place + 2] << 8 | stream[place + 3])
        if after > have:
            break
        place = after
    return place


def _host(stream: bytes, place: int) -> str | NoName:
    """The name in the server_name extension whose body is at `place`: a list of one entry, of type host_name."""
    try:
        extension, entries, kind, length = _server_name(stream, place - 2)
    except struct_error:  # the hello ends with an extension too short to hold a list
        return NoName.LIST_MALFORMED
    if kind or not length or extension != length + 5 or entries != length + 3:
        return NoName.LIST_MALFORMED
    name = stream[place + 5 : place + 5 + length]
    last = name[-1]
    if last == 46:
        name = name[:-1]
        last = name[-1] if name else last
    if length > 253 < len(name) or _name(name) is None:
        return NoName.NOT_A_NAME
    host = name.decode().lower()
    if last in _ENDS_A_NUMBER and _number(host):
        return NoName.ADDRESS
    return host


def _offers(extension: bytes, protocol: bytes) -> bool:
    """Whether a list of protocol names, each after a byte with its length, in a list after two, holds this one."""
    place = 2
    while place < len(extension):
        length = extension[place]
        if extension[place + 1 : place + 1 + length] == protocol:
            return True
        place += 1 + length
    return False


def _outer_ech(extension: bytes) -> OuterEch | None:
    """type(1)=outer, kdf(2), aead(2), config id(1), enc<0..2^16-1>, payload<1..2^16-1>."""
    length = len(extension)
    if length < 10 or extension[0] != 0:
        return None
    _, kdf_id, aead_id, _, enc_bytes = _ech_header(extension)
    if length < 10 + enc_bytes:
        return None
    payload_bytes = extension[8 + enc_bytes] << 8 | extension[9 + enc_bytes]
    if length != 10 + enc_bytes + payload_bytes:
        return None
    return OuterEch(kdf_id, aead_id, enc_bytes, payload_bytes)


def _may_be_grease(hello: Hello) -> bool:
    """Whether the extension can be the random one that clients send when they have no real ECH configuration.

    By design the two look alike (RFC 9849 6.2), so this rests on what clients do. A real inner hello is padded to a
    multiple of 32 bytes and sealed with a 16-byte tag. BoringSSL draws its random length from four of those (and has
    reserved values among its cipher suites over TCP, not over QUIC); NSS sends a length that is none of those; Go sends
    no random one at all. And a public name tends to say what it is for.
    """
    ech = hello.ech
    if ech is None or (hello.host is not None and not _PUBLIC_NAME_PARTS.isdisjoint(re.split("[.-]", hello.host))):
        return False
    if ech.kdf_id != 1 or ech.enc_bytes != 32:
        return False
    if hello.greased or (hello.over_quic and ech.payload_bytes % 32 == 16):
        return ech.payload_bytes in _BORINGSSL_GREASE_BYTES
    return ech.payload_bytes % 32 != 16
