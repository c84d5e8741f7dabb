"""Capture file formats: the same packets, written in every way that is read, give the same connections."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from toktra.agent.capture.pcap import (
    DamagedCapture,
    NotACapture,
    Packet,
    TruncatedCapture,
    UnknownLinkType,
    read_packets,
)
from toktra.agent.capture.replay import SeenConnection, connections

T = TypeVar("T")
SCENARIO = "o01_curl_h1"
TICKS_PER_S = {6: 10**6, 9: 10**9, 0x80 | 20: 2**20}
"""By the value of if_tsresol."""


@pytest.fixture
def packets(captures: Path) -> list[Packet]:
    return list(read_packets(captures / f"{SCENARIO}.pcap"))


@pytest.fixture
def expected(captures: Path) -> list[SeenConnection]:
    return list(connections(captures / f"{SCENARIO}.pcap"))


def pcap(
    packets: list[Packet], *, order: str = "<", nanoseconds: bool = False, link_type: int = 1, variant: bool = False
) -> bytes:
    magic, ticks = (0xA1B23C4D, 10**9) if nanoseconds else (0xA1B2CD34 if variant else 0xA1B2C3D4, 10**6)
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
    for at, _, data, wire_bytes in packets:
        out += (
            struct.pack(order + "IIII", int(at), int(at % 1 * ticks), len(data), wire_bytes) + bytes(8 * variant) + data
        )
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, *, resolution: int = 6, link_type: int = 1) -> bytes:
    options = struct.pack(order + "HHBxxx", 9, 1, resolution) + struct.pack(order + "HH", 0, 0)
    return block(order, 1, struct.pack(order + "HHI", link_type, 0, 0) + options)


def enhanced(order: str, packet: Packet, *, number: int = 0, resolution: int = 6) -> bytes:
    at, _, data, wire_bytes = packet
    ticks = int(at * TICKS_PER_S[resolution])
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire_bytes)
    return block(order, 6, head + data)


def framed(link: Callable[[bytes, bytes], bytes]) -> Callable[[list[Packet]], list[Packet]]:
    """The packets behind another link header, made of (EtherType, IP packet)."""

    def change(packets: list[Packet]) -> list[Packet]:
        out = []
        for at, kind, data, wire_bytes in packets:
            frame = link(data[12:14], data[14:])
            out.append((at, kind, frame, wire_bytes - len(data) + len(frame)))
        return out

    return change


def keep_all(source: Iterator[T], kept: list[T]) -> None:
    for one in source:
        kept.append(one)  # noqa: PERF402 (what came before an error is kept)


def within(protocol: int, body: bytes) -> bytes:
    """An Ethernet frame with an IPv4 packet that is a tunnel's."""
    return bytes(12) + b"\x08\0" + struct.pack(">BBHHHBBH8x", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0) + body


def datagram(port: int, body: bytes) -> bytes:
    return within(17, struct.pack(">HHHH", 50_000, port, 8 + len(body), 0) + body)


LABELS = b"\0\x01\0\x40" + b"\0\x02\x01\x40"
ADDRESSES = bytes(12)

LINKS = {
    "VLAN": (1, framed(lambda kind, ip: bytes(12) + b"\x81\x00\x00\x05" + kind + ip)),
    "QinQ": (1, framed(lambda kind, ip: bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + kind + ip)),
    "PPPoE": (1, framed(lambda _, ip: bytes(12) + b"\x88\x64\x11\x00\x00\x01\x00\x00\x00\x21" + ip)),
    "Ethernet with padding": (1, framed(lambda kind, ip: bytes(12) + kind + ip + bytes(6))),
    "cooked": (113, framed(lambda kind, ip: bytes(14) + kind + ip)),
    "cooked 2": (276, framed(lambda kind, ip: kind + bytes(18) + ip)),
    "MPLS": (1, framed(lambda _, ip: ADDRESSES + b"\x88\x47" + LABELS + ip)),
    "Ethernet in MPLS": (
        1,
        framed(lambda kind, ip: ADDRESSES + b"\x88\x47" + LABELS + bytes(4) + ADDRESSES + kind + ip),
    ),
    "802.3": (1, framed(lambda kind, ip: ADDRESSES + b"\x05\0\xaa\xaa\x03\0\0\0" + kind + ip)),
    "PPP": (9, framed(lambda _, ip: b"\xff\x03\0\x21" + ip)),
    "PPP over HDLC": (50, framed(lambda _, ip: b"\0\x21" + ip)),
    "IP in IP": (1, framed(lambda _, ip: within(4, ip))),
    "IP in IP in IP": (1, framed(lambda _, ip: within(4, within(4, ip)[14:]))),
    "GRE": (1, framed(lambda kind, ip: within(47, b"\0\0" + kind + ip))),
    "GRE with checksum, key and number": (1, framed(lambda kind, ip: within(47, b"\xb0\0" + kind + bytes(12) + ip))),
    "Ethernet in GRE": (1, framed(lambda kind, ip: within(47, b"\0\0\x65\x58" + ADDRESSES + kind + ip))),
    "PPP in GRE": (1, framed(lambda _, ip: within(47, b"\x30\x81\x88\x0b" + bytes(12) + b"\xff\x03\0\x21" + ip))),
    "ERSPAN": (1, framed(lambda kind, ip: within(47, b"\x10\0\x88\xbe" + bytes(12) + ADDRESSES + kind + ip))),
    "ERSPAN 3": (1, framed(lambda kind, ip: within(47, b"\x10\0\x22\xeb" + bytes(16) + ADDRESSES + kind + ip))),
    "VXLAN": (1, framed(lambda kind, ip: datagram(4789, b"\x08\0\0\0\0\0\x07\0" + ADDRESSES + kind + ip))),
    "Geneve": (1, framed(lambda kind, ip: datagram(6081, b"\x01\0\x65\x58" + bytes(8) + ADDRESSES + kind + ip))),
    "raw": (101, framed(lambda _, ip: ip)),
    "raw, BSD": (12, framed(lambda _, ip: ip)),
    "IPv4": (228, framed(lambda _, ip: ip)),
    "null": (0, framed(lambda _, ip: b"\x02\x00\x00\x00" + ip)),
    "loop": (108, framed(lambda _, ip: b"\x00\x00\x00\x02" + ip)),
}


