"""What is added up before it is priced: sums that share an error, and their ranges together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from math import hypot, sqrt

from toktra.catalogue.uncertainty import Part as AskedPart
from toktra.server.costs.ranges import Deviation, Interval, combined, deviation
from toktra.server.reconciliation.method import Factor, Finding


@dataclass(slots=True)
class Side:
    """Input or output of a part, in tokens; `cost` in the currency of the projection."""

    estimated: float = 0.0
    corrected: float = 0.0
    """After the factor."""
    priced: float = 0.0
    """Corrected tokens that have a price."""
    cost: float = 0.0
    _spread: float = 0.0
    _day_noise: float = 0.0
    """Both summed with the estimated tokens as weights."""

    def add(self, tokens: float, factor: Factor | None, cost_per_token: float | None) -> None:
        corrected = tokens
        if factor is not None:
            corrected *= factor.middle
            self._spread += tokens * factor.spread
            self._day_noise += tokens * factor.day_noise
        self.estimated += tokens
        self.corrected += corrected
        if cost_per_token is not None:
            self.priced += corrected
            self.cost += corrected * cost_per_token

    def factor_spread(self, days: int) -> float | None:
        """How unsure the factors are together, as a standard deviation in log; None without tokens."""
        return hypot(self._spread, self._day_noise / sqrt(days)) / self.estimated if self.estimated > 0 else None


@dataclass(slots=True)
class Part:
    """One host, one version of the estimator, with a factor or without: what shares an error."""

    host: str
    version: str
    reconciled: bool
    exchanges: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    priced_exchanges: int = 0
    priced_bytes: int = 0
    input: Side = field(default_factory=Side)
    output: Side = field(default_factory=Side)
    days: set[date] = field(default_factory=set)
    _known: dict[tuple[bool, bool], Deviation] = field(default_factory=dict, compare=False)
    """Deviations worked out since anything was added: the same one enters many totals."""

    def add_tokens(
        self, input_tokens: float, output_tokens: float, finding: Finding | None, prices: tuple[float, float] | None
    ) -> None:
        """Adds tokens with the factors and the prices of a token of their day, after all else of the same row."""
        self._known.clear()
        input_price, output_price = prices or (None, None)
        self.input.add(input_tokens, finding.input if finding else None, input_price)
        self.output.add(output_tokens, finding.output if finding else None, output_price)

    def deviation(self, *, output: bool, as_estimated: bool = False) -> Deviation:
        """How far one side may be off; `as_estimated`: as if there were no factor."""
        corrected = self.reconciled and not as_estimated
        known = self._known.get((output, corrected))
        if known is None:
            known = self._known[output, corrected] = self._work_out(output, corrected)
        return known

    def _work_out(self, output: bool, corrected: bool) -> Deviation:
        side = self.output if output else self.input
        asked = AskedPart(
            provider_host=self.host,
            exchanges=self.exchanges,
            input_tokens=round(self.input.estimated),
            output_tokens=round(self.output.estimated),
            estimator_version=self.version,
        )
        return deviation(asked, output=output, spread=side.factor_spread(len(self.days)) if corrected else None)


INPUT, OUTPUT, BOTH = (False,), (True,), (False, True)
"""The sides a total may be of, as Part.deviation names them."""


def total(
    parts: Iterable[Part],
    amount: Callable[[Side], float],
    sides: tuple[bool, ...] = BOTH,
    *,
    as_estimated: bool = False,
) -> Interval:
    """The range of one amount of every part's sides together."""
    return combined(
        (amount(part.output if output else part.input), part.deviation(output=output, as_estimated=as_estimated))
        for part in parts
        for output in sides
    )
