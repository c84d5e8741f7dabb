"""The ClientHello inside a QUIC client's Initial packets: RFC 9000 (version 1), RFC 9001 5, RFC 9369 (version 2).

Initial packets are sealed with keys that everyone on the path can derive from the first connection id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from toktra.agent.capture.hello import MAX_HELLO, Hello, Refusal, parse_framed

MIN_INITIAL_DATAGRAM: Final = 1200
"""Payload of any datagram with a client's Initial, RFC 9000 14.1."""
MAX_INITIALS: Final = 64
"""Client Initial packets looked at per connection; hellos need one to three, and more where packets are lost."""

_SHA256 = SHA256()
_ECB = ECB()  # noqa: S305  one block of it is how RFC 9001 5.4.3 defines header protection
_BYTES: Final = tuple(bytes((value,)) for value in range(256))
_data = itemgetter(1)
_no_padding = re.compile(rb"[^\0]").search
"""Finds the next frame but PADDING, which clients strew between those that matter."""


def _label(name: str, length: int) -> bytes:
    """The HkdfLabel of RFC 8446 7.1 without context, and the number of the first block (RFC 5869 2.3)."""
    full = b"tls13 " + name.encode()
    return length.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0" + b"\x01"


@dataclass(frozen=True, slots=True)
class Version:
    """What the versions of QUIC differ in, as far as an Initial is concerned."""

    number: int
    extract: HMAC
    """HKDF-Extract with the version's salt; copied for each connection id."""
    initial_type: int
    """Bits 4 and 5 of the first byte of an Initial packet."""
    early_type: int
    key_label: bytes
    iv_label: bytes
    hp_label: bytes


VERSION_1: Final = Version(
    number=0x00000001,
    extract=HMAC(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), _SHA256),
    initial_type=0x00,
    early_type=0x10,
    key_label=_label("quic key", 16),
    iv_label=_label("quic iv", 12),
    hp_label=_label("quic hp", 16),
)
VERSION_2: Final = Version(
    number=0x6B3343CF,
    extract=HMAC(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), _SHA256),
    initial_type=0x10,
    early_type=0x20,
    key_label=_label("quicv2 key", 16),
    iv_label=_label("quicv2 iv", 12),
    hp_label=_label("quicv2 hp", 16),
)
VERSIONS: Final = {version.number.to_bytes(4, "big"): version for version in (VERSION_1, VERSION_2)}
_CLIENT_IN = _label("client in", 32)


def early_type(version: bytes) -> int:
    """Bits 4 and 5 of the first byte of a 0-RTT packet of this version."""
    known = VERSIONS.get(version)
    return known.early_type if known else VERSION_1.early_type


def is_initial(datagram: bytes) -> bool:
    """Whether a datagram starts with an Initial packet of a known version, by its header."""
    version = VERSIONS.get(datagram[1:5])
    return version is not None and datagram[0] & 0x30 == version.initial_type


def connection_ids(datagram: bytes) -> tuple[bytes, bytes]:
    """Destination and source connection id in a long header (RFC 8999 5.1); what was not captured is missing."""
    at = 6 + datagram[5] if len(datagram) > 5 else 0
    size = datagram[at] if len(datagram) > at else 0
    return datagram[6:at], datagram[at + 1 : at + 1 + size]


def starts_over(packet: bytes) -> bool:
    """Whether a server's long-header packet asks the client to start again: Retry, or Version Negotiation."""
    version = VERSIONS.get(packet[1:5])
    if version is None:
        return packet[1:5] == bytes(4)
    return packet[0] & 0x30 == (0x30 if version is VERSION_1 else 0x00)


def opens_connection(datagram: bytes) -> bool:
    """Whether a datagram starts with an Initial sealed with the id in its own header, as a client's first is."""
    version = VERSIONS.get(datagram[1:5])
    try:
        packet = _long_packet(datagram, 0, version) if version else None
    except IndexError:
        return False
    if version is None or packet is None:
        return False
    initial, connection_id, number_at, end = packet
    if not initial or not number_at + 20 <= end <= len(datagram):
        return False
    return _Keys(version, connection_id).open(datagram, 0, number_at, end) is not None


_Packet: TypeAlias = tuple[bool, bytes, int, int]
"""One long-header packet: whether it is an Initial, its destination connection id, where its number starts and where
the packet ends. A bare tuple, since it is made for every packet."""


