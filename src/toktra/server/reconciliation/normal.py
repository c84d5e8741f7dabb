"""Beliefs about one number: normal, normal cut off at zero, and mixtures of them. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, erfc, exp, inf, log, pi, sqrt
from typing import ClassVar, Final

_TAIL: Final = -8.0
"""Standard deviations below zero from where the tail is taken as exponential: erfc has no digits left."""


@dataclass(frozen=True, slots=True)
class Belief:
    """A mean and a variance, read as a normal distribution where an interval is asked for."""

    mean: float
    variance: float

    REACH: ClassVar[float] = 1.645
    """Standard deviations either way that hold 90 %."""

    @property
    def low(self) -> float:
        return self.mean - self.REACH * sqrt(self.variance)

    @property
    def high(self) -> float:
        return self.mean + self.REACH * sqrt(self.variance)


class Mixture:
    """Several beliefs, each with its probability; the probabilities add up to 1."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[float, Belief]]) -> None:
        self._parts = parts

    @property
    def belief(self) -> Belief:
        """Mean and variance of the whole."""
        mean = sum(weight * part.mean for weight, part in self._parts)
        square = sum(weight * (part.variance + part.mean**2) for weight, part in self._parts)
        return Belief(mean, max(0.0, square - mean**2))

    def quantile(self, share: float) -> float:
        """Below this lies `share` of the mixture, to 1e-3; never below 0, for numbers that cannot be."""
        low, high = 0.0, max(part.mean + 6 * sqrt(part.variance) for _, part in self._parts) + 1e-3
        while high - low > 1e-3:
            middle = (low + high) / 2
            if self._below(middle) < share:
                low = middle
            else:
                high = middle
        return low

    def _below(self, value: float) -> float:
        return sum(weight * _below(part, value) for weight, part in self._parts)


def log_density(distance: float, variance: float) -> float:
    """Logarithm of the normal density at a distance from its mean."""
    return -0.5 * (log(2 * pi * variance) + distance**2 / variance)


def cut_at_zero(belief: Belief, rate: float) -> tuple[Belief, float]:
    """A normal times exp(-rate · x), on x ≥ 0 only: mean and variance of what is left, and the log of its mass.

    The product with an exponential is again a normal, its mean moved down by rate · variance.
    """
    spread = sqrt(belief.variance)
    mean = belief.mean - rate * belief.variance
    shift = -rate * belief.mean + 0.5 * rate**2 * belief.variance
    start = mean / spread
    if start < _TAIL:  # almost all of it lies below zero: what is left falls off exponentially
        scale = spread / -start
        return Belief(scale, scale**2), shift + log_density(start, 1.0) - log(-start)
    mass = 0.5 * erfc(-start / sqrt(2))
    if mass <= 0:
        return Belief(0.0, 0.0), -inf
    hazard = exp(log_density(start, 1.0)) / mass
    left = Belief(mean + spread * hazard, belief.variance * max(0.0, 1 - hazard * (hazard + start)))
    return left, shift + log(mass)


def _below(belief: Belief, value: float) -> float:
    if belief.variance <= 0:
        return 1.0 if value >= belief.mean else 0.0
    return 0.5 * (1 + erf((value - belief.mean) / sqrt(2 * belief.variance)))
