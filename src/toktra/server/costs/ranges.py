"""Ranges of sums of which some parts are reconciled with what a provider billed. Pure.

An estimate without a factor has the catalogue's interval: an error its host's exchanges share, and one of each
exchange's own. A factor learned from the provider's own totals replaces the shared error by how unsure the factor is;
the own errors stay. Deviations of different hosts, and of input and output, add as squares, as in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp, hypot, sqrt
from typing import Final

from toktra.catalogue.uncertainty import Part, Range, input_range, output_range

_REACH: Final = 1.645
"""Standard deviations either way that hold 90 %."""
_MANY: Final = 10**15
"""So many exchanges that only their shared error is left."""
_FINE: Final = 10**9
"""Tokens for which a relative deviation is asked, so that rounding to whole tokens does not show."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a sum may be off either way, as shares of it."""

    below: float
    above: float


@dataclass(frozen=True, slots=True)
class Interval:
    """The 90 % interval of a sum, in whatever it is counted in."""

    low: float
    high: float


def deviation(part: Part, *, output: bool, spread: float | None = None) -> Deviation:
    """How far a part's input or output may be off. `spread`: the factor's standard deviation, in log, if it has one."""
    whole = _asked(part, output=output)
    if spread is None:
        return whole
    shared = _asked(replace(part, exchanges=_MANY), output=output)
    return Deviation(
        hypot(sqrt(max(0.0, whole.below**2 - shared.below**2)), 1 - exp(-_REACH * spread)),
        hypot(sqrt(max(0.0, whole.above**2 - shared.above**2)), exp(_REACH * spread) - 1),
    )


def combined(sums: Iterable[tuple[float, Deviation]]) -> Interval:
    """The interval of all sums together, each with its own deviation."""
    total = below = above = 0.0
    for amount, off in sums:
        total += amount
        below = hypot(below, amount * off.below)
        above = hypot(above, amount * off.above)
    return Interval(max(0.0, total - below), total + above)


def _asked(part: Part, *, output: bool) -> Deviation:
    found: Range
    if output:
        found = output_range([replace(part, input_tokens=0, output_tokens=_FINE)])
    else:
        found = input_range([replace(part, input_tokens=_FINE, output_tokens=0)])
    return Deviation(1 - found.low / _FINE, found.high / _FINE - 1)