class _Keys:
    """Protection of a client's Initial packets.

    HKDF (RFC 5869) for keys of one block is one HMAC each, and HMACs of one secret share its set-up: half the time of
    deriving each key anew. The keys keep nothing secret: everyone on the path can derive them.
    """

    __slots__ = ("_decrypt", "_iv", "_mask")

    def __init__(self, version: Version, connection_id: bytes) -> None:
        extract = version.extract.copy()
        extract.update(connection_id)
        client = HMAC(extract.finalize(), _SHA256)
        client.update(_CLIENT_IN)
        key = HMAC(client.finalize(), _SHA256)
        iv, hp = key.copy(), key.copy()
        key.update(version.key_label)
        iv.update(version.iv_label)
        hp.update(version.hp_label)
        self._decrypt = AESGCM(key.finalize()[:16]).decrypt
        self._iv = int.from_bytes(iv.finalize()[:12], "big")
        self._mask = Cipher(AES(hp.finalize()[:16]), _ECB).encryptor().update

    def open(self, datagram: bytes, start: int, number_at: int, end: int) -> bytes | None:
        """The frames of the packet, or None when it was not sealed with these keys."""
        mask = self._mask(datagram[number_at + 4 : number_at + 20])
        first = datagram[start] ^ (mask[0] & 0x0F)
        size = (first & 3) + 1
        payload_at = number_at + size
        number = int.from_bytes(datagram[number_at:payload_at], "big") ^ int.from_bytes(mask[1 : 1 + size], "big")
        header = _BYTES[first] + datagram[start + 1 : number_at] + number.to_bytes(size, "big")
        nonce = (self._iv ^ number).to_bytes(12, "big")
        try:
            return self._decrypt(nonce, datagram[payload_at:end], header)
        except InvalidTag:
            return None


class QuicReader:
    """Takes a client's datagrams in any order and answers once: a hello or a refusal. Until then: None, not yet."""

    __slots__ = ("_crypto", "_initials", "_keys", "_opened")

    def __init__(self) -> None:
        self._keys: dict[tuple[int, bytes], _Keys] = {}
        self._crypto: list[tuple[int, bytes]] = []
        self._initials = 0
        self._opened = False

    def feed(self, datagram: bytes) -> Hello | Refusal | None:
        """The answer with this datagram of the client taken in; None while more is needed."""
        place = 0
        have = len(datagram)
        # Long-header packets may be coalesced (RFC 9000 12.2); what follows a short header is its own.
        while place + 7 <= have and datagram[place] & 0xC0 == 0xC0:
            version = VERSIONS.get(datagram[place + 1 : place + 5])
            if version is None:
                break
            try:
                packet = _long_packet(datagram, place, version)
            except IndexError:
                break
            if packet is None:
                break
            initial, _, number_at, end = packet
            if end > have:
                break
            if initial and number_at + 20 <= end:
                self._initials += 1
                frames = self._open(datagram, place, version, packet)
                if frames is not None:
                    self._opened = True
                    if not self._take_frames(frames):
                        return Refusal.MALFORMED
                    answer = self._assemble()
                    if answer is not None:
                        return answer
                if self._initials >= MAX_INITIALS:
                    return Refusal.MALFORMED if self._opened else Refusal.UNDECRYPTABLE
            place = end
        return None

    def _open(self, datagram: bytes, start: int, version: Version, packet: _Packet) -> bytes | None:
        """Keys come from the first id the client chose; after a Retry from the id the server gave. Later headers carry
        the server's own id, so keys that worked are tried first."""
        _, connection_id, number_at, end = packet
        for keys in self._keys.values():
            frames = keys.open(datagram, start, number_at, end)
            if frames is not None:
                return frames
        own = (version.number, connection_id)
        if own in self._keys:
            return None
        keys = _Keys(version, connection_id)
        frames = keys.open(datagram, start, number_at, end)
        if frames is not None:
            self._keys[own] = keys
        return frames

    def _take_frames(self, frames: bytes) -> bool:  # noqa: PLR0912  what is branched here would be called by the dozen
        """Collects CRYPTO frames; False when a frame does not belong in an Initial packet."""
        place = 0
        have = len(frames)
        append = self._crypto.append
        try:
            while place < have:
                kind = frames[place]
                if kind == 6:  # CRYPTO
                    # Integers of one or two bytes, which nearly all are, cost less here than in a call.
                    offset = frames[place + 1]
                    if offset < 64:
                        place += 2
                    elif offset < 128:
                        offset = offset - 64 << 8 | frames[place + 2]
                        place += 3
                    else:
                        offset, place = _varint(frames, place + 1)
                    length = frames[place]
                    if length < 64:
                        place += 1
                    elif length < 128:
                        length = length - 64 << 8 | frames[place + 1]
                        place += 2
                    else:
                        length, place = _varint(frames, place)
                    after = place + length
                    if after > have:
                        return False
                    append((offset, frames[place:after]))
                    place = after
                elif kind == 0:  # PADDING
                    found = _no_padding(frames, place)
                    place = found.start() if found else have
                elif kind == 1:  # PING
                    place += 1
                elif kind in (2, 3):  # ACK
                    place = _skip_ack(frames, place + 1, counts=kind == 3)
                else:
                    return kind in (0x1C, 0x1D)  # CONNECTION_CLOSE ends it; nothing else may be here
        except IndexError:
            return False
        return True

    def _assemble(self) -> Hello | Refusal | None:
        """The hello from the CRYPTO frames so far, which may come in any order and overlap."""
        crypto = self._crypto
        crypto.sort()
        have = 0
        for offset, data in crypto:
            if offset != have:
                break
            have += len(data)
        else:  # nearly every hello in the end: each byte is here, and was sent once
            return _whole(b"".join(map(_data, crypto)))
        if offset > have and (not have or _is_longer(crypto[0][1], have)):
            return None
        return self._assemble_what_overlaps()

    def _assemble_what_overlaps(self) -> Hello | Refusal | None:
        """As `_assemble`, for sorted frames that overlap or leave a hole."""
        message = bytearray()
        for offset, data in self._crypto:
            have = len(message)
            if offset > have:
                break
            known = message[offset : offset + len(data)]
            if data[: len(known)] != known:
                return Refusal.CONTRADICTION
            message += data[len(known) :]
        return _whole(bytes(message))


