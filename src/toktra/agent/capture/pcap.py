"""Packets out of capture files: pcap (micro- and nanoseconds, either byte order) and pcapng.

Read in one pass with bounded memory. Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, NamedTuple, TypeAlias

READ_BYTES: Final = 1 << 18
MAX_PACKET: Final = 1 << 20
"""Captured bytes of one packet; a larger number means that the file is damaged (libpcap's own limit is 256 KiB)."""
MAX_BLOCK: Final = 1 << 24

_PCAP_MAGIC: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1e-6, 24),
    b"\xa1\xb2\xcd\x34": (">", 1e-6, 24),
}
"""Byte order, seconds of a tick, and bytes before each packet: 24 in the variant of some older tools and appliances."""
_PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_SECTION: Final = 0x0A0D0D0A
_PACKET_BLOCKS: Final = frozenset({2, 3, 6})
"""Old packet block, simple packet block, enhanced packet block."""
_NOT_CAPTURES: Final = {
    b"\x1f\x8b": "It is compressed with gzip: run gunzip on it first.",
    b"\x28\xb5\x2f\xfd": "It is compressed with zstd: run unzstd on it first.",
    b"BZh": "It is compressed with bzip2: run bunzip2 on it first.",
    b"\xfd7zX": "It is compressed with xz: run unxz on it first.",
    b"PK": "It is a zip archive: unpack it first.",
}


class CaptureError(Exception):
    """A capture file that cannot be read. The text names the file, what is wrong and what to do."""


class NotACapture(CaptureError):
    """The file does not start like a capture."""


class UnknownLinkType(CaptureError):
    """A link layer in the capture is none of those that are read. All packets of others were given."""


class TruncatedCapture(CaptureError):
    """The file ends inside a packet. All packets before it were given."""


class DamagedCapture(CaptureError):
    """A length inside the file cannot be true. All packets before it were given."""


Packet: TypeAlias = tuple[float, int, bytes, int]
"""(seconds since 1970 UTC, LINKTYPE_ number of the interface, captured bytes from the link header on, length on the
wire). The captured bytes are fewer than the length under a snap length. A bare tuple, since there are millions."""


