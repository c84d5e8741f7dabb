"""Ranges of sums of which some parts are reconciled with what a provider billed. Pure.

An estimate without a factor has the catalogue's interval: an error its host's exchanges share, and one of each
exchange's own. A factor learned from the provider's own totals replaces the shared error by how unsure the factor is;
the own errors stay. Deviations of different hosts, and of input and output, add as squares, as in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import expm1, hypot
from typing import Final

from toktra.catalogue.uncertainty import Part, reach_of

_REACH: Final = 1.645
"""Standard deviations either way that hold 90 %."""


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
    reach = reach_of(part, output=output)
    if spread is None:
        return Deviation(-expm1(-reach.whole), expm1(reach.whole))
    return Deviation(
        hypot(expm1(-reach.own), expm1(-_REACH * spread)),
        hypot(expm1(reach.own), expm1(_REACH * spread)),
    )


def combined(sums: Iterable[tuple[float, Deviation]]) -> Interval:
    """The interval of all sums together, each with its own deviation."""
    total = below = above = 0.0
    for amount, off in sums:
        total += amount
        below = hypot(below, amount * off.below)
        above = hypot(above, amount * off.above)
    return Interval(max(0.0, total - below), total + above)
