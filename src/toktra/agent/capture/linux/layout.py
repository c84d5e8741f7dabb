"""The bytes the kernel program and the agent exchange, mirroring program/shared.h and program/flow.h."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from toktra.agent.capture.meter import State

FLOW_KEY: Final = Struct("=Q16sHHI")
TCP: Final = 6
UDP: Final = 17
UID_UNKNOWN: Final = 0xFFFFFFFF

EVENT_HEADER: Final = Struct("=II32sQ")
"""Kind, uid, flow key, boot time in ns."""
TOTALS: Final = Struct("=9Q2I")
INITIAL_LENGTH: Final = Struct("=I4x")

_from: Final = Struct("=QQ")
FLOW_UID_AT: Final = 4
FLOW_TOTALS_AT: Final = 40
FLOW_FROM_AT: Final = 120
"""Bytes sent and segments out at the last boundary."""
FLOW_PHASE_AT: Final = 221
FLOW_RESTED_AT: Final = 223
FLOW_BYTES: Final = 240
PHASE_CLOSED: Final = 2
RING_BYTES: Final = 1 << 21


class EventKind(IntEnum):
    """`enum event_kind`."""

    HELLO = 1
    INITIAL = 2
    EXCHANGE = 3
    CLOSED = 4
    SOCKET_GONE = 5


class Tally(IntEnum):
    """`enum tally`: places in the map of tallies."""

    CONNECTIONS = 0
    NOT_TLS = 1
    NO_HELLO = 2
    HELLO_TOO_LONG = 3
    HELLO_GAP = 4
    MISSED_FLOWS_FULL = 5
    MISSED_STAGING_FULL = 6
    MISSED_HELLO_RING_FULL = 7
    MISSED_EXCHANGE_RING_FULL = 8


class Totals(NamedTuple):
    """`struct totals`: what was counted on a flow since it began. Times are nanoseconds of the boot clock."""

    sent_bytes: int
    received_bytes: int
    answered_sent: int
    segments_out: int
    segments_in: int
    answered_segments: int
    asked_at: int
    first_byte_at: int
    last_at: int
    told: int
    state: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event off the ring. `body` is a ClientHello, a QUIC Initial packet or packed totals."""

    kind: EventKind
    uid: int | None
    flow: bytes
    at_ns: int
    body: bytes


def read_event(record: bytes) -> Event:
    """Takes a ring record apart. Raises ValueError or struct.error for what the kernel program never writes."""
    kind, uid, flow, at_ns = EVENT_HEADER.unpack_from(record)
    body = record[EVENT_HEADER.size :]
    kind = EventKind(kind)
    if kind is EventKind.INITIAL:
        (length,) = INITIAL_LENGTH.unpack_from(body)
        body = body[INITIAL_LENGTH.size : INITIAL_LENGTH.size + length]
    return Event(kind, None if uid == UID_UNKNOWN else uid, flow, at_ns, body)


def read_totals(data: bytes, at: int = 0) -> Totals:
    """The totals at `at`, of an event's body or a flow's value."""
    return Totals(*TOTALS.unpack_from(data, at))


def rested(flow_value: bytes, *, told: int, idle: bool, from_sent: int, from_segments_out: int) -> bytes:
    """A flow's value made ready to be counted on after the programs were out of their hooks."""
    value = bytearray(flow_value)
    totals = read_totals(flow_value, FLOW_TOTALS_AT)
    state = State.IDLE if idle else State.TOLD
    TOTALS.pack_into(value, FLOW_TOTALS_AT, *totals._replace(told=told, state=state, first_byte_at=0))
    _from.pack_into(value, FLOW_FROM_AT, from_sent, from_segments_out)
    value[FLOW_RESTED_AT] = 1
    return bytes(value)


def is_udp(flow: bytes) -> bool:
    """Whether the flow is QUIC."""
    return bool(FLOW_KEY.unpack(flow)[3] == UDP)


def cookie_of(flow: bytes) -> int:
    """The kernel's number of the flow's socket."""
    return int(FLOW_KEY.unpack(flow)[0])
