"""Writes src/toktra/up/sample.pcap: two working weeks of AI use that never happened, in real TLS.

Sizes and streaming patterns come from generated conversations (bench/tokens/data); client and server are two OpenSSL
objects in this process, and no packet leaves it. Only what a replay needs is kept of each packet: hellos whole, of
everything else the headers and five bytes, as a capture with a short snap length would have it.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import random
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

HERE = Path(__file__).parent.parent
MSS = 1448
HEADER_BYTES = 14 + 20 + 32
RECORD_HEADER_BYTES = 5
ONE_RECORD = 15_000
"""Requests stay below this, so that each is one TLS record and its header starts a packet."""
SYN, ACK, PSH, FIN = 0x02, 0x10, 0x08, 0x01
BORROWED = {"claude.ai": "api.anthropic.com"}
"""A host without generated conversations of its own borrows the sizes of the maker's other one."""


@dataclass
class Capture:
    """Packets in the order they are written, each as (time, bytes on the wire, bytes kept)."""

    packets: list[tuple[float, bytes, int]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Writes a pcap file with microsecond stamps, packets sorted by time."""
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for at, kept, length in sorted(self.packets, key=lambda packet: packet[0]):
                microseconds = round(at * 1e6)
                file.write(struct.pack("<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(kept), length))
                file.write(kept)


class Connection:
    """One TLS connection between two in-memory endpoints, recorded as TCP packets."""

    def __init__(self, capture: Capture, contexts: tuple[ssl.SSLContext, ssl.SSLContext], name: str, at: float) -> None:
        self.capture, self.at = capture, at
        self.port, self.server = random.randrange(32768, 60999), random.randrange(1, 250)
        self.sequence = [random.getrandbits(32), random.getrandbits(32)]
        self.pipes = [ssl.MemoryBIO(), ssl.MemoryBIO()]
        client, server = contexts
        self.client = client.wrap_bio(self.pipes[1], self.pipes[0], server_hostname=name)
        self.peer = server.wrap_bio(self.pipes[0], self.pipes[1], server_side=True)

    def packet(self, side: int, flags: int, payload: bytes = b"", *, keep: bool = False) -> None:
        """Records one packet of `side` (0 client, 1 server)."""
        ends = (bytes([192, 0, 2, 7]), self.port), (bytes([198, 51, 100, self.server]), 443)
        (source, source_port), (target, target_port) = ends[side], ends[1 - side]
        segment = (
            struct.pack(
                ">HHIIBBHHH",
                source_port,
                target_port,
                self.sequence[side],
                self.sequence[1 - side],
                8 << 4,
                flags,
                502,
                0,
                0,
            )
            + bytes([1, 1, 8, 10])
            + bytes(8)
        )
        length = 20 + len(segment) + len(payload)
        packet = (
            bytes(12)
            + b"\x08\x00"
            + struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, 6, 0, source, target)
            + segment
            + payload
        )
        self.capture.packets.append(
            (self.at, packet if keep else packet[: HEADER_BYTES + RECORD_HEADER_BYTES], len(packet))
        )
        self.sequence[side] = (self.sequence[side] + len(payload) + bool(flags & (SYN | FIN))) % 2**32
        self.at += 20e-6

    def send(self, side: int, *, keep: bool = False) -> None:
        """Moves what one side has written to the other, as full segments and a rest."""
        data = self.pipes[side].read()
        for start in range(0, len(data), MSS):
            self.packet(side, ACK | PSH, data[start : start + MSS], keep=keep)
        self.pipes[side].write(data)

    def handshake(self) -> None:
        self.packet(0, SYN)
        self.packet(1, SYN | ACK)
        self.packet(0, ACK)
        for side, end in ((0, self.client), (1, self.peer), (0, self.client), (1, self.peer)):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
            self.send(side, keep=side == 0)
            self.at += 0.012

    def say(self, side: int, size: int) -> None:
        """Writes `size` bytes of nothing in particular through TLS."""
        writer, reader = (self.client, self.peer) if side == 0 else (self.peer, self.client)
        writer.write(random.randbytes(max(1, size)))
        self.send(side)
        left = size
        while left > 0:
            left -= len(reader.read(left))

    def exchange(self, row: dict[str, Any]) -> None:
        """One request and its answer with the sizes and the streaming of `row`."""
        self.say(0, row["request_bytes"] - 30)
        self.at += random.uniform(0.3, 1.8)
        parts = max(1, row["segments_in"]) if row["streamed"] else 1
        for _ in range(parts):
            self.say(1, max(1, row["response_bytes"] // parts - 22))
            self.at += random.uniform(0.01, 0.06) if row["streamed"] else 0
        self.packet(0, ACK)

    def close(self) -> None:
        self.packet(0, FIN | ACK)
        self.packet(1, FIN | ACK)
        self.packet(0, ACK)


def conversations(path: Path) -> dict[str, list[list[dict[str, Any]]]]:
    """Generated conversations by host, turns in order, none with very long requests or answers."""
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with gzip.open(path, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            grouped.setdefault((row["provider_host"], row["conversation"]), []).append(row)
    by_host: dict[str, list[list[dict[str, Any]]]] = {}
    for (host, _), turns in grouped.items():
        if all(turn["request_bytes"] < ONE_RECORD and turn["segments_in"] < 250 for turn in turns):
            by_host.setdefault(host, []).append(turns)
    return by_host


def moments(end: datetime, days: int) -> Iterator[datetime]:
    """When conversations begin: working hours, fewer on Fridays, hardly any at weekends."""
    for back in range(days, -1, -1):
        day = end - timedelta(days=back)
        count = {4: 8, 5: 1, 6: 2}.get(day.weekday(), random.randrange(10, 17))
        for _ in range(count):
            hour = min(19.5, max(7.5, random.gauss(13, 2.8)))
            moment = day.replace(hour=0, minute=0, second=0) + timedelta(hours=hour)
            if moment < end:
                yield moment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE / "bench/tokens/data/simulated.jsonl.gz")
    parser.add_argument("--output", type=Path, default=HERE / "src/toktra/up/sample.pcap")
    parser.add_argument("--days", type=int, default=12)
    arguments = parser.parse_args()
    random.seed(20260101)

    names = {
        "api.anthropic.com": 9,
        "api.openai.com": 8,
        "chatgpt.com": 6,
        "claude.ai": 4,
        "generativelanguage.googleapis.com": 4,
        "api.mistral.ai": 3,
        "www.example.org": 3,
    }
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)

    talk = conversations(arguments.data)
    capture = Capture()
    end = datetime(2026, 11, 20, 16, 40, tzinfo=UTC)
    for moment in moments(end, arguments.days):
        [name] = random.choices(list(names), weights=list(names.values()))
        turns = random.choice(talk[BORROWED.get(name, name if name in talk else "api.openai.com")])
        connection = Connection(capture, (client, server), name, moment.timestamp())
        connection.handshake()
        for turn in turns[:5]:
            connection.exchange(turn)
            connection.at += random.uniform(5, 90)
        connection.close()
    capture.write(arguments.output)
    print(f"{arguments.output}: {len(capture.packets)} packets, {arguments.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
