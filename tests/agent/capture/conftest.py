"""Builds what the tests put on the wire: hellos, TCP segments, frames and capture files."""

from __future__ import annotations

import json
import ssl
import struct
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

CAPTURES = Path(__file__).parents[2] / "data" / "captures"


@pytest.fixture(scope="session")
def captures() -> Path:
    return CAPTURES


@pytest.fixture(scope="session")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURES / "truth.json").read_text("utf-8"))
    return found


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body)) + body


def server_name(name: bytes, *, kind: int = 0) -> bytes:
    entry = bytes((kind,)) + struct.pack(">H", len(name)) + name
    return extension(0, struct.pack(">H", len(entry)) + entry)


class Wire:
    """What a client and a server put on the wire."""

    extension = staticmethod(extension)
    server_name = staticmethod(server_name)

    @staticmethod
    @cache
    def real_hello(host: str) -> bytes:
        """The first record of OpenSSL's client."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=host)
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        return outgoing.read()

    @staticmethod
    def message(*extensions: bytes, suites: bytes = b"\x13\x01") -> bytes:
        """A ClientHello handshake message with these extensions."""
        block = b"".join(extensions)
        body = b"\x03\x03" + bytes(32) + b"\0" + struct.pack(">H", len(suites)) + suites + b"\x01\0"
        body += struct.pack(">H", len(block)) + block
        return b"\x01" + len(body).to_bytes(3, "big") + body

    @staticmethod
    def records(message: bytes, size: int = 16384) -> bytes:
        """A handshake message as TLS records of at most `size` bytes."""
        cuts = [message[at : at + size] for at in range(0, len(message), size)]
        return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(cut)) + cut for cut in cuts)


@pytest.fixture(scope="session")
def wire() -> Wire:
    return Wire()


def tcp_segment(ports: tuple[int, int], sequence: int, flags: int, payload: bytes, acknowledged: int = 0) -> bytes:
    numbers = sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF
    return struct.pack(">HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 65535, 0, 0) + payload


def udp_datagram(ports: tuple[int, int], payload: bytes) -> bytes:
    return struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload


def ip_packet(source: str, destination: str, protocol: int, body: bytes) -> bytes:
    addresses = ip_address(source).packed + ip_address(destination).packed
    if len(addresses) == 8:
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0) + addresses + body
    return struct.pack(">IHBB", 6 << 28, len(body), protocol, 64) + addresses + body


@dataclass
class Recording:
    """A capture in the making. Raw IP; each packet comes a millisecond after the one before, unless `at` says else."""

    path: Path
    packets: list[tuple[float, bytes]] = field(default_factory=list)
    at: float = 1_800_000_000.0

    def add(self, packet: bytes) -> None:
        self.at += 0.001
        self.packets.append((self.at, packet))

    def udp(self, payload: bytes, *, port: int = 443, back: bool = False) -> None:
        ends, ports = ("10.0.0.1", "10.0.0.2"), (50000, port)
        if back:
            ends, ports = ends[::-1], ports[::-1]
        self.add(ip_packet(*ends, 17, udp_datagram(ports, payload)))

    def write(self, *, snap_bytes: int = 262144, link_type: int = 101) -> Path:
        out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snap_bytes, link_type)
        for at, packet in self.packets:
            kept = packet[:snap_bytes]
            out += struct.pack("<IIII", int(at), round(at % 1 * 1e6), len(kept), len(packet)) + kept
        self.path.write_bytes(out)
        return self.path


@dataclass
class TcpTalk:
    """One TCP connection in a recording. Places in the stream count from 0, as do the peers' first bytes."""

    recording: Recording
    client_port: int = 50000
    server_port: int = 443
    client: str = "10.0.0.1"
    server: str = "10.0.0.2"
    client_isn: int = 1000
    server_isn: int = 9000

    def send(self, place: int, payload: bytes, *, flags: int = 0x18) -> None:
        self._add(self.client_isn + 1 + place, flags, payload, back=False)

    def answer(self, place: int, payload: bytes, *, flags: int = 0x18) -> None:
        self._add(self.server_isn + 1 + place, flags, payload, back=True)

    def open(self, early: bytes = b"") -> None:
        self._add(self.client_isn, 0x02, early, back=False)
        self._add(self.server_isn, 0x12, b"", back=True)

    def reset(self, place: int) -> None:
        self.send(place, b"", flags=0x04)

    def _add(self, sequence: int, flags: int, payload: bytes, *, back: bool) -> None:
        ends, ports = (self.client, self.server), (self.client_port, self.server_port)
        acknowledged = self.client_isn + 1
        if back:
            ends, ports = ends[::-1], ports[::-1]
        segment = tcp_segment(ports, sequence, flags, payload, acknowledged)
        self.recording.add(ip_packet(*ends, 6, segment))


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "made.pcap")


@pytest.fixture(scope="session")
def talk() -> type[TcpTalk]:
    return TcpTalk
