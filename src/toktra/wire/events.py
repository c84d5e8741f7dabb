"""UsageEvent, the seven facts kept about one use of AI, and Batch, the only way they travel.

The structs are closed: an unknown field is refused wherever they are decoded, so nothing else can reach the spool,
the network or a table.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

MAX_BATCH_EVENTS: Final = 500
MAX_BATCH_BYTES: Final = 1 << 20
MAX_CLOCK_LEAD_S: Final = 24 * 3600
"""How far ahead of the server's clock an event may lie before it is refused."""

Epoch = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Version = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z.+-]+\Z")]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Sequence = Annotated[int, Meta(ge=1, le=2**62)]
HostName = Annotated[
    str,
    Meta(
        max_length=253,
        pattern=r"^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+\Z",
    ),
]
"""A DNS name in lower case without a trailing dot. Only names in the catalogue are accepted; see `toktra.catalogue`."""

AccountName = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\w.@+\-\\$ ]+\Z")]
"""A local account of the device, or whatever name its owner mapped the account to."""

DeviceId = Annotated[str, Meta(max_length=36, pattern=r"^[0-9a-f-]{36}\Z")]


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One use of AI: what is kept about it, and all that is kept."""

    sequence: Sequence
    """Place in the device's own numbering, without gaps; says nothing about the person."""
    provider_host: HostName
    """Server name from the TLS or QUIC hello, found in the catalogue."""
    request_bytes: Count
    """Bytes the client sent in this exchange, TLS included, each counted once."""
    response_bytes: Count
    """Bytes the server sent in this exchange, TLS included, each counted once."""
    estimated_input_tokens: Count
    """0 only in an event that continues an exchange already reported: exchanges are the events above 0."""
    estimated_output_tokens: Count
    at: datetime
    """When the exchange began: UTC, whole seconds."""
    device: DeviceId
    """The device's id from enrolment (UUID)."""
    user: AccountName

    def __post_init__(self) -> None:
        if self.at.tzinfo is not UTC and self.at.utcoffset() != UTC.utcoffset(None):
            raise ValueError("at: must be UTC, for example 2026-11-22T09:30:00Z")
        if self.at.microsecond:
            raise ValueError("at: must be in whole seconds")


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Consecutive events of one device, following on `prev_seq` (0 before the first event of an epoch)."""

    epoch: Epoch
    """Grows by one when the device lost its spool and numbers from 1 again."""
    prev_seq: Count
    """Sequence of the last event before this batch. The server answers 409 when it does not have that one yet."""
    agent_version: Version
    estimator_version: Version
    events: Annotated[list[UsageEvent], Meta(max_length=MAX_BATCH_EVENTS)]
    missed: Count = 0
    """Events the device could not keep, ever, because its disk was full: how many, and nothing else about them."""

    def __post_init__(self) -> None:
        for place, event in enumerate(self.events):
            if event.sequence != self.prev_seq + 1 + place:
                expected = self.prev_seq + 1 + place
                raise ValueError(f"events[{place}].sequence: expected {expected}, got {event.sequence}")


class BatchAccepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything up to `last_seq` of `epoch` is durable; the device may forget it."""

    epoch: int
    last_seq: int


class OutOfSequence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a 409: the server's high-water mark. The device resends from `last_seq` + 1 of `epoch`."""

    epoch: int
    last_seq: int


class InvalidMessage(ValueError):
    """A message was refused. `field` names the part at fault, in the form events[3].provider_host."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


_UNKNOWN_FIELD = re.compile(r"(?:unknown|required) field `(.+)`")
_OWN_SENTENCE = re.compile(r"([a-z_]+(?:\[\d+\]\.[a-z_]+)?): (.+)", re.DOTALL)

_batch_decoder = msgspec.json.Decoder(Batch)
_encoder = msgspec.json.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """The JSON bytes of any struct of this room."""
    return _encoder.encode(message)


def decode_batch(body: bytes) -> Batch:
    """A batch from its JSON bytes, whole or not at all.

    Raises InvalidMessage for a body over MAX_BATCH_BYTES, an unknown or missing field, or a value out of range.
    """
    if len(body) > MAX_BATCH_BYTES:
        raise InvalidMessage("", f"a batch may hold {MAX_BATCH_BYTES} bytes, this one has {len(body)}")
    return decode(body, _batch_decoder)


T = TypeVar("T")


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Any struct from its JSON bytes. Raises InvalidMessage naming the field at fault."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise InvalidMessage(*field_and_reason(str(error))) from None
    except (UnicodeDecodeError, RecursionError):
        raise InvalidMessage("", "the body is not JSON text in UTF-8") from None


def field_and_reason(sentence: str) -> tuple[str, str]:
    """Splits a sentence of the decoder, "Expected … - at `$.events[0].at`", into the field at fault and the reason."""
    reason, _, path = sentence.partition(" - at `$")
    field = path.rstrip("`")
    if unknown := _UNKNOWN_FIELD.search(reason):
        field = f"{field}.{unknown[1]}"
    elif own := _OWN_SENTENCE.match(reason):  # raised by a __post_init__ above: "at: must be UTC"
        field, reason = f"{field}.{own[1]}", own[2]
    return field.lstrip("."), reason
