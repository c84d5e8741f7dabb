"""How sure a total of many estimates is: errors of single exchanges cancel, errors of a whole provider do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, sqrt
from typing import Final

SHARED_SPREAD: Final = 0.25
"""Log error (90 %) that every exchange of one provider shares."""
OWN_SPREAD: Final = 1.5
"""Log error (90 %) of a single exchange, which shrinks with their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is added up: one provider host's exchanges and their estimated tokens."""

    provider_host: str
    exchanges: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Range:
    """The 90 % interval of a total, in tokens."""

    low: int
    high: int


def input_range(parts: Iterable[Part]) -> Range:
    """The range of all parts' input tokens."""
    return _range((part.exchanges, part.input_tokens) for part in parts)


def output_range(parts: Iterable[Part]) -> Range:
    """The range of all parts' output tokens."""
    return _range((part.exchanges, part.output_tokens) for part in parts)


def tokens_range(parts: Iterable[Part]) -> Range:
    """The range of input and output tokens together."""
    both = [(part.exchanges, n) for part in parts for n in (part.input_tokens, part.output_tokens)]
    return _range(both)


def _range(sums: Iterable[tuple[int, int]]) -> Range:
    total, below, above = 0, 0.0, 0.0
    for exchanges, tokens in sums:
        spread = sqrt(SHARED_SPREAD**2 + OWN_SPREAD**2 / max(1, exchanges))
        total += tokens
        below += (tokens * (1 - exp(-spread))) ** 2
        above += (tokens * (exp(spread) - 1)) ** 2
    return Range(max(0, round(total - sqrt(below))), round(total + sqrt(above)))
