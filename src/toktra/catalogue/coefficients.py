"""The estimator's tables: `coefficients.toml` read, checked and ready for arithmetic.

A table with a gap is refused by name at load, so that no estimate is ever made from half of one.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import pairwise
from math import asinh, isfinite, log
from typing import Any, Final

BODY_SCALE_BYTES: Final = 300.0
"""Below about this many bytes a request's size is read linearly, above it by its logarithm."""


UNKNOWN_VERSION_WIDENING: Final = 3.0
WIDENED: Final = ("first_input", "later_input", "streamed", "whole", "totals")


class InvalidCoefficients(ValueError):
    """The coefficient file cannot be used. The message names the table and what is wrong with it."""


Triple = tuple[float, float, float]


class Curves:
    """Three piecewise-linear functions over the same knots: a logarithm, and how far its interval reaches each way.

    Level beyond their ends, but for the first, which may rise with `slope_beyond`.
    """

    __slots__ = ("_at", "_last", "_rises", "_slope_beyond", "_values")

    def __init__(self, at: Sequence[float], values: Sequence[Triple], slope_beyond: float = 0.0) -> None:
        self._at = tuple(at)
        self._values = tuple(values)
        self._last = at[-1]
        self._slope_beyond = slope_beyond
        self._rises = tuple(
            tuple(
                (after - before) / (at[i + 1] - at[i]) for before, after in zip(values[i], values[i + 1], strict=True)
            )
            for i in range(len(at) - 1)
        )

    def widened(self, factor: float) -> Curves:
        """The same middle, with reaches `factor` times as long."""
        wider = [(middle, low * factor, high * factor) for middle, low, high in self._values]
        return Curves(self._at, wider, self._slope_beyond)

    def __call__(self, x: float) -> Triple:
        at = self._at
        if x >= self._last:
            middle, low, high = self._values[-1]
            return middle + self._slope_beyond * (x - self._last), low, high
        place = bisect_right(at, x) - 1
        if place < 0:
            return self._values[0]
        middle, low, high = self._values[place]
        middle_rise, low_rise, high_rise = self._rises[place]
        along = x - at[place]
        return middle + middle_rise * along, low + low_rise * along, high + high_rise * along


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
class OutputTable:
    """Three curves whose sum is the logarithm of tokens per segment, and the parts of a response that hold none."""

    overhead_bytes: float
    overhead_segments: float
    density: Curves
    """Over the logarithm of bytes per segment."""
    size: Curves
    """Over the logarithm of segments."""
    context: Curves
    """Over asinh(request body bytes / BODY_SCALE_BYTES)."""

    def widened(self, factor: float) -> OutputTable:
        """The same middle, with reaches `factor` times as long."""
        return replace(
            self,
            density=self.density.widened(factor),
            size=self.size.widened(factor),
            context=self.context.widened(factor),
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """How wrong a sum of estimates may be, as 90 % reaches in logarithms."""

    input_shared: float
    """What every exchange of the family has in common, and no number of them cancels."""
    input_own: float
    """What one exchange has of its own; the mean of n exchanges has this over the square root of n."""
    output_shared: float
    output_own: float

    def widened(self, factor: float) -> Totals:
        """Every reach `factor` times as long."""
        return Totals(*(factor * getattr(self, name) for name in Totals.__slots__))


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
    streamed: OutputTable
    whole: OutputTable
    totals: Totals


class Coefficients:
    """Every family of one fit. The family named "pooled" answers for hosts no other claims."""

    def __init__(
        self, version: str, header: Header, families: Sequence[Family], earlier: Mapping[str, float] | None = None
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
        rest = host.rstrip(".").lower()
        found = self._by_host.get(rest)
        while found is None and rest:
            found = self._by_suffix.get(rest)
            rest = rest.partition(".")[2]
        return found or self._pooled


def load_coefficients() -> Coefficients:
    """The coefficients shipped with this version."""
    return parse_coefficients((files(__package__) / "coefficients.toml").read_text("utf-8"))


def parse_coefficients(text: str) -> Coefficients:
    """Coefficients from the text of a TOML file. Raises InvalidCoefficients naming the table at fault."""
    try:
        return build_coefficients(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidCoefficients(f"not TOML: {error}") from None


def build_coefficients(tables: Mapping[str, Any]) -> Coefficients:
    """Coefficients from parsed tables. Raises InvalidCoefficients naming the table at fault."""
    families: dict[str, Family] = {}
    earlier = _table(tables, "earlier", "") if "earlier" in tables else {}
    for place, row in enumerate(_list(tables, "family", "")):
        where = f"family[{place}]"
        name = _text(row, "name", f"{where}.")
        if name in families:
            raise InvalidCoefficients(f"{where}.name: {name!r} is there twice")
        families[name] = _likeness(row, where, families) if "like" in row else _family(row, where)
    return Coefficients(
        _text(tables, "version", ""),
        _header(_table(tables, "header", "")),
        tuple(families.values()),
        {version: _number(earlier, version, "earlier.", above=0) for version in earlier},
    )


def _likeness(table: Mapping[str, Any], where: str, known: Mapping[str, Family]) -> Family:
    """A family that was not measured and borrows another's tables, its intervals `widen` times as wide (in logs)."""
    like = _text(table, "like", f"{where}.")
    if like not in known:
        raise InvalidCoefficients(f"{where}.like: no family {like!r} stands before this one")
    widen = _number(table, "widen", f"{where}.", above=0)
    family = known[like]
    return replace(
        family,
        name=_text(table, "name", f"{where}."),
        hosts=tuple(str(host) for host in table.get("hosts", [])),
        suffixes=tuple(str(suffix) for suffix in table.get("suffixes", [])),
        **{name: getattr(family, name).widened(widen) for name in WIDENED},
    )


def _header(table: Mapping[str, Any]) -> Header:
    rows = []
    for name in ("first", "later"):
        row = _table(table, name, "header.")
        rows.append(HeaderRow(*(_number(row, field, f"header.{name}.") for field in HeaderRow.__slots__)))
    return Header(
        first=rows[0],
        later=rows[1],
        fill_bytes=_number(table, "fill_bytes", "header."),
        acknowledgement_bytes=int(_number(table, "acknowledgement_bytes", "header.", above=0)),
    )


def _family(table: Mapping[str, Any], where: str) -> Family:
    return Family(
        name=_text(table, "name", f"{where}."),
        hosts=tuple(str(host) for host in table.get("hosts", [])),
        suffixes=tuple(str(suffix) for suffix in table.get("suffixes", [])),
        plain_header_bytes=_number(table, "plain_header_bytes", f"{where}.") if "plain_header_bytes" in table else None,
        handshake_bytes=_number(table, "handshake_bytes", f"{where}."),
        streamed_segments=int(_number(table, "streamed_segments", f"{where}.", above=0)),
        streamed_density=_number(table, "streamed_bytes_per_segment", f"{where}.", above=0),
        first_input=_input_curves(_table(table, "first_input", f"{where}."), f"{where}.first_input."),
        later_input=_input_curves(_table(table, "later_input", f"{where}."), f"{where}.later_input."),
        streamed=_output_table(_table(table, "streamed", f"{where}."), f"{where}.streamed."),
        whole=_output_table(_table(table, "whole", f"{where}."), f"{where}.whole."),
        totals=_totals(_table(table, "totals", f"{where}."), f"{where}.totals."),
    )


def _totals(table: Mapping[str, Any], where: str) -> Totals:
    return Totals(*(_number(table, name, where, above=0) for name in Totals.__slots__))


def _input_curves(table: Mapping[str, Any], where: str) -> Curves:
    at = [asinh(x / BODY_SCALE_BYTES) for x in _numbers(table, "body_bytes", where)]
    # Beyond the last knot tokens grow in proportion to bytes: slope 1 in logarithms.
    return _curves(table, where, at, ("tokens", "low", "high"), slope_beyond=1.0)


def _output_table(table: Mapping[str, Any], where: str) -> OutputTable:
    density = _logs(_numbers(table, "bytes_per_segment", where), f"{where}bytes_per_segment")
    size = _logs(_numbers(table, "segments", where), f"{where}segments")
    context = [asinh(x / BODY_SCALE_BYTES) for x in _numbers(table, "request_body_bytes", where)]
    return OutputTable(
        overhead_bytes=_number(table, "overhead_bytes", where),
        overhead_segments=_number(table, "overhead_segments", where),
        density=_curves(table, where, density, ("tokens_per_segment", "low", "high")),
        size=_curves(table, where, size, ("size_factor", "size_low", "size_high")),
        context=_curves(table, where, context, ("context_factor", "context_low", "context_high")),
    )


def _curves(
    table: Mapping[str, Any],
    where: str,
    at: Sequence[float],
    names: tuple[str, str, str],
    slope_beyond: float = 0.0,
) -> Curves:
    if len(at) < 2 or any(after <= before for before, after in pairwise(at)):
        raise InvalidCoefficients(f"{where}{names[0]}: needs at least two knots, each larger than the one before")
    middle, low, high = (_logs(_numbers(table, name, where, len(at)), f"{where}{name}") for name in names)
    values = [(m, -below, above) for m, below, above in zip(middle, low, high, strict=True)]
    return Curves(at, values, slope_beyond)


def _logs(values: Sequence[float], where: str) -> list[float]:
    if any(value <= 0 for value in values):
        raise InvalidCoefficients(f"{where}: every number must be above 0")
    return [log(value) for value in values]


def _table(table: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = table.get(name)
    if not isinstance(value, dict):
        raise InvalidCoefficients(f"{where}{name}: this table is missing")
    return value


def _list(table: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    value = table.get(name)
    if not isinstance(value, list) or not value:
        raise InvalidCoefficients(f"{where}{name}: this list of tables is missing")
    return value


def _text(table: Mapping[str, Any], name: str, where: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidCoefficients(f"{where}{name}: a text is missing")
    return value


def _number(table: Mapping[str, Any], name: str, where: str, above: float | None = None) -> float:
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise InvalidCoefficients(f"{where}{name}: a number is missing")
    if above is not None and value <= above:
        raise InvalidCoefficients(f"{where}{name}: must be above {above}, is {value}")
    return float(value)


def _numbers(table: Mapping[str, Any], name: str, where: str, length: int | None = None) -> list[float]:
    value = table.get(name)
    if not isinstance(value, list):
        raise InvalidCoefficients(f"{where}{name}: a list of numbers is missing")
    if length is not None and len(value) != length:
        raise InvalidCoefficients(f"{where}{name}: needs {length} numbers, one for each knot, has {len(value)}")
    return [_number({name: item}, name, where) for item in value]
