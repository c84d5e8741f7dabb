"""The ClientHello at the start of a TLS client's byte stream, over any segmentation and any split into records."""

from __future__ import annotations

from struct import Struct
from typing import Final

from toktra.agent.capture.hello import MAX_HELLO, Hello, Refusal, parse_framed, parse_hello

HANDSHAKE_RECORD: Final = 22
MAX_PLAINTEXT: Final = 16384
"""RFC 8446 5.1."""
_one_record = Struct(">HxHI").unpack_from
"""A record's type and major version; its length; the type and length of the handshake message in it."""
_TLS_HANDSHAKE: Final = HANDSHAKE_RECORD << 8 | 3
_HELLO: Final = (1 << 24) - 4
"""What is left of a ClientHello's type and length when the length of the record around it is taken away."""


class TlsReader:
    """Takes a client's stream in order and answers once: a hello or a refusal. Until then: None, not yet."""

    __slots__ = ("_message", "_stream")

    def __init__(self) -> None:
        self._stream = b""
        self._message: bytes | bytearray = b""

    def feed(self, data: bytes) -> Hello | Refusal | None:
        """The answer with `data`, the next bytes of the stream, taken in; None while more is needed."""
        stream = self._stream + data if self._stream else data
        have = len(stream)
        if have > 9 and not self._message:
            kind, length, message = _one_record(stream)
            # By far the most common: one record that holds exactly the hello, and all of it is here.
            if message == _HELLO + length and kind == _TLS_HANDSHAKE and length + 5 <= have and length <= MAX_HELLO:
                return parse_framed(stream, 5, length + 5)
        place = 0
        while place < have:
            if stream[place] != HANDSHAKE_RECORD:
                return Refusal.NOT_A_HELLO if self._message else Refusal.NOT_TLS
            if place + 2 <= have and stream[place + 1] != 3:
                return Refusal.NOT_TLS
            if place + 5 > have:
                break
            length = stream[place + 3] << 8 | stream[place + 4]
            if length == 0 or length > MAX_PLAINTEXT:
                return Refusal.NOT_TLS
            after = place + 5 + length
            if after > have:
                break
            self._message = self._message or bytearray()
            self._message += stream[place + 5 : after]
            place = after
            answer = _whole(self._message)
            if answer is not None:
                return answer
        self._stream = stream[place:] if place else stream
        return self._early_refusal()

    def cut(self) -> Hello | Refusal:
        """What can be told when the capture, not the sender, cut the stream short here."""
        answer = parse_hello(bytes(self._message + self._stream[5:]), truncated=True)
        return Refusal.CUT if answer is Refusal.MALFORMED else answer

    def _early_refusal(self) -> Refusal | None:
        """Refuses what will never be a hello without waiting for a whole record of it."""
        start = (self._message + self._stream[5:9])[:4]
        if start and start[0] != 1:
            return Refusal.NOT_A_HELLO
        if len(start) == 4 and 4 + int.from_bytes(start[1:], "big") > MAX_HELLO:
            return Refusal.TOO_LONG
        return None


def _whole(message: bytes | bytearray) -> Hello | Refusal | None:
    """The answer to the handshake bytes of whole records; None while more are needed."""
    if message[0] != 1:
        return Refusal.NOT_A_HELLO
    if len(message) < 4:
        return None
    length = 4 + (message[1] << 16 | message[2] << 8 | message[3])
    if length > MAX_HELLO:
        return Refusal.TOO_LONG
    if len(message) < length:
        return None
    # The hello ends with its record: what could follow it would be sealed with other keys (RFC 8446 5.1).
    return parse_hello(bytes(message)) if len(message) == length else Refusal.MALFORMED
