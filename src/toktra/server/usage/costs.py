"""What tokens cost, as a range: the ranges of tokens weighted by the price of their day. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Protocol

from toktra.catalogue.uncertainty import Part, tokens_range

_NANO: Final = 10**9


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
    """The 90 % interval of the sum.

    A price scales what is added up and not how sure it is, so this is the range of the same parts, counted in
    billionths of a dollar instead of tokens: errors are shared and cancel just as those of tokens do.
    """
    interval = tokens_range(
        replace(one.part, input_tokens=round(one.input_usd * _NANO), output_tokens=round(one.output_usd * _NANO))
        for one in priced
    )
    return Dollars(interval.low / _NANO, interval.high / _NANO)