def read_packets(path: Path) -> Iterator[Packet]:
    """The packets of a capture file in file order.

    Raises NotACapture and OSError before the first; TruncatedCapture or DamagedCapture after those that are whole.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if start in _PCAP_MAGIC:
            yield from _read_pcap(path, file, *_PCAP_MAGIC[start])
        elif start == _PCAPNG_MAGIC:
            file.seek(0)
            yield from _PcapngFile(path, file).packets()
        else:
            raise NotACapture(_why_not(path, start))


def _why_not(path: Path, start: bytes) -> str:
    if not start:
        return f"{path} is empty. Give a pcap or pcapng file."
    for magic, remedy in _NOT_CAPTURES.items():
        if start.startswith(magic):
            return f"{path} is not a capture yet. {remedy}"
    return (
        f"{path} is neither pcap nor pcapng: it starts with the bytes {start.hex(' ')}. "
        "Give a file written by tcpdump, dumpcap or Wireshark."
    )


def _read_pcap(path: Path, file: BinaryIO, order: str, tick: float, record_bytes: int) -> Iterator[Packet]:
    head = file.read(20)
    if len(head) < 20:
        raise TruncatedCapture(f"{path} ends inside its file header. Copy or capture it again.")
    link_type = Struct(order + "HHiIII").unpack(head)[5] & 0xFFFF  # upper bits: frame check sequence length
    unpack = Struct(order + "IIII").unpack_from
    buffer = b""
    place = 0
    count = 0
    while True:
        have = len(buffer)
        while place + record_bytes <= have:
            seconds, fraction, captured, wire_bytes = unpack(buffer, place)
            after = place + record_bytes + captured
            if after > have:
                if captured > MAX_PACKET:
                    raise DamagedCapture(_damaged(path, count, f"claims {captured} captured bytes"))
                break
            count += 1
            yield seconds + fraction * tick, link_type, buffer[place + record_bytes : after], wire_bytes
            place = after
        more = file.read(READ_BYTES)
        if not more:
            if place != have:
                raise TruncatedCapture(_truncated(path, count))
            return
        buffer = buffer[place:] + more
        place = 0


def _truncated(path: Path, count: int) -> str:
    return (
        f"{path} ends inside packet {count + 1}: the capture was cut off or is still being written. "
        f"The {count} packets before it were read. Stop the capture, or copy the file again."
    )


def _damaged(path: Path, count: int, what: str) -> str:
    return (
        f"{path} is damaged after packet {count}: the next record {what}. "
        f"The {count} packets before it were read. Copy or capture it again."
    )


class _Interface(NamedTuple):
    link_type: int
    snap_bytes: int
    tick: float
    offset_s: int


class _PcapngFile:
    """One pass over the blocks of a pcapng file."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._count = 0

    def packets(self) -> Iterator[Packet]:
        interfaces: list[_Interface] = []
        for order, kind, body in self._blocks():
            if kind == _SECTION:  # interfaces are numbered anew
                interfaces = []
            elif kind == 1:
                interfaces.append(_interface(order, body))
            elif kind in _PACKET_BLOCKS:
                packet = _packet(order, kind, body, interfaces)
                if packet is None:
                    raise self._damaged("does not fit its interface")
                self._count += 1
                yield packet

    def _blocks(self) -> Iterator[tuple[str, int, bytes]]:
        """(byte order, type, body) of each block."""
        order = "<"
        while head := self._file.read(8):
            read = 8
            if head[:4] == _PCAPNG_MAGIC:
                magic = self._exactly(4)
                read = 12
                if magic not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
                    raise self._damaged("starts a section of no known byte order")
                order = ">" if magic == b"\x1a\x2b\x3c\x4d" else "<"
            if len(head) < 8:
                raise TruncatedCapture(_truncated(self._path, self._count))
            kind, length = Struct(order + "II").unpack(head)
            if length < read + 4 or length > MAX_BLOCK:
                raise self._damaged(f"claims {length} bytes")
            yield order, kind, self._exactly(length - read)[:-4]

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise TruncatedCapture(_truncated(self._path, self._count))
        return data

    def _damaged(self, what: str) -> DamagedCapture:
        return DamagedCapture(_damaged(self._path, self._count, what))


def _interface(order: str, body: bytes) -> _Interface:
    if len(body) < 8:
        return _Interface(-1, 0, 1e-6, 0)
    link_type, _, snap_bytes = Struct(order + "HHI").unpack_from(body)
    tick, offset_s = 1e-6, 0
    place = 8
    option = Struct(order + "HH").unpack_from
    while place + 4 <= len(body):
        code, length = option(body, place)
        value = body[place + 4 : place + 4 + length]
        if code == 0:
            break
        if code == 9 and len(value) == 1:  # if_tsresol
            tick = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
        elif code == 14 and len(value) == 8:  # if_tsoffset
            offset_s = Struct(order + "q").unpack(value)[0]
        place += 4 + (length + 3 & ~3)
    return _Interface(link_type, snap_bytes, tick, offset_s)


def _packet(order: str, kind: int, body: bytes, interfaces: list[_Interface]) -> Packet | None:
    if kind == 3:  # simple packet block: first interface, no time
        if len(body) < 4 or not interfaces:
            return None
        wire_bytes = Struct(order + "I").unpack_from(body)[0]
        snap = interfaces[0].snap_bytes
        captured = min(wire_bytes, snap) if snap else wire_bytes
        if len(body) < 4 + captured:
            return None
        return 0.0, interfaces[0].link_type, body[4 : 4 + captured], wire_bytes
    if len(body) < 20:
        return None
    if kind == 6:  # enhanced packet block
        number, high, low, captured, wire_bytes = Struct(order + "IIIII").unpack_from(body)
    else:  # packet block of old files
        number, _, high, low, captured, wire_bytes = Struct(order + "HHIIII").unpack_from(body)
    if number >= len(interfaces) or len(body) < 20 + captured:
        return None
    interface = interfaces[number]
    at = (high << 32 | low) * interface.tick + interface.offset_s
    return at, interface.link_type, body[20 : 20 + captured], wire_bytes
