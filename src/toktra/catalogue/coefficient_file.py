"""Reads `coefficients.toml`. A file with a gap is refused by its name: no estimate is ever made from half of one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from math import asinh, isfinite, log
from typing import Any, Final

from toktra.catalogue.coefficients import (
    BODY_SCALE_BYTES,
    Coefficients,
    Family,
    Header,
    HeaderRow,
    InvalidCoefficients,
    Reaches,
    Streamed,
    Totals,
    Whole,
)
from toktra.catalogue.curves import Curves, Grid, Situations, Triple

WIDENED: Final = ("first_input", "later_input", "streamed", "whole", "totals")
SITUATIONS: Final = ("first", "short", "long")


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
        hosts=_texts(table, "hosts", f"{where}."),
        suffixes=_texts(table, "suffixes", f"{where}."),
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
        hosts=_texts(table, "hosts", f"{where}."),
        suffixes=_texts(table, "suffixes", f"{where}."),
        plain_header_bytes=_number(table, "plain_header_bytes", f"{where}.") if "plain_header_bytes" in table else None,
        handshake_bytes=_number(table, "handshake_bytes", f"{where}."),
        streamed_segments=int(_number(table, "streamed_segments", f"{where}.", above=0)),
        streamed_density=_number(table, "streamed_bytes_per_segment", f"{where}.", above=0),
        first_input=_input_curves(_table(table, "first_input", f"{where}."), f"{where}.first_input."),
        later_input=_input_curves(_table(table, "later_input", f"{where}."), f"{where}.later_input."),
        streamed=_streamed(_table(table, "streamed", f"{where}."), f"{where}.streamed."),
        whole=_whole(_table(table, "whole", f"{where}."), f"{where}.whole."),
        totals=_totals(_table(table, "totals", f"{where}."), f"{where}.totals."),
    )


def _totals(table: Mapping[str, Any], where: str) -> Totals:
    short, long = (_reaches(_table(table, name, where), f"{where}{name}.") for name in ("short", "long"))
    return Totals(short, long)


def _reaches(table: Mapping[str, Any], where: str) -> Reaches:
    return Reaches(*(_number(table, name, where, above=0) for name in Reaches.__slots__))


def _input_curves(table: Mapping[str, Any], where: str) -> Curves:
    at = [asinh(x / BODY_SCALE_BYTES) for x in _numbers(table, "body_bytes", where)]
    # Beyond the last knot tokens grow in proportion to bytes: slope 1 in logarithms.
    return _curves(table, where, at, ("tokens", "low", "high"), slope_beyond=1.0)


def _streamed(table: Mapping[str, Any], where: str) -> Streamed:
    density = _logs(_numbers(table, "bytes_per_segment", where), f"{where}bytes_per_segment")
    size = _logs(_numbers(table, "segments", where), f"{where}segments")
    return Streamed(
        overhead_bytes=_number(table, "overhead_bytes", where),
        overhead_segments=_number(table, "overhead_segments", where),
        density=_situations(table, where, density, "tokens_per_segment"),
        size=_curves(table, where, size, ("size_factor", "size_low", "size_high")),
        context=_context(table, where),
        grid=_grid(_table(table, "grid", where), f"{where}grid."),
    )


def _whole(table: Mapping[str, Any], where: str) -> Whole:
    body = [asinh(x / BODY_SCALE_BYTES) for x in _numbers(table, "body_bytes", where)]
    return Whole(
        overhead_bytes=_number(table, "overhead_bytes", where),
        framed_overhead_bytes=_number(table, "framed_overhead_bytes", where),
        body=_situations(table, where, body, "tokens", slope_beyond=1.0),
        context=_context(table, where),
    )


def _context(table: Mapping[str, Any], where: str) -> Curves:
    context = [asinh(x / BODY_SCALE_BYTES) for x in _numbers(table, "request_body_bytes", where)]
    return _curves(table, where, context, ("context_factor", "context_low", "context_high"))


def _situations(
    table: Mapping[str, Any],
    where: str,
    at: Sequence[float],
    name: str,
    slope_beyond: float = 0.0,
) -> Situations:
    first, short, long = (
        _triples(
            _table(table, situation, where),
            f"{where}{situation}.",
            at,
            (name, "low", "high"),
        )
        for situation in SITUATIONS
    )
    return Situations(at, first, short, long, slope_beyond)


def _grid(table: Mapping[str, Any], where: str) -> Grid:
    down = _logs(_numbers(table, "bytes_per_segment", where), f"{where}bytes_per_segment")
    across = _logs(_numbers(table, "segments", where), f"{where}segments")
    for name, at in (("bytes_per_segment", down), ("segments", across)):
        _ordered(at, f"{where}{name}")
    rows = table.get("factors")
    if not isinstance(rows, list) or len(rows) != len(down):
        raise InvalidCoefficients(f"{where}factors: needs {len(down)} rows, one for each of bytes_per_segment")
    values = [
        _logs(
            _numbers({"factors": row}, "factors", where, len(across)),
            f"{where}factors[{place}]",
        )
        for place, row in enumerate(rows)
    ]
    return Grid(down, across, values)


def _curves(
    table: Mapping[str, Any],
    where: str,
    at: Sequence[float],
    names: tuple[str, str, str],
    slope_beyond: float = 0.0,
) -> Curves:
    return Curves(at, _triples(table, where, at, names), slope_beyond)


def _triples(
    table: Mapping[str, Any],
    where: str,
    at: Sequence[float],
    names: tuple[str, str, str],
) -> list[Triple]:
    _ordered(at, f"{where}{names[0]}")
    middle, low, high = (_logs(_numbers(table, name, where, len(at)), f"{where}{name}") for name in names)
    return [(m, -below, above) for m, below, above in zip(middle, low, high, strict=True)]


def _ordered(at: Sequence[float], where: str) -> None:
    if len(at) < 2 or any(after <= before for before, after in pairwise(at)):
        raise InvalidCoefficients(f"{where}: needs at least two knots, each larger than the one before")


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


def _texts(table: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise InvalidCoefficients(f"{where}{name}: must be a list of texts")
    return tuple(value)


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
