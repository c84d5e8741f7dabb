"""How many tokens an exchange carried and how sure that is, from its host and its byte and segment counts.

Pure arithmetic over the tables in `coefficients.toml`; how they were fitted and what they reach is in `docs/tokens.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asinh, exp, log
from typing import Final

from toktra.catalogue.coefficient_file import load_coefficients
from toktra.catalogue.coefficients import (
    BODY_SCALE_BYTES,
    LONG_BODY_BYTES,
    SHORT_BODY_BYTES,
    Coefficients,
    Family,
    Streamed,
    Whole,
)
from toktra.catalogue.curves import Curves, Situations, Triple

SEGMENT_BYTES: Final = 1448
"""Payload of a full segment; capture counts one for each started 1,448 bytes of a packet."""
HANDSHAKE_SEGMENTS_IN: Final = 4
DENSE_TEXT_BYTES_PER_TOKEN: Final = 3.5
"""Measured answers in one piece were mostly envelope. One may be all text as well, so its interval reaches up to what
dense text of that size holds: one in twenty recorded answers of 50 tokens and more has fewer bytes a token."""
LONG_BODY: Final = 12.0
"""The size of a request that is not known, as an answer's curves see it: far beyond every knot."""
SHORT_FROM: Final = asinh(SHORT_BODY_BYTES / BODY_SCALE_BYTES)
SHORT_TO_LONG: Final = asinh(LONG_BODY_BYTES / BODY_SCALE_BYTES) - SHORT_FROM
ABSURD_COUNT: Final = 1 << 40
"""No exchange has a tebibyte; a larger count is taken as this many, so that arithmetic stays finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What capture sees of one exchange. Bytes are TCP or UDP payload, TLS included."""

    provider_host: str
    request_bytes: int
    """0 when the exchange continues one that was already reported."""
    response_bytes: int
    segments_out: int
    segments_in: int
    first_on_connection: bool
    """The counts include the TLS or QUIC handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Tokens, each with its 90 % interval: 0 ≤ low ≤ tokens ≤ high.

    Output is the visible output; hidden reasoning is not seen.
    """

    input_tokens: int
    input_low: int
    input_high: int
    output_tokens: int
    output_low: int
    output_high: int
    regime: str
    """Family of wire formats and how the response came, for example "openai/streamed"."""


