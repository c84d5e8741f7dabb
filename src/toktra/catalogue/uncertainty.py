"""How sure a total of many estimates is.

The model: the logarithm of true over estimated tokens of one host's exchanges is one error that all exchanges of the
host's family share (its headers, its tokenizer, its mix of wire formats differ from what was measured) plus one of
each exchange's own. Own errors are independent and shrink with the square root of their number; the shared one does
not shrink. Hosts err independently of each other, and input independently of output: their deviations, each taken at
90 %, add as squares. Give each host once, or the error its parts share is taken for independent. Both kinds of error
are fitted from sums of held-out exchanges, apart for short exchanges and for long ones, of which the short err more;
`docs/tokens.md` shows how often the ranges held the truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, expm1, hypot, log, sqrt
from typing import Final

from toktra.catalogue.coefficients import LONG_MEAN_TOKENS, SHORT_MEAN_TOKENS
from toktra.catalogue.estimate import ESTIMATOR_VERSION, SHIPPED

_SHORT_TO_LONG: Final = log(LONG_MEAN_TOKENS / SHORT_MEAN_TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is added up: one provider host's exchanges and the sums of their estimated tokens."""

    provider_host: str
    exchanges: int
    """Requests seen; 0 counts as 1."""
    input_tokens: int
    output_tokens: int
    estimator_version: str = ESTIMATOR_VERSION


@dataclass(frozen=True, slots=True)
class Range:
    """The 90 % interval of a total, in tokens: 0 ≤ low ≤ total ≤ high."""

    low: int
    high: int


def input_range(parts: Iterable[Part]) -> Range:
    """The range of the input tokens of all parts together."""
    return _range(_deviation(part, output=False) for part in parts)


def output_range(parts: Iterable[Part]) -> Range:
    """The range of the visible output tokens of all parts together."""
    return _range(_deviation(part, output=True) for part in parts)


def tokens_range(parts: Iterable[Part]) -> Range:
    """The range of input and output tokens together."""
    return _range(_deviation(part, output=output) for part in parts for output in (False, True))


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the logarithm of a part's truth may lie from its estimate's, 90 % of the time, by what kind of error."""

    shared: float
    own: float

    @property
    def whole(self) -> float:
        """Both kinds together."""
        return hypot(self.shared, self.own)


def reach_of(part: Part, *, output: bool) -> Reach:
    """The reach of one side of a part."""
    errors = _errors(part.provider_host, part.estimator_version, output)
    exchanges = max(1, part.exchanges)
    mean = max(1.0, part.input_tokens / exchanges)
    long = min(1.0, max(0.0, log(mean / SHORT_MEAN_TOKENS) / _SHORT_TO_LONG))
    shared = (1 - long) * errors.short_shared + long * errors.long_shared
    own = (1 - long) * errors.short_own + long * errors.long_own
    return Reach(shared, own / sqrt(exchanges))


@dataclass(frozen=True, slots=True)
class _Errors:
    """Both kinds of error of one side of a host's exchanges, of short ones and of long ones."""

    short_shared: float
    short_own: float
    long_shared: float
    long_own: float


@lru_cache(maxsize=4096)
def _errors(host: str, version: str, output: bool) -> _Errors:
    """Looked up once for each host: a page of charts asks thousands of times."""
    totals, wider = SHIPPED.family(host).totals, SHIPPED.widening(version)
    if output:
        found = (totals.short.output_shared, totals.short.output_own, totals.long.output_shared, totals.long.output_own)
    else:
        found = (totals.short.input_shared, totals.short.input_own, totals.long.input_shared, totals.long.input_own)
    return _Errors(*(wider * error for error in found))


def _deviation(part: Part, *, output: bool) -> tuple[int, float, float]:
    """Tokens of one side of a part, and how far below and above the truth may lie."""
    reach = reach_of(part, output=output).whole
    tokens = max(0, part.output_tokens if output else part.input_tokens)
    return tokens, -tokens * expm1(-reach), tokens * expm1(reach)


def _range(deviations: Iterable[tuple[int, float, float]]) -> Range:
    total, below, above = 0, 0.0, 0.0
    for tokens, one_below, one_above in deviations:
        total += tokens
        below = hypot(below, one_below)
        above = hypot(above, one_above)
    return Range(max(0, int(total - below)), ceil(total + above))
