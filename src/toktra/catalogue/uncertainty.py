"""How sure a total of many estimates is.

The model: the logarithm of true over estimated tokens of one host's exchanges is one error that all exchanges of the
host's family share (its headers, its tokenizer, its mix of wire formats differ from what was measured) plus one of
each exchange's own. Own errors are independent and shrink with the square root of their number; the shared one does
not shrink. Hosts of different families err independently; hosts of one family err together; input and output err
independently. Each deviation is taken at 90 %, and independent ones add as squares. Both parts are fitted from sums
of held-out exchanges: `docs/tokens.md` shows how often the ranges held the truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import expm1, hypot, sqrt

from toktra.catalogue.estimate import ESTIMATOR_VERSION, SHIPPED


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
    return _range(_terms(part, output=False) for part in parts)


def output_range(parts: Iterable[Part]) -> Range:
    """The range of the visible output tokens of all parts together."""
    return _range(_terms(part, output=True) for part in parts)


def tokens_range(parts: Iterable[Part]) -> Range:
    """The range of input and output tokens together."""
    return _range(_terms(part, output=output) for part in parts for output in (False, True))


@dataclass(frozen=True, slots=True)
class _Terms:
    """One side of one part: its tokens, whom it shares an error with, and both reaches in logarithms."""

    tokens: int
    sharers: tuple[str, bool]
    shared: float
    own: float


def _terms(part: Part, *, output: bool) -> _Terms:
    family = SHIPPED.family(part.provider_host)
    widening = SHIPPED.widening(part.estimator_version)
    totals = family.totals
    shared, own = (totals.output_shared, totals.output_own) if output else (totals.input_shared, totals.input_own)
    return _Terms(
        tokens=max(0, part.output_tokens if output else part.input_tokens),
        sharers=(family.name, output),
        shared=widening * shared,
        own=widening * own / sqrt(max(1, part.exchanges)),
    )


def _range(all_terms: Iterable[_Terms]) -> Range:
    total = 0
    own_below = own_above = 0.0
    shared_below: defaultdict[tuple[str, bool], float] = defaultdict(float)
    shared_above: defaultdict[tuple[str, bool], float] = defaultdict(float)
    for terms in all_terms:
        total += terms.tokens
        # A part's whole reach, not each of its two, is what exp() bends: split the bent deviation by their squares.
        reach = hypot(terms.shared, terms.own)
        below, above = -terms.tokens * expm1(-reach), terms.tokens * expm1(reach)
        shared_below[terms.sharers] += below * terms.shared / reach
        shared_above[terms.sharers] += above * terms.shared / reach
        own_below = hypot(own_below, below * terms.own / reach)
        own_above = hypot(own_above, above * terms.own / reach)
    below = hypot(own_below, *shared_below.values())
    above = hypot(own_above, *shared_above.values())
    return Range(max(0, int(total - below)), total if above == 0 else int(total + above) + 1)
