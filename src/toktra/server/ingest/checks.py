"""What a batch must satisfy beyond its schema, checked in full before anything is stored. No I/O.

Whole columns are checked first; only a batch that fails is gone through again to name the event at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from toktra.catalogue import Catalogue
from toktra.server.ingest.arrays import Int8Array, TimestampArray, int8_array, timestamp_array
from toktra.wire.events import MAX_CLOCK_LEAD_S, Batch, InvalidMessage, UsageEvent

MAX_PER_EVENT: Final = 1 << 40
"""Bytes or tokens of one exchange: a tebibyte. Sums of a lifetime then stay within 64 bits."""
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A checked batch as the database takes it: each host and user once, and for every event their places from 1."""

    hosts: list[str]
    users: list[str]
    months: frozenset[date]
    """First days of the months the events lie in."""
    at: TimestampArray
    host: Int8Array
    user: Int8Array
    request_bytes: Int8Array
    response_bytes: Int8Array
    input_tokens: Int8Array
    output_tokens: Int8Array


def check(batch: Batch, *, device: str, catalogue: Catalogue, now_s: float, accepted_age_days: int) -> Columns:
    """The batch as columns. Raises InvalidMessage naming the first event and field at fault.

    `device` is the one whose key signed the batch, `now_s` the server's clock in seconds since 1970.
    """
    events = batch.events
    times = [int(event.at.timestamp()) for event in events]
    latest, earliest = now_s + MAX_CLOCK_LEAD_S, now_s - accepted_age_days * _DAY_S
    hosts = {host: place for place, host in enumerate(dict.fromkeys([e.provider_host for e in events]), 1)}
    users = {user: place for place, user in enumerate(dict.fromkeys([e.user for e in events]), 1)}
    request_bytes = [e.request_bytes for e in events]
    response_bytes = [e.response_bytes for e in events]
    input_tokens = [e.estimated_input_tokens for e in events]
    output_tokens = [e.estimated_output_tokens for e in events]

    if {event.device for event in events} - {device}:
        raise _fault(events, "device", lambda e: e.device != device, "is not the device that signed this batch")
    unknown = {host for host in hosts if catalogue.find(host) is None}
    if unknown:
        raise _fault(events, "provider_host", lambda e: e.provider_host in unknown, "is not in the catalogue")
    if times and max(times) > latest:
        raise _fault(events, "at", lambda e: e.at.timestamp() > latest, "lies more than 24 hours ahead")
    if times and min(times) < earliest:
        old = f"is more than {accepted_age_days} days ago, which is past what this server keeps"
        raise _fault(events, "at", lambda e: e.at.timestamp() < earliest, old)
    for column, name in (
        (request_bytes, "request_bytes"),
        (response_bytes, "response_bytes"),
        (input_tokens, "estimated_input_tokens"),
        (output_tokens, "estimated_output_tokens"),
    ):
        if column and max(column) > MAX_PER_EVENT:
            raise InvalidMessage(
                f"events[{column.index(max(column))}].{name}", f"is over {MAX_PER_EVENT}, which no exchange can reach"
            )
    return Columns(
        hosts=list(hosts),
        users=list(users),
        months=_months(times),
        at=timestamp_array(times),
        host=int8_array([hosts[e.provider_host] for e in events]),
        user=int8_array([users[e.user] for e in events]),
        request_bytes=int8_array(request_bytes),
        response_bytes=int8_array(response_bytes),
        input_tokens=int8_array(input_tokens),
        output_tokens=int8_array(output_tokens),
    )


def _months(times: list[int]) -> frozenset[date]:
    """First days of the months these times lie in; mostly it is one, and the first and the last say so."""
    if not times:
        return frozenset()
    ends = {_first_of_month(min(times)), _first_of_month(max(times))}
    return frozenset(ends if len(ends) == 1 else map(_first_of_month, times))


def _first_of_month(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date().replace(day=1)


def _fault(
    events: list[UsageEvent], field: str, at_fault: Callable[[UsageEvent], bool], sentence: str
) -> InvalidMessage:
    place = next(place for place, event in enumerate(events) if at_fault(event))
    return InvalidMessage(f"events[{place}].{field}", sentence)
