"""Noise over a number, so that nobody's share in it can be told: the discrete Laplace mechanism of OpenDP."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

EPSILON: Final = 1.0
"""The privacy budget of one person in one month and tier. Whoever knows all others' tickets learns about a person's at
most what a likelihood ratio of e tells; several months add up, so that twelve months of one person are 12."""


def noised(count: int, most_of_one: int) -> int:
    """The count with noise of scale `most_of_one` / EPSILON, which hides one person who adds `most_of_one` to it.

    Not below 0. Every call draws anew: what is shown twice has to be kept. The first call takes half a second.
    """
    return max(0, int(_mechanism(most_of_one)(count)))


@lru_cache(16)
def _mechanism(most_of_one: int) -> Any:
    """Raises RuntimeError when the noise would spend more than the budget."""
    import opendp.prelude as dp  # noqa: PLC0415 - needed once a month

    dp.enable_features("contrib")
    laplace: Any = dp.m.make_laplace(dp.atom_domain(T=int), dp.absolute_distance(T=int), scale=most_of_one / EPSILON)
    spent = laplace.map(most_of_one)
    if spent > EPSILON * (1 + 1e-9):  # OpenDP rounds up
        raise RuntimeError(f"this noise would spend a budget of {spent}")
    return laplace