@pytest.mark.parametrize("link", LINKS)
def test_link_layers(link: str, packets: list[Packet], expected: list[SeenConnection], tmp_path: Path) -> None:
    link_type, change = LINKS[link]
    file = tmp_path / "made.pcap"
    file.write_bytes(pcap(change(packets), link_type=link_type))
    assert list(connections(file)) == expected


@pytest.mark.parametrize("version", [4, 6])
def test_ipv6_in_a_tunnel(version: int, captures: Path, tmp_path: Path) -> None:
    """6in4 (protocol 41), and IPv6 in IPv6."""
    packets = list(read_packets(captures / "o15_ipv6.pcap"))
    six = struct.pack(">IHBB32x", 6 << 28, 0, 41, 64)

    def link(kind: bytes, ip: bytes) -> bytes:
        if version == 4:
            return within(41, ip) if kind == b"\x86\xdd" else ADDRESSES + kind + ip
        return ADDRESSES + b"\x86\xdd" + six[:4] + struct.pack(">H", len(ip)) + six[6:] + ip

    file = tmp_path / "made.pcap"
    file.write_bytes(pcap(framed(link)([one for one in packets if one[2][12:14] == b"\x86\xdd"])))
    assert list(connections(file)) == list(connections(captures / "o15_ipv6.pcap"))


def test_tunnels_without_end_are_no_danger(tmp_path: Path) -> None:
    frame = within(4, b"")[14:] * 3000
    file = tmp_path / "made.pcap"
    file.write_bytes(pcap([(0.0, 101, frame, len(frame))], link_type=101))
    assert list(connections(file)) == []


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_in_both_orders_and_resolutions(
    order: str, nanoseconds: bool, packets: list[Packet], tmp_path: Path
) -> None:
    file = tmp_path / "made.pcap"
    file.write_bytes(pcap(packets, order=order, nanoseconds=nanoseconds))
    found = list(read_packets(file))
    assert [one[1:] for one in found] == [one[1:] for one in packets]
    assert [one[0] for one in found] == pytest.approx([one[0] for one in packets], abs=2e-6)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("resolution", TICKS_PER_S)
def test_pcapng_in_both_orders_and_any_resolution(
    order: str, resolution: int, packets: list[Packet], tmp_path: Path
) -> None:
    file = tmp_path / "made.pcapng"
    statistics = block(order, 5, bytes(12))
    body = [enhanced(order, packet, resolution=resolution) for packet in packets]
    file.write_bytes(section(order) + interface(order, resolution=resolution) + statistics + b"".join(body))
    found = list(read_packets(file))
    assert [one[2] for one in found] == [one[2] for one in packets]
    assert [one[0] for one in found] == pytest.approx([one[0] for one in packets], abs=2e-6)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_with_longer_records(order: str, packets: list[Packet], tmp_path: Path) -> None:
    file = tmp_path / "made.pcap"
    file.write_bytes(pcap(packets, order=order, variant=True))
    assert [one[1:] for one in read_packets(file)] == [one[1:] for one in packets]


def test_pcapng_sections_and_interfaces(packets: list[Packet], expected: list[SeenConnection], tmp_path: Path) -> None:
    """The second section has the other byte order, and its packets come in on its second interface, as raw IP."""
    half = len(packets) // 2
    raw = LINKS["raw"][1](packets[half:])
    file = tmp_path / "made.pcapng"
    file.write_bytes(
        section("<")
        + interface("<")
        + b"".join(enhanced("<", packet) for packet in packets[:half])
        + section(">")
        + interface(">")
        + interface(">", resolution=9, link_type=101)
        + b"".join(enhanced(">", packet, number=1, resolution=9) for packet in raw)
    )
    assert list(connections(file)) == expected


