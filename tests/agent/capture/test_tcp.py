"""New bytes of a TCP direction, and the client's bytes in order, against a plain set of places as the oracle."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.agent.capture.names import Hello, Refusal
from toktra.agent.capture.tcp import MAX_HELD_SEGMENTS, ClientStream, Covered

SEGMENTS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=60)


@given(segments=SEGMENTS, first=st.sampled_from([0, 5000, 2**32 - 200]), known=st.booleans())
@settings(max_examples=500, deadline=None)
def test_each_byte_is_new_once(segments: list[tuple[int, int]], first: int, known: bool) -> None:
    """Also across the wrap of 32 bits, and below the first byte seen when the beginning is not known."""
    covered = Covered(first, from_beginning=known)
    seen: set[int] = set()
    for offset, size in segments:
        sequence = first + offset - 100
        start = covered.place(sequence & 0xFFFFFFFF)
        assert start == sequence
        places = {place for place in range(sequence, sequence + size) if not known or place >= first}
        assert covered.add(start, start + size) == len(places - seen)
        seen |= places


@given(st.randoms(use_true_random=False), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_a_hello_is_read_from_segments_in_any_order(wire: Any, chance: Any, size: int) -> None:
    stream = wire.real_hello("api.openai.com")
    segments = [(at, stream[at : at + size]) for at in range(0, len(stream), size)]
    segments += [(max(0, at - 7), stream[max(0, at - 7) : at + size]) for at, _ in segments[::3]]
    chance.shuffle(segments)
    client = ClientStream(0, midstream=False)
    for at, data in segments:
        client.take(at, data, len(data))
    assert isinstance(client.answer, Hello)
    assert client.answer.host == "api.openai.com"


def test_a_hole_that_never_fills_gives_no_name_but_finds_the_records_again(wire: Any) -> None:
    stream = wire.real_hello("api.openai.com")
    client = ClientStream(0, midstream=False)
    client.take(0, stream[:100], 100)  # the rest of the hello never comes
    record = b"\x17\x03\x03\x00\x64" + bytes(100)
    for number in range(MAX_HELD_SEGMENTS + 2):
        client.take(len(stream) + number * len(record), record, len(record))
    assert client.answer is None
    last = client.take(len(stream) + (MAX_HELD_SEGMENTS + 2) * len(record), record, len(record))
    assert last == [(23, 100)]


def test_a_snap_length_inside_the_hello_ends_the_reading(wire: Any) -> None:
    stream = wire.records(wire.message(wire.extension(21, bytes(400)), wire.server_name(b"api.openai.com")))
    client = ClientStream(0, midstream=False)
    client.take(0, stream[:200], len(stream))
    assert isinstance(client.answer, Hello)
    assert client.answer.host is None


def test_what_is_no_tls_is_given_up_at_once() -> None:
    client = ClientStream(0, midstream=False)
    assert client.take(0, b"\x00\x01\x02\x03", 4) == []
    assert client.answer is Refusal.NOT_TLS
