"""TLS record headers found in a stream, also when a snap length hides some."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.agent.capture.records import Records


def record(kind: int, length: int) -> bytes:
    return bytes((kind, 3, 3)) + length.to_bytes(2, "big") + bytes(length)


@given(st.lists(st.tuples(st.integers(20, 23), st.integers(0, 300)), max_size=20), st.lists(st.integers(1, 400)))
@settings(max_examples=300, deadline=None)
def test_any_segmentation_shows_the_same_records(wanted: list[tuple[int, int]], sizes: list[int]) -> None:
    stream = b"".join(record(kind, length) for kind, length in wanted)
    records = Records()
    found: list[tuple[int, int]] = []
    for size in [*sizes, len(stream)]:
        found += records.feed(stream[:size], len(stream[:size]))
        stream = stream[size:]
    assert found == wanted
    assert not records.inside


def test_inside_is_told_within_headers_and_bodies() -> None:
    records = Records()
    assert not records.inside
    records.feed(b"\x17\x03", 2)
    assert records.inside
    records.feed(b"\x03\x00\x02a", 4)
    assert records.inside
    records.feed(b"b", 1)
    assert not records.inside


def test_a_header_that_was_not_captured_loses_the_place_until_a_packet_starts_with_one() -> None:
    records = Records()
    packet = record(23, 100) + record(23, 200)
    assert records.feed(packet[:50], len(packet)) == [(23, 100)]
    assert records.lost
    assert records.feed(bytes(50), 50) == []
    assert records.feed(record(23, 60), 65) == [(23, 60)]
    assert not records.lost


def test_bytes_that_are_no_records_lose_the_place() -> None:
    for wrong in (b"\x30\x03\x03\x00\x01x", b"\x17\x02\x03\x00\x01x", b"\x17\x03\x03\xff\xffx"):
        records = Records()
        assert records.feed(wrong, len(wrong)) == []
        assert records.lost
