"""A batch in columns, as a server takes it in: the same contract as `events`, without an object for each event.

A batch is read in two ways. The quick one reads whole columns and checks each once; whatever it does not surely accept
is read again event by event, by the decoder of `Batch`, which alone decides and names what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence as Events
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from toktra.wire.events import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    AccountName,
    Batch,
    Count,
    DeviceId,
    Epoch,
    HostName,
    Sequence,
    UsageEvent,
    Version,
    decode_batch,
)

_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchColumns:
    """A `Batch` turned on its side: one list for each field of its events, all of one length, in their order."""

    epoch: int
    prev_seq: int
    agent_version: str
    estimator_version: str
    missed: int
    provider_host: list[str]
    request_bytes: list[int]
    response_bytes: list[int]
    estimated_input_tokens: list[int]
    estimated_output_tokens: list[int]
    at_s: list[int]
    """Seconds since 1970, UTC."""
    device: list[str]
    user: list[str]


class _ReceivedEvent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A UsageEvent whose texts and time are still to be checked: they repeat, and each is checked once in a batch."""

    sequence: Sequence
    provider_host: str
    request_bytes: Count
    response_bytes: Count
    estimated_input_tokens: Count
    estimated_output_tokens: Count
    at: datetime
    device: str
    user: str


class _ReceivedBatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    epoch: Epoch
    prev_seq: Count
    agent_version: Version
    estimator_version: Version
    events: Annotated[list[_ReceivedEvent], Meta(max_length=MAX_BATCH_EVENTS)]
    missed: Count = 0


_decoder = msgspec.json.Decoder(_ReceivedBatch)


def decode_columns(body: bytes) -> BatchColumns:
    """What `decode_batch` makes of these bytes, in columns. Raises InvalidMessage for the same, in the same words."""
    if len(body) > MAX_BATCH_BYTES:
        return in_columns(decode_batch(body))
    try:
        return _checked(_decoder.decode(body))
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return in_columns(decode_batch(body))


def in_columns(batch: Batch) -> BatchColumns:
    """A batch whose events are at hand one by one."""
    return _columns(batch, [int(event.at.timestamp()) for event in batch.events])


def _checked(received: _ReceivedBatch) -> BatchColumns:
    """Raises ValueError unless the batch is surely one that `decode_batch` takes as well."""
    events = received.events
    first = received.prev_seq + 1
    if [event.sequence for event in events] != list(range(first, first + len(events))):
        raise ValueError("the events are not consecutive")
    columns = _columns(received, _whole_seconds([event.at for event in events]))
    msgspec.convert(set(columns.provider_host), set[HostName])
    msgspec.convert(set(columns.device), set[DeviceId])
    msgspec.convert(set(columns.user), set[AccountName])
    return columns


def _whole_seconds(moments: list[datetime]) -> list[int]:
    if {moment.tzinfo for moment in moments} - {UTC}:
        raise ValueError("not in UTC, or with other words for it")
    since = [moment - _1970 for moment in moments]
    if {one.microseconds for one in since} - {0}:
        raise ValueError("not in whole seconds")
    return [one.days * _DAY_S + one.seconds for one in since]


def _columns(batch: Batch | _ReceivedBatch, at_s: list[int]) -> BatchColumns:
    events: Events[UsageEvent | _ReceivedEvent] = batch.events
    return BatchColumns(
        epoch=batch.epoch,
        prev_seq=batch.prev_seq,
        agent_version=batch.agent_version,
        estimator_version=batch.estimator_version,
        missed=batch.missed,
        provider_host=[event.provider_host for event in events],
        request_bytes=[event.request_bytes for event in events],
        response_bytes=[event.response_bytes for event in events],
        estimated_input_tokens=[event.estimated_input_tokens for event in events],
        estimated_output_tokens=[event.estimated_output_tokens for event in events],
        at_s=at_s,
        device=[event.device for event in events],
        user=[event.user for event in events],
    )
