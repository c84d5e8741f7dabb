"""The estimator's tables, ready for arithmetic; `coefficient_file.py` reads and checks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from toktra.catalogue.curves import Curves, Grid, Situations

BODY_SCALE_BYTES: Final = 300.0
"""Below about this many bytes a size is read linearly, above it by its logarithm."""
SHORT_BODY_BYTES, LONG_BODY_BYTES = 1500, 6000
"""A later request's body is short up to the first, long from the second on, and in between something of both."""

SHORT_MEAN_TOKENS, LONG_MEAN_TOKENS = 200, 1000
"""A sum is of short exchanges when their mean estimated input is up to the first, of long ones from the second on."""
UNKNOWN_VERSION_WIDENING: Final = 3.0

LONGEST_HOST: Final = 254
"""A host name's letters, with the dot that may end it (RFC 1035, 2.3.4); what is longer is no host."""


class InvalidCoefficients(ValueError):
    """The coefficient file cannot be used. The message names the table and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """Bytes of a request that are not its body, by the trace a client's writes leave in the segment count."""

    joined_low: float
    """No segment more than the bytes need, the last one filled below `fill_bytes`."""
    joined_high: float
    """The same, last segment fuller: a header larger than that fill, or one write for all."""
    split_low: float
    """One segment more, last segment filled below `fill_bytes`: a header smaller than that."""
    split_high: float
    framed: float
    """Two or more: HTTP/2, whose acknowledgements are counted on top."""


@dataclass(frozen=True, slots=True)
class Header:
    first: HeaderRow
    """Requests that carry the handshake too."""
    later: HeaderRow
    fill_bytes: float
    acknowledgement_bytes: int


@dataclass(frozen=True, slots=True)
class Streamed:
    """Tokens per segment of streamed answers. The three parts, and the grid's, add up to its logarithm."""

    overhead_bytes: float
    """The part of an answer that holds no tokens."""
    overhead_segments: float
    density: Situations
    """Over the logarithm of bytes per segment."""
    size: Curves
    """Over the logarithm of segments."""
    context: Curves
    """Over asinh(request body bytes / BODY_SCALE_BYTES), for later requests."""
    grid: Grid
    """Over bytes per segment and segments, both as logarithms: what the two say together and not each alone."""

    def widened(self, factor: float) -> Streamed:
        """The same middle, with reaches `factor` times as long."""
        return replace(
            self,
            **{name: getattr(self, name).widened(factor) for name in ("density", "size", "context")},
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """Tokens of answers that came in one piece: two parts that add up to their logarithm."""

    overhead_bytes: float
    """The part of an answer that holds no tokens."""
    framed_overhead_bytes: float
    """The same where the request was HTTP/2's, which writes headers shorter."""
    body: Situations
    """Over asinh(body bytes / BODY_SCALE_BYTES)."""
    context: Curves
    """Over asinh(request body bytes / BODY_SCALE_BYTES), for later requests."""

    def widened(self, factor: float) -> Whole:
        """The same middle, with reaches `factor` times as long."""
        return replace(self, body=self.body.widened(factor), context=self.context.widened(factor))


@dataclass(frozen=True, slots=True)
class Reaches:
    """How wrong a sum of estimates may be, as 90 % reaches in logarithms."""

    input_shared: float
    """What every exchange of the family has in common, and no number of them cancels."""
    input_own: float
    """What one exchange has of its own; the mean of n exchanges has this over the square root of n."""
    output_shared: float
    output_own: float

    def widened(self, factor: float) -> Reaches:
        """Every reach `factor` times as long."""
        return Reaches(*(factor * getattr(self, name) for name in Reaches.__slots__))


@dataclass(frozen=True, slots=True)
class Totals:
    """Reaches of sums of short exchanges and of long ones; between the two mean sizes, something of both."""

    short: Reaches
    long: Reaches

    def widened(self, factor: float) -> Totals:
        """Every reach `factor` times as long."""
        return Totals(self.short.widened(factor), self.long.widened(factor))


@dataclass(frozen=True, slots=True)
class Family:
    """Hosts that share a wire format, and its tables."""

    name: str
    hosts: tuple[str, ...]
    suffixes: tuple[str, ...]
    plain_header_bytes: float | None
    """Header bytes of every request, where `Header` does not apply: a browser's do not show in segment counts."""
    handshake_bytes: float
    streamed_segments: int
    streamed_density: float
    first_input: Curves
    """Log tokens over asinh(body bytes / BODY_SCALE_BYTES), for the first request of a connection: usually the start
    of a conversation."""
    later_input: Curves
    streamed: Streamed
    whole: Whole
    totals: Totals


class Coefficients:
    """Every family of one fit. The family named "pooled" answers for hosts no other claims."""

    def __init__(
        self,
        version: str,
        header: Header,
        families: Sequence[Family],
        earlier: Mapping[str, float] | None = None,
    ) -> None:
        self.version = version
        self._earlier = dict(earlier or {})
        self.header = header
        self.families = tuple(families)
        self._by_host = {host: family for family in families for host in family.hosts}
        self._by_suffix = {suffix: family for family in families for suffix in family.suffixes}
        pooled = [family for family in families if family.name == "pooled"]
        if not pooled:
            raise InvalidCoefficients('family: there must be one named "pooled"')
        self._pooled = pooled[0]

    def widening(self, version: str) -> float:
        """How much wider totals of estimates by another version are; a version nobody knows counts as the worst."""
        if version == self.version:
            return 1.0
        return self._earlier.get(version, max(self._earlier.values(), default=UNKNOWN_VERSION_WIDENING))

    def family(self, host: str) -> Family:
        """The family of a host: exact, else by the longest suffix of whole labels, else pooled."""
        found = self._by_host.get(host)
        if found is not None:
            return found
        if len(host) > LONGEST_HOST:
            return self._pooled
        rest = host.rstrip(".").lower()
        found = self._by_host.get(rest)
        while found is None and rest:
            found = self._by_suffix.get(rest)
            rest = rest.partition(".")[2]
        return found or self._pooled
