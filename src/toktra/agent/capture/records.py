"""TLS record headers in one direction of a TCP stream, found without looking at what the records hold."""

from __future__ import annotations

from typing import Final

MAX_RECORD: Final = 16384 + 2048
"""Longest ciphertext of a TLS 1.2 record, RFC 5246 6.2.3."""


class Records:
    """Follows record headers through in-order bytes. A captured packet may be shorter than the packet was."""

    __slots__ = ("_header", "_left", "lost")

    def __init__(self, *, midstream: bool = False) -> None:
        self._header = b""
        self._left = 0
        self.lost = midstream
        """True when the next header's place is not known; a packet that starts like a record finds it again."""

    @property
    def inside(self) -> bool:
        """Whether the stream so far stops inside a record."""
        return not self.lost and (self._left > 0 or self._header != b"")

    def feed(self, data: bytes | memoryview, payload_bytes: int) -> list[tuple[int, int]]:
        """(type, length) of each record that starts in the next packet; `data` is what was captured of its payload."""
        found: list[tuple[int, int]] = []
        place = 0
        if self.lost:
            if not starts_like_record(data):
                return found
            self.lost, self._left, self._header = False, 0, b""
        while place < payload_bytes:
            if self._left:
                step = min(self._left, payload_bytes - place)
                self._left -= step
                place += step
                continue
            wanted = 5 - len(self._header)
            piece = bytes(data[place : place + wanted])
            if len(piece) < min(wanted, payload_bytes - place):
                self._lose()
                break
            self._header += piece
            place += len(piece)
            if len(self._header) == 5:
                kind, length = self._header[0], self._header[3] << 8 | self._header[4]
                if not 20 <= kind <= 24 or self._header[1] != 3 or length > MAX_RECORD:
                    self._lose()
                    break
                found.append((kind, length))
                self._header, self._left = b"", length
        return found

    def _lose(self) -> None:
        self.lost, self._left, self._header = True, 0, b""


def starts_like_record(data: bytes | memoryview) -> bool:
    """Whether a packet's first bytes can be the header of a TLS record that carries something."""
    return (
        len(data) >= 5
        and 20 <= data[0] <= 23
        and data[1] == 3
        and data[2] <= 4
        and 0 < (data[3] << 8 | data[4]) <= MAX_RECORD
    )
