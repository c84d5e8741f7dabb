"""The quick way to read a batch takes exactly what the careful way takes, and says the same of what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.wire import columns
from toktra.wire.columns import BatchColumns, decode_columns, in_columns
from toktra.wire.events import MAX_BATCH_BYTES, Batch, InvalidMessage, UsageEvent, decode_batch, encode

DEVICE: Final = "0a4fd9f2-6f3e-4b3c-9f38-5d5a0a1f2c11"

TEXTS: Final = st.sampled_from(
    [
        *("api.openai.com", "API.openai.com", "claude.ai", "localhost", "a.b.", "", " ", "ada", "ada\n", "Ada Löve"),
        *(DEVICE, DEVICE.upper(), DEVICE[:-1], "e1", "1.0+b", "é", "\u0000", "a\\b", "x" * 129, "x" * 300),
    ]
)
TIMES: Final = st.sampled_from(
    [
        *("2026-11-22T09:30:00Z", "2026-11-22T09:30:00z", "2026-11-22 09:30:00Z", "2026-11-22T09:30:00+00:00"),
        *("2026-11-22T09:30:00-00:00", "2026-11-22T09:30:00.000Z", "2026-11-22T09:30:00.5Z", "2026-11-22T09:30:00"),
        *("2026-11-22T10:30:00+01:00", "2026-11-22T09:30:60Z", "2026-11-22T24:00:00Z", "2026-02-29T00:00:00Z"),
        *("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z"),
    ]
)
NUMBERS: Final = st.sampled_from([-1, 0, 1, 7, 2**31, 2**62, 2**62 + 1, 2**63, 2**64, 1.0, 1.5, 1e3, True])
ANYTHING: Final = st.one_of(TEXTS, TIMES, NUMBERS, st.none(), st.just([]), st.just({}))

EVENT_FIELDS: Final = tuple(UsageEvent.__struct_fields__)
BATCH_FIELDS: Final = tuple(Batch.__struct_fields__)


def batch_of(events: int, prev_seq: int = 7) -> dict[str, Any]:
    return {
        "epoch": 1,
        "prev_seq": prev_seq,
        "agent_version": "0.1.0",
        "estimator_version": "1",
        "missed": 0,
        "events": [
            {
                "sequence": prev_seq + 1 + place,
                "provider_host": ("api.openai.com", "claude.ai")[place % 2],
                "request_bytes": 900 + place,
                "response_bytes": 20_000,
                "estimated_input_tokens": 200,
                "estimated_output_tokens": 300 * place,
                "at": f"2026-11-22T09:30:{place:02}Z",
                "device": DEVICE,
                "user": "ada",
            }
            for place in range(events)
        ],
    }


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Batches nearly right: some values replaced, fields missing, added, twice, or bytes of the text overwritten."""
    whole = batch_of(draw(st.integers(0, 4)), draw(st.sampled_from([0, 7, 2**62 - 2, 2**62])))
    events = whole["events"]
    for _ in range(draw(st.integers(0, 3))):
        within = draw(st.sampled_from([whole, *events]))
        field = draw(st.sampled_from((*BATCH_FIELDS, *EVENT_FIELDS) if within is whole else EVENT_FIELDS))
        if draw(st.integers(0, 4)) == 0:
            within.pop(field, None)
        else:
            within[field] = draw(TIMES if field == "at" and draw(st.booleans()) else ANYTHING)
    body = bytearray(json.dumps(whole, ensure_ascii=draw(st.booleans())).encode())
    for place in draw(st.lists(st.integers(0, len(body) - 1), max_size=2)):
        body[place] = draw(st.sampled_from(b'0aZ"\\,:{}[] .\xff\x00'))
    return bytes(body)


def read(body: bytes) -> BatchColumns | tuple[str, str]:
    try:
        return decode_columns(body)
    except InvalidMessage as error:
        return error.field, error.reason


def read_event_by_event(body: bytes) -> BatchColumns | tuple[str, str]:
    try:
        return in_columns(decode_batch(body))
    except InvalidMessage as error:
        return error.field, error.reason


@settings(max_examples=250, deadline=None)
@given(body=bodies())
def test_both_ways_take_and_refuse_the_same(body: bytes) -> None:
    assert read(body) == read_event_by_event(body)


@pytest.mark.parametrize("field", EVENT_FIELDS)
@pytest.mark.parametrize("place", [0, 2])
def test_one_wrong_value_among_right_ones_is_found(field: str, place: int) -> None:
    wrong = batch_of(3)
    wrong["events"][place][field] = "2026-11-22T09:30:00.25Z" if field == "at" else "\n"
    refused = read(json.dumps(wrong).encode())
    assert isinstance(refused, tuple)
    assert refused[0] == f"events[{place}].{field}"
    assert refused == read_event_by_event(json.dumps(wrong).encode())


@pytest.mark.parametrize("field", BATCH_FIELDS)
def test_a_wrong_value_of_the_batch_is_found(field: str) -> None:
    body = json.dumps(batch_of(2) | {field: "\n"}).encode()
    assert isinstance(read(body), tuple)
    assert read(body) == read_event_by_event(body)


def test_too_many_bytes_are_refused_in_the_same_words() -> None:
    with pytest.raises(InvalidMessage, match=str(MAX_BATCH_BYTES)):
        decode_columns(b" " * (MAX_BATCH_BYTES + 1))


def test_what_devices_send_is_read_in_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "decode_batch", lambda body: pytest.fail("was read event by event"))
    events = [
        UsageEvent(
            sequence=place,
            provider_host="api.openai.com",
            request_bytes=1200,
            response_bytes=5400,
            estimated_input_tokens=210,
            estimated_output_tokens=95,
            at=datetime(2026, 11, 22, 9, 30, place, tzinfo=UTC),
            device=DEVICE,
            user="ada",
        )
        for place in (1, 2)
    ]
    for sent in ([], events):
        batch = Batch(epoch=1, prev_seq=0, agent_version="0.1.0", estimator_version="1", events=sent)
        assert decode_columns(encode(batch)) == in_columns(batch)
