"""What a batch must satisfy beyond its schema, checked in full before anything is stored. No I/O.

Whole columns are checked; only one that fails is gone through again to name the event at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, TypeVar

from toktra.catalogue import Catalogue
from toktra.server.ingest.arrays import Int8Array, TimestampArray, int8_array, timestamp_array
from toktra.wire.columns import BatchColumns
from toktra.wire.events import MAX_CLOCK_LEAD_S, InvalidMessage

MAX_PER_EVENT: Final = 1 << 40
"""Bytes or tokens of one exchange: a tebibyte. Sums of a lifetime then stay within 64 bits."""
_DAY_S: Final = 86_400

T = TypeVar("T")


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


def check(batch: BatchColumns, *, device: str, catalogue: Catalogue, now_s: float, accepted_age_days: int) -> Columns:
    """The batch as columns. Raises InvalidMessage naming the first event and field at fault.

    `device` is the one whose key signed the batch, `now_s` the server's clock in seconds since 1970.
    """
    latest, earliest = now_s + MAX_CLOCK_LEAD_S, now_s - accepted_age_days * _DAY_S
    times = batch.at_s
    hosts = {host: place for place, host in enumerate(dict.fromkeys(batch.provider_host), 1)}
    users = {user: place for place, user in enumerate(dict.fromkeys(batch.user), 1)}

    if set(batch.device) - {device}:
        raise _fault("device", batch.device, lambda one: one != device, "is not the device that signed this batch")
    unknown = {host for host in hosts if catalogue.find(host) is None}
    if unknown:
        raise _fault("provider_host", batch.provider_host, lambda one: one in unknown, "is not in the catalogue")
    if times and max(times) > latest:
        raise _fault("at", times, lambda one: one > latest, "lies more than 24 hours ahead")
    if times and min(times) < earliest:
        old = f"is more than {accepted_age_days} days ago, which is past what this server keeps"
        raise _fault("at", times, lambda one: one < earliest, old)
    for name in ("request_bytes", "response_bytes", "estimated_input_tokens", "estimated_output_tokens"):
        column: list[int] = getattr(batch, name)
        if column and max(column) > MAX_PER_EVENT:
            too_much = f"is over {MAX_PER_EVENT}, which no exchange can reach"
            raise _fault(name, column, lambda one: one > MAX_PER_EVENT, too_much)
    return Columns(
        hosts=list(hosts),
        users=list(users),
        months=_months(times),
        at=timestamp_array(times),
        host=int8_array([hosts[host] for host in batch.provider_host]),
        user=int8_array([users[user] for user in batch.user]),
        request_bytes=int8_array(batch.request_bytes),
        response_bytes=int8_array(batch.response_bytes),
        input_tokens=int8_array(batch.estimated_input_tokens),
        output_tokens=int8_array(batch.estimated_output_tokens),
    )


def _months(times: list[int]) -> frozenset[date]:
    """First days of the months these times lie in; mostly it is one, and the first and the last say so."""
    if not times:
        return frozenset()
    ends = {_first_of_month(min(times)), _first_of_month(max(times))}
    return frozenset(ends if len(ends) == 1 else map(_first_of_month, times))


def _first_of_month(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date().replace(day=1)


def _fault(field: str, column: list[T], at_fault: Callable[[T], bool], sentence: str) -> InvalidMessage:
    place = next(place for place, value in enumerate(column) if at_fault(value))
    return InvalidMessage(f"events[{place}].{field}", sentence)