def test_an_interface_that_is_not_read_hides_no_other(
    packets: list[Packet], expected: list[SeenConnection], tmp_path: Path
) -> None:
    file = tmp_path / "made.pcapng"
    other = enhanced("<", packets[0], number=1)
    body = [other, *(enhanced("<", packet) for packet in packets), other]
    file.write_bytes(section("<") + interface("<") + interface("<", link_type=220) + b"".join(body))
    found: list[SeenConnection] = []
    with pytest.raises(UnknownLinkType, match="link type 220, which were passed over"):
        keep_all(connections(file), found)
    assert found == expected


def test_pcapng_simple_packets(packets: list[Packet], tmp_path: Path) -> None:
    file = tmp_path / "made.pcapng"
    simple = [block("<", 3, struct.pack("<I", packet[3]) + packet[2]) for packet in packets]
    file.write_bytes(section("<") + interface("<") + b"".join(simple))
    assert [one[2] for one in read_packets(file)] == [one[2] for one in packets]


@pytest.mark.parametrize("scenario", ["o01_curl_h1", "o07_chromium_h3", "o10_one_byte_segments", "o21_gso_superframes"])
@pytest.mark.parametrize("snap_bytes", [96, 256, 1000])
def test_a_snap_length_changes_no_byte_count(scenario: str, snap_bytes: int, captures: Path, tmp_path: Path) -> None:
    whole = list(read_packets(captures / f"{scenario}.pcap"))
    file = tmp_path / "made.pcap"
    file.write_bytes(pcap([(at, kind, data[:snap_bytes], size) for at, kind, data, size in whole]))
    expected = {one.client: one for one in connections(captures / f"{scenario}.pcap")}
    for one in connections(file):
        full = expected[one.client]
        assert (one.request_bytes, one.response_bytes) == (full.request_bytes, full.response_bytes)
        assert one.host in {None, full.host}


@pytest.mark.parametrize("lost", [1, 15, 16, 17, 60])
def test_a_file_that_breaks_off_gives_what_is_whole_and_says_so(
    lost: int, captures: Path, packets: list[Packet], tmp_path: Path
) -> None:
    file = tmp_path / "cut.pcap"
    file.write_bytes((captures / f"{SCENARIO}.pcap").read_bytes()[:-lost])
    found: list[Packet] = []
    with pytest.raises(TruncatedCapture, match=f"inside packet {len(packets)}: .* The {len(packets) - 1} packets"):
        keep_all(read_packets(file), found)
    assert found == packets[:-1]
    seen: list[SeenConnection] = []
    with pytest.raises(TruncatedCapture):
        keep_all(connections(file), seen)
    assert sorted(str(one.host) for one in seen) == ["api.openai.com", "example.org"]


def test_a_pcapng_file_that_breaks_off(packets: list[Packet], tmp_path: Path) -> None:
    whole = section("<") + interface("<") + enhanced("<", packets[0]) + enhanced("<", packets[1])
    for lost in (1, 4, 30, len(enhanced("<", packets[1])) - 3):
        file = tmp_path / "cut.pcapng"
        file.write_bytes(whole[:-lost])
        reader = read_packets(file)
        assert next(reader)[2] == packets[0][2]
        with pytest.raises(TruncatedCapture, match="inside packet 2"):
            next(reader)


def test_damage_is_named(packets: list[Packet], tmp_path: Path) -> None:
    file = tmp_path / "damaged.pcap"
    file.write_bytes(pcap(packets[:2]) + struct.pack("<IIII", 0, 0, 0x7FFFFFFF, 60) + bytes(100))
    with pytest.raises(DamagedCapture, match="after packet 2: the next record claims 2147483647 captured bytes"):
        list(read_packets(file))
    file.write_bytes(section("<") + interface("<") + enhanced("<", packets[0], number=3))
    with pytest.raises(DamagedCapture, match="after packet 0: the next record does not fit its interface"):
        list(read_packets(file))
    file.write_bytes(section("<") + struct.pack("<II", 6, 3))
    with pytest.raises(DamagedCapture, match="claims 3 bytes"):
        list(read_packets(file))


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08\x00", "run gunzip"),
        (b"\x28\xb5\x2f\xfd", "run unzstd"),
        (b"PK\x03\x04", "unpack it"),
        (b"root:x:0", "starts with the bytes 72 6f 6f 74"),
        (b"\xd4\xc3", "neither pcap nor pcapng"),
    ],
)
def test_what_is_no_capture_is_refused_by_name(start: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(start)
    with pytest.raises(NotACapture, match=f"notes.txt.*{sentence}"):
        list(read_packets(file))


def test_an_unknown_link_type_is_named(packets: list[Packet], tmp_path: Path) -> None:
    file = tmp_path / "usb.pcap"
    file.write_bytes(pcap(packets, link_type=220))
    with pytest.raises(UnknownLinkType, match=r"link type 220, .*Ethernet \(1\)"):
        list(connections(file))