class InvalidObservation(ValueError):
    """A count was negative or not a whole number. `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


SHIPPED: Final = load_coefficients()

ESTIMATOR_VERSION: Final = SHIPPED.version
"""Travels with every batch, so that the server knows which intervals belong to its estimates."""


def estimate(observation: Observation) -> Estimate:
    """Tokens of one exchange by the shipped coefficients. Raises InvalidObservation for a negative count."""
    return estimate_with(SHIPPED, observation)


def estimate_with(coefficients: Coefficients, observation: Observation) -> Estimate:
    """Tokens of one exchange. A host no family claims is answered by the pooled family, with wider intervals.

    Raises InvalidObservation naming the field for a negative count.
    """
    request_bytes = _count(observation.request_bytes, "request_bytes")
    response_bytes = _count(observation.response_bytes, "response_bytes")
    segments_out = _count(observation.segments_out, "segments_out")
    segments_in = _count(observation.segments_in, "segments_in")
    first = observation.first_on_connection
    family = coefficients.family(observation.provider_host)

    input_tokens = input_low = input_high = 0
    body = LONG_BODY
    if request_bytes > 0:
        header = family.plain_header_bytes
        if header is None:
            header = header_bytes(coefficients, request_bytes, segments_out, first=first)
        body = asinh((request_bytes - header) / BODY_SCALE_BYTES)
        input_tokens, input_low, input_high = _input(family.first_input if first else family.later_input, body)
    if response_bytes == 0:
        return Estimate(
            input_tokens=input_tokens,
            input_low=input_low,
            input_high=input_high,
            output_tokens=0,
            output_low=0,
            output_high=0,
            regime=f"{family.name}/no response",
        )
    size, segments = response_body(family, response_bytes, segments_in, first=first)
    streamed = is_streamed(family, size, segments)
    if streamed:
        found = _streamed(family.streamed, size, segments, body, first=first)
    else:
        framed = is_framed(request_bytes, segments_out, first=first)
        found = _whole(family.whole, size, body, first=first, framed=framed)
    output_tokens, output_low, output_high = _whole_numbers(*found)
    return Estimate(
        input_tokens=input_tokens,
        input_low=input_low,
        input_high=input_high,
        output_tokens=output_tokens,
        output_low=output_low,
        output_high=output_high,
        regime=f"{family.name}/{'streamed' if streamed else 'whole'}",
    )


def header_bytes(coefficients: Coefficients, request_bytes: int, segments_out: int, *, first: bool) -> float:
    """What the request carries besides its body: handshake, HTTP headers, acknowledgements.

    The segment count tells clients apart. A client that writes headers and body separately ends in one segment more
    than the bytes need exactly when the last segment's fill exceeds the header; HTTP/2 adds a segment for each
    acknowledgement.
    """
    header = coefficients.header
    row = header.first if first else header.later
    extra = segments_out - -(-request_bytes // SEGMENT_BYTES) - (1 if first else 0)
    fill = request_bytes % SEGMENT_BYTES
    if extra >= 2:
        acknowledgements = min(extra - 1, request_bytes // (4 * header.acknowledgement_bytes))
        return row.framed + header.acknowledgement_bytes * acknowledgements
    if extra == 1:
        return row.split_low if fill < header.fill_bytes else row.split_high
    return row.joined_low if fill < header.fill_bytes else row.joined_high


def is_framed(request_bytes: int, segments_out: int, *, first: bool) -> bool:
    """Whether the request was sent as HTTP/2 sends it, in two segments or more beyond what its bytes need."""
    return segments_out - -(-request_bytes // SEGMENT_BYTES) - (1 if first else 0) >= 2


def response_body(family: Family, response_bytes: int, segments_in: int, *, first: bool) -> tuple[float, int]:
    """Bytes and segments of the response without the handshake."""
    if first:
        without = max(response_bytes - family.handshake_bytes, response_bytes / 16)
        return without, max(1, segments_in - HANDSHAKE_SEGMENTS_IN)
    return float(response_bytes), max(1, segments_in)


def is_streamed(family: Family, size: float, segments: int) -> bool:
    """Whether the response came bit by bit, in many segments that are not full."""
    return segments >= family.streamed_segments and size < family.streamed_density * segments


def streamed_shape(table: Streamed, size: float, segments: int) -> tuple[float, float]:
    """Bytes per segment and the number of segments, of the part of a streamed answer that holds tokens."""
    body = max(size - table.overhead_bytes, size / 16)
    count = max(1.0, segments - table.overhead_segments)
    return body / count, count


def whole_body(table: Whole, size: float, *, framed: bool) -> float:
    """The bytes of an answer in one piece that hold tokens. Below 0: fewer bytes than headers have as a rule."""
    return size - (table.framed_overhead_bytes if framed else table.overhead_bytes)


def _input(curves: Curves, body: float) -> tuple[int, int, int]:
    middle, low, high = curves(body)
    return _whole_numbers(middle, low, high)


def _streamed(table: Streamed, size: float, segments: int, request: float, *, first: bool) -> Triple:
    density, count = streamed_shape(table, size, segments)
    density, counted = log(density), log(count)
    middle, low, high = _by_situation(table.density, table.context, density, request, first=first)
    by_size, low_by_size, high_by_size = table.size(counted)
    middle += counted + by_size + table.grid(density, counted)
    return middle, low + low_by_size, high + high_by_size


def _whole(table: Whole, size: float, request: float, *, first: bool, framed: bool) -> Triple:
    holds_tokens = whole_body(table, size, framed=framed)
    middle, low, high = _by_situation(
        table.body, table.context, asinh(holds_tokens / BODY_SCALE_BYTES), request, first=first
    )
    if holds_tokens > 0:
        high = max(high, log(holds_tokens / DENSE_TEXT_BYTES_PER_TOKEN) - middle)
    return middle, low, high


def _by_situation(situations: Situations, context: Curves, x: float, request: float, *, first: bool) -> Triple:
    """A first request says nothing about its answer; later ones, by their size, tell short talk from long."""
    if first:
        return situations.first(x)
    long = min(1.0, max(0.0, (request - SHORT_FROM) / SHORT_TO_LONG))
    middle, low, high = situations.later(x, long)
    by_context, low_by_context, high_by_context = context(request)
    return middle + by_context, low + low_by_context, high + high_by_context


def _whole_numbers(logarithm: float, low_reach: float, high_reach: float) -> tuple[int, int, int]:
    """Tokens and the interval `low_reach` below and `high_reach` above in logarithms, rounded outwards."""
    tokens = exp(logarithm)
    middle = max(1, round(tokens))
    low = int(tokens * exp(-low_reach)) if low_reach > 0 else middle
    high = int(tokens * exp(high_reach)) + 1 if high_reach > 0 else middle
    return middle, min(low, middle), max(high, middle)


def _count(value: int, field: str) -> int:
    if value < 0:
        raise InvalidObservation(field, "must not be negative")
    return min(value, ABSURD_COUNT)
