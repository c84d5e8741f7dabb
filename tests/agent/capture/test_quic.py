"""QUIC Initials of versions 1 and 2, with aioquic as the oracle."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicProtocolVersion
from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.agent.capture.names import Hello, QuicReader, Refusal
from toktra.agent.capture.quic import MAX_INITIALS

V1, V2 = QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2
LONG_ALPN = [f"protocol-number-{number}" for number in range(150)]
"""Makes a hello that needs three datagrams."""


@cache
def openai_datagram() -> bytes:
    return first_flight("api.openai.com")[0]


def first_flight(host: str, *, version: int = V1, alpn: list[str] | None = None) -> list[bytes]:
    configuration = QuicConfiguration(
        is_client=True,
        server_name=host,
        alpn_protocols=alpn or ["h3"],
        original_version=version,
        supported_versions=[version],
    )
    client = QuicConnection(configuration=configuration)
    client.connect(("10.0.0.2", 443), now=0.0)
    return [datagram for datagram, _ in client.datagrams_to_send(now=0.0)]


def read(datagrams: list[bytes]) -> Hello | Refusal | None:
    reader = QuicReader()
    for datagram in datagrams:
        answer = reader.feed(datagram)
        if answer is not None:
            return answer
    return None


def host_of(answer: Hello | Refusal | None) -> str | None:
    return answer.host if isinstance(answer, Hello) else None


@pytest.mark.parametrize("version", [V1, V2])
def test_a_hello_in_one_datagram(version: int) -> None:
    assert host_of(read(first_flight("api.openai.com", version=version))) == "api.openai.com"


@pytest.mark.parametrize("version", [V1, V2])
def test_a_hello_over_several_datagrams_in_any_order(version: int) -> None:
    flight = first_flight("claude.ai", version=version, alpn=LONG_ALPN)
    assert len(flight) >= 3
    for seed in range(10):
        shuffled = flight * 2
        random.Random(seed).shuffle(shuffled)
        assert host_of(read(shuffled)) == "claude.ai"
    assert read(flight[:-1]) is None
    assert read(flight[1:]) is None


def test_initials_coalesced_into_one_datagram() -> None:
    flight = first_flight("claude.ai", alpn=LONG_ALPN)
    assert host_of(read([b"".join(flight)])) == "claude.ai"


def test_datagrams_of_another_connection_change_nothing() -> None:
    flight = first_flight("claude.ai", alpn=LONG_ALPN)
    others = first_flight("other.example", alpn=LONG_ALPN)[1:]
    assert host_of(read([flight[0], others[0], *flight[1:]])) in {"claude.ai", None}


@given(place=st.integers(0, 1199), value=st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_a_datagram_changed_anywhere_never_gives_another_name(place: int, value: int) -> None:
    datagram = bytearray(openai_datagram())
    datagram[place] ^= value
    assert host_of(read([bytes(datagram)])) in {None, "api.openai.com"}


@given(st.binary(max_size=1500), st.sampled_from([b"", b"\xc0\x00\x00\x00\x01", b"\xd0\x6b\x33\x43\xcf\x08"]))
@settings(max_examples=500, deadline=None)
def test_arbitrary_datagrams_name_nothing(rest: bytes, start: bytes) -> None:
    assert host_of(read([start + rest] * 3)) is None


def test_datagrams_that_cannot_be_opened_are_given_up_on() -> None:
    noise = b"\xc0\x00\x00\x00\x01\x08" + bytes(8) + b"\x00\x00\x44\x00" + bytes(1180)
    assert read([noise] * MAX_INITIALS) is Refusal.UNDECRYPTABLE
    assert read([noise] * (MAX_INITIALS - 1)) is None


def sealed(frames: bytes, *, number: int = 0) -> bytes:
    """A client's Initial packet with these frames, sealed by aioquic."""
    connection_id = bytes(range(8))
    frames += bytes(max(0, 40 - len(frames)))
    keys = CryptoPair()
    keys.setup_initial(connection_id, is_client=True, version=V1)
    length = 0x4000 | len(frames) + 2 + 16
    header = b"\xc1\x00\x00\x00\x01\x08" + connection_id + b"\x00\x00" + length.to_bytes(2, "big")
    return keys.encrypt_packet(header + number.to_bytes(2, "big"), frames, number)


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + (0x4000 | offset).to_bytes(2, "big") + (0x80000000 | len(data)).to_bytes(4, "big") + data


def test_every_frame_an_initial_may_hold(wire: Any) -> None:
    message = wire.message(wire.server_name(b"api.openai.com"))
    ack = b"\x02\x05\x00\x01\x00\x01\x01"
    ack_with_counts = b"\x03\x40\x05\x00\x00\x00\x01\x01\x01"
    first = sealed(ack + b"\x01" + crypto(30, message[30:]) + bytes(9) + crypto(0, message[:10]))
    second = sealed(ack_with_counts + crypto(5, message[5:40]), number=1)
    assert read([first]) is None
    assert host_of(read([first, second])) == "api.openai.com"
    assert host_of(read([second, first])) == "api.openai.com"


@pytest.mark.parametrize(
    ("frames", "answer"),
    [
        (crypto(0, b"\x02" + bytes(60)), Refusal.NOT_A_HELLO),
        (crypto(0, b"\x01\xff\xff\xff"), Refusal.TOO_LONG),
        (crypto(0, b"\x01\x00\x01\x00abc") + crypto(2, b"other"), Refusal.CONTRADICTION),
        (crypto(0, b"\x01\x00"), None),
        (b"\x06\x00\x7f\xff" + bytes(50), Refusal.MALFORMED),
        (bytes(45) + b"\x06\x40", Refusal.MALFORMED),
        (bytes(45) + b"\x02\xc0\x00", Refusal.MALFORMED),
        (b"\x08" + bytes(50), Refusal.MALFORMED),
        (b"\x1c" + bytes(50), None),
    ],
)
def test_frames_that_hold_no_hello(frames: bytes, answer: Refusal | None) -> None:
    assert read([sealed(frames)]) is answer


def test_long_headers_that_are_cut_are_passed_over() -> None:
    whole = first_flight("api.openai.com")[0]
    for size in (1, 5, 7, 14, 20, 30, 60):
        assert read([whole[:size]]) is None
    retry = b"\xf0\x00\x00\x00\x01\x00\x08" + bytes(100)
    long_id = b"\xc0\x00\x00\x00\x01\x15" + bytes(100)
    assert read([retry, long_id]) is None
