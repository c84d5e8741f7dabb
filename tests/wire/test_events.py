"""The closed schema: what it takes, what it refuses and in which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from toktra.wire.events import MAX_BATCH_BYTES, Batch, InvalidMessage, UsageEvent, decode_batch, encode

DEVICE = str(uuid4())

EVENT: dict[str, Any] = {
    "sequence": 8,
    "provider_host": "api.openai.com",
    "request_bytes": 1200,
    "response_bytes": 5400,
    "estimated_input_tokens": 210,
    "estimated_output_tokens": 95,
    "at": "2026-11-22T09:30:00Z",
    "device": DEVICE,
    "user": "alice",
}


def batch(*events: dict[str, Any], **changes: Any) -> bytes:
    whole = {"epoch": 1, "prev_seq": 7, "agent_version": "0.1.0", "estimator_version": "1", "events": list(events)}
    return json.dumps(whole | changes).encode()


def test_the_schema_has_these_fields_and_no_other() -> None:
    assert [field.name for field in msgspec.structs.fields(UsageEvent)] == list(EVENT)


def test_a_batch_survives_the_way_there_and_back() -> None:
    decoded = decode_batch(batch(EVENT, EVENT | {"sequence": 9}))
    assert decoded.events[0].at == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    assert decode_batch(encode(decoded)) == decoded
    assert decode_batch(batch()) == Batch(epoch=1, prev_seq=7, agent_version="0.1.0", estimator_version="1", events=[])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sequence", 0),
        ("sequence", "8"),
        ("sequence", 10),
        ("provider_host", ""),
        ("provider_host", "API.openai.com"),
        ("provider_host", "api.openai.com."),
        ("provider_host", "localhost"),
        ("provider_host", "a" * 64 + ".example"),
        ("provider_host", "api.openai.com/v1/chat"),
        ("request_bytes", -1),
        ("response_bytes", 2**63),
        ("response_bytes", 1.5),
        ("estimated_input_tokens", None),
        ("estimated_output_tokens", -5),
        ("at", "2026-11-22T09:30:00"),
        ("at", "2026-11-22T10:30:00+01:00"),
        ("at", "2026-11-22T09:30:00.25Z"),
        ("at", "yesterday"),
        ("device", "laptop"),
        ("user", ""),
        ("user", "a" * 129),
        ("user", "alice\n"),
    ],
)
def test_a_wrong_value_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidMessage) as refused:
        decode_batch(batch(EVENT | {field: value}))
    assert field in str(refused.value)
    assert refused.value.field.startswith("events[0]")


@pytest.mark.parametrize("field", list(EVENT))
def test_a_missing_field_is_refused_by_name(field: str) -> None:
    with pytest.raises(InvalidMessage, match=field):
        decode_batch(batch({name: value for name, value in EVENT.items() if name != field}))


def test_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(InvalidMessage) as refused:
        decode_batch(batch(EVENT | {"prompt": "never"}))
    assert refused.value.field == "events[0].prompt"
    with pytest.raises(InvalidMessage) as refused:
        decode_batch(batch(EVENT, hostname="laptop"))
    assert refused.value.field == "hostname"


def test_too_many_events_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(InvalidMessage, match="500"):
        decode_batch(batch(*(EVENT | {"sequence": 8 + place} for place in range(501))))
    with pytest.raises(InvalidMessage, match=str(MAX_BATCH_BYTES)):
        decode_batch(b" " * (MAX_BATCH_BYTES + 1))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"epoch":1e999}'])
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode_batch(body)
