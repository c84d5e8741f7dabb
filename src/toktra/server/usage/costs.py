"""What tokens cost, as a range: the ranges of tokens weighted by the price of their day. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from math import hypot
from typing import Protocol

from toktra.catalogue.uncertainty import Part, input_range, output_range


class TokenPrice(Protocol):
    """List prices in US dollars per million tokens."""

    @property
    def input_usd_per_million(self) -> float: ...
    @property
    def output_usd_per_million(self) -> float: ...


PriceOn = Callable[[str, date], TokenPrice | None]
"""The price of a provider (by id) on a day; None when it has none: unpriced, never 0."""


@dataclass(frozen=True, slots=True)
class Dollars:
    """A range of US dollars."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PricedPart:
    """One host's use, with what its estimated tokens cost at the price of each day."""

    part: Part
    input_usd: float
    output_usd: float


def cost_range(priced: Iterable[PricedPart]) -> Dollars:
    """The 90 % interval of the sum: each host's deviation in tokens, in dollars, combined as independent errors."""
    total, below, above = 0.0, 0.0, 0.0
    for one in priced:
        for tokens, usd, interval in (
            (one.part.input_tokens, one.input_usd, input_range([one.part])),
            (one.part.output_tokens, one.output_usd, output_range([one.part])),
        ):
            if tokens:
                total += usd
                below = hypot(below, usd * (1 - interval.low / tokens))
                above = hypot(above, usd * (interval.high / tokens - 1))
    return Dollars(max(0.0, total - below), total + above)