def _is_longer(start: bytes, have: int) -> bool:
    """Whether a message that starts like this is a ClientHello of more than `have` bytes, and no longer than any."""
    return len(start) > 3 and start[0] == 1 and have < 4 + (start[1] << 16 | start[2] << 8 | start[3]) <= MAX_HELLO


def _whole(message: bytes) -> Hello | Refusal | None:
    """The hello that starts with these bytes; None when there are more to come."""
    if not message:
        return None
    if message[0] != 1:
        return Refusal.NOT_A_HELLO
    if len(message) < 4:
        return None
    length = 4 + (message[1] << 16 | message[2] << 8 | message[3])
    if length > MAX_HELLO:
        return Refusal.TOO_LONG
    return parse_framed(message, 0, length) if len(message) >= length else None


def _long_packet(datagram: bytes, place: int, version: Version) -> _Packet | None:
    """The long-header packet at `place`; None for a Retry. Raises IndexError when its header is cut."""
    kind = datagram[place] & 0x30
    at = place + 5
    size = datagram[at]
    connection_id = datagram[at + 1 : at + 1 + size]
    at += 1 + size
    source_size = datagram[at]
    if size > 20 or source_size > 20:
        return None
    at += 1 + source_size
    initial = kind == version.initial_type
    if initial:
        if datagram[at]:
            token, at = _varint(datagram, at)
            at += token
        else:
            at += 1
    elif kind == (0x30 if version is VERSION_1 else 0x00):
        return None
    length = datagram[at]
    if length & 0xC0 == 0x40:  # two bytes, as in nearly every packet
        length = (length & 0x3F) << 8 | datagram[at + 1]
        at += 2
    else:
        length, at = _varint(datagram, at)
    return initial, connection_id, at, at + length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """RFC 9000 16. Raises IndexError past the end."""
    first = data[place]
    size = 1 << (first >> 6)
    if size == 1:
        return first, place + 1
    if size == 2:
        return (first & 0x3F) << 8 | data[place + 1], place + 2
    end = place + size
    data[end - 1]  # raises when the integer is cut
    return int.from_bytes(data[place:end], "big") & ((1 << (8 * size - 2)) - 1), end


def _skip_ack(frames: bytes, place: int, *, counts: bool) -> int:
    _, place = _varint(frames, place)
    _, place = _varint(frames, place)
    ranges, place = _varint(frames, place)
    _, place = _varint(frames, place)
    for _ in range(ranges):
        _, place = _varint(frames, place)
        _, place = _varint(frames, place)
    if counts:
        for _ in range(3):
            _, place = _varint(frames, place)
    return place
