"""IP packets cut into fragments are counted, and named, as if they were whole."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from toktra.agent.capture.replay import SeenConnection, connections

HOST = "api.openai.com"
PIECE = 256


def cut_ipv4(packet: bytes, number: int) -> list[bytes]:
    body = packet[20:]
    out = []
    for at in range(0, len(body), PIECE):
        piece = body[at : at + PIECE]
        place = (0x2000 if at + PIECE < len(body) else 0) | at >> 3
        middle = struct.pack(">HHH", 20 + len(piece), number, place)
        out.append(packet[:2] + middle + packet[8:20] + piece)
    return out


def cut_ipv6(packet: bytes, number: int) -> list[bytes]:
    """Behind a header of destination options, which a fragment header may follow (RFC 8200 4.1)."""
    body = packet[40:]
    out = []
    for at in range(0, len(body), PIECE):
        piece = body[at : at + PIECE]
        options = b"\x2c\0" + bytes(6)
        fragment = struct.pack(">BBHI", packet[6], 0, at | (at + PIECE < len(body)), number)
        middle = struct.pack(">HB", 16 + len(piece), 60)
        out.append(packet[:4] + middle + packet[7:40] + options + fragment + piece)
    return out


CUTS = {"10.0.0.1": cut_ipv4, "fd00::1": cut_ipv6}


def conversation(wire: Any, recording: Any, talk: Any, client: str) -> SeenConnection:
    """Written whole, and what is seen in it."""
    connection = talk(recording, client=client, server=client[:-1] + "2")
    hello = wire.real_hello(HOST)
    connection.open()
    connection.send(0, hello)
    connection.answer(0, bytes(3000))
    connection.send(len(hello), bytes(999))
    connection.answer(3000, bytes(20_000))
    (whole,) = connections(recording.write())
    assert (whole.host, whole.request_bytes, whole.response_bytes) == (HOST, len(hello) + 999, 23_000)
    return whole


@pytest.mark.parametrize("client", CUTS)
@pytest.mark.parametrize("order", ["as sent", "backwards", "mixed up", "twice"])
def test_fragments_in_any_order_change_no_count_and_no_name(
    wire: Any, recording: Any, talk: Any, client: str, order: str
) -> None:
    whole = conversation(wire, recording, talk, client)
    packets, recording.packets = recording.packets, []
    for number, (at, packet) in enumerate(packets):
        pieces = CUTS[client](packet, number)
        if order == "backwards" and len(pieces) < 16:  # more of one packet are not kept
            pieces.reverse()
        elif order == "mixed up":
            random.Random(number).shuffle(later := pieces[1:])
            pieces[1:] = later
        elif order == "twice":
            pieces *= 2
        recording.packets += [(at, piece) for piece in pieces]
    (seen,) = connections(recording.write())
    assert (seen.host, seen.request_bytes, seen.response_bytes) == (
        HOST,
        whole.request_bytes,
        whole.response_bytes,
    )


def test_a_capture_of_first_fragments_alone_counts_what_it_holds(wire: Any, recording: Any, talk: Any) -> None:
    """A filter on ports leaves the later fragments out: they have none."""
    conversation(wire, recording, talk, "10.0.0.1")
    recording.packets = [(at, cut_ipv4(packet, number)[0]) for number, (at, packet) in enumerate(recording.packets)]
    (seen,) = connections(recording.write())
    assert (seen.host, seen.request_bytes, seen.response_bytes) == (None, 2 * (PIECE - 20), 2 * (PIECE - 20))


def test_later_fragments_of_udp_are_in_the_first_ones_length(recording: Any) -> None:
    initial = b"\xc0\x00\x00\x00\x01\x08" + bytes(1194)
    recording.udp(initial)
    recording.udp(b"\x45" + bytes(1199), back=True)
    packets, recording.packets = recording.packets, []
    for number, (at, packet) in enumerate(packets):
        recording.packets += [(at, piece) for piece in cut_ipv4(packet, number)]
    (seen,) = connections(recording.write())
    assert (seen.request_bytes, seen.response_bytes) == (1200, 1200)


def test_fragments_without_a_first_one_are_forgotten(recording: Any) -> None:
    for number in range(1000):
        recording.add(b"\x45\0" + struct.pack(">HHH", 120, number, 0x2010) + b"\x40\x06\0\0" + bytes(8) + bytes(100))
    assert list(connections(recording.write())) == []
