"""The figures an estimator is judged by, for any slice of held-out estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.heldout import Judged
from bench.tokens.totals import SIDES, draws_of_whole_conversations, truth_and_guess

SUM_OF: Final = 100
SUM_DRAWS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One side of one slice. Errors are shares of the truth, in percent."""

    side: str
    exchanges: int
    median_error: float
    p90_error: float
    sum_bias: float
    """Median signed error of sums of 100 exchanges."""
    sum_error: float
    """Median absolute error of sums of 100 exchanges."""
    coverage: float
    """Share of exchanges whose truth lies in the 90 % interval."""
    below: float
    """Share whose truth lies below it."""
    above: float
    interval_ratio: float
    """Median of high over low."""


def score(judged: Sequence[Judged], side: str) -> Score:
    """The figures of one side of a slice."""
    truth, guess = truth_and_guess(judged, side)
    low = np.array([getattr(one.estimate, f"{side}_low") for one in judged], dtype=float)
    high = np.array([getattr(one.estimate, f"{side}_high") for one in judged], dtype=float)
    error = np.abs(guess - truth) / np.maximum(truth, 1)
    sums = [
        guess[places].sum() / max(truth[places].sum(), 1) - 1
        for places in draws_of_whole_conversations(judged, SUM_OF, SUM_DRAWS, 3)
    ]
    percent = 100.0
    return Score(
        side=side,
        exchanges=len(judged),
        median_error=percent * float(np.median(error)),
        p90_error=percent * float(np.quantile(error, 0.9)),
        sum_bias=percent * float(np.median(sums)),
        sum_error=percent * float(np.median(np.abs(sums))),
        coverage=percent * float(np.mean((truth >= low) & (truth <= high))),
        below=percent * float(np.mean(truth < low)),
        above=percent * float(np.mean(truth > high)),
        interval_ratio=float(np.median((high + 1) / (low + 1))),
    )


def scores(slices: dict[str, Sequence[Judged]]) -> dict[str, list[Score]]:
    """Both sides of every slice that is not empty."""
    return {name: [score(judged, side) for side in SIDES] for name, judged in slices.items() if judged}


def table(found: dict[str, list[Score]]) -> str:
    """A Markdown table of slices, input then output."""
    head = "| slice | exchanges | side | median error | p90 | bias of sums of 100 | coverage of 90 % | high / low |"
    lines = [head, "|---|--:|---|--:|--:|--:|--:|--:|"]
    for name, sides in found.items():
        lines += [
            f"| {name} | {one.exchanges:,} | {one.side} | {one.median_error:.0f} % | {one.p90_error:.0f} % "
            f"| {one.sum_bias:+.0f} % | {one.coverage:.0f} % | {one.interval_ratio:.1f} |"
            for one in sides
        ]
    return "\n".join(lines) + "\n"
