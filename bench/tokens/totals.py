"""How wrong sums of estimates are: the shared and the own part of the error, fitted from held-out sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.heldout import Judged
from bench.tokens.regression import Array

SIDES: Final = ("input", "output")
SUM_SIZES: Final = (10, 30, 100, 300)
DRAWS: Final = 400
NINETY: Final = 1.645
"""Half-width of a 90 % interval in standard deviations."""
LARGEST_SLICE_ERROR: Final = 0.5
"""A slice of few conversations may be wrong by chance: its error counts as at most this much."""
RECORDED_SLICE_WEIGHT: Final = 2.0
SMALLEST_SHARED: Final = 0.03
FEWEST_RECORDED: Final = 20
UNCONFIRMED_SHARED: Final = 0.3
"""What a family's exchanges may be wrong by together when hardly any recorded one confirms it."""


def truth_and_guess(judged: Sequence[Judged], side: str) -> tuple[Array, Array]:
    """True and estimated tokens of one side."""
    truth = np.array([getattr(one.row, f"{side}_tokens") for one in judged], dtype=float)
    guess = np.array([getattr(one.estimate, f"{side}_tokens") for one in judged], dtype=float)
    return truth, guess


def draws_of_whole_conversations(judged: Sequence[Judged], exchanges: int, draws: int, seed: int) -> list[Array]:
    """Places of about `exchanges` exchanges, drawn as whole conversations: neighbours err alike, sums must feel it."""
    by_conversation: defaultdict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(judged):
        by_conversation[one.row.conversation].append(place)
    conversations = list(by_conversation.values())
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        places: list[int] = []
        while len(places) < exchanges:
            places += conversations[random.integers(len(conversations))]
        drawn.append(np.array(places[:exchanges]))
    return drawn


def own_reach(judged: Sequence[Judged], side: str) -> float:
    """The own error's 90 % reach for one exchange, from sums of several sizes, any common bias taken out."""
    truth, guess = truth_and_guess(judged, side)
    bias = np.log(truth.sum() / guess.sum())
    squares = []
    for exchanges in SUM_SIZES:
        errors = [
            np.log(max(truth[places].sum(), 1.0) / max(guess[places].sum(), 1.0)) - bias
            for places in draws_of_whole_conversations(judged, exchanges, DRAWS, exchanges)
        ]
        squares.append(exchanges * np.quantile(np.abs(errors), 0.9) ** 2)
    return float(np.sqrt(np.mean(squares)))


def shared_reach(slices: Sequence[Sequence[Judged]], side: str) -> float:
    """The shared error's 90 % reach: how far slices that were held out as a whole were off in total."""
    squares = weights = 0.0
    for judged in slices:
        if not judged:
            continue
        truth, guess = truth_and_guess(judged, side)
        error = float(np.clip(np.log(truth.sum() / guess.sum()), -LARGEST_SLICE_ERROR, LARGEST_SLICE_ERROR))
        weight = RECORDED_SLICE_WEIGHT if judged[0].row.recorded else 1.0
        squares += weight * error**2
        weights += weight
    return max(SMALLEST_SHARED, NINETY * float(np.sqrt(squares / weights))) if weights else LARGEST_SLICE_ERROR


def totals_of(
    family: str, conversations: Sequence[Judged], clients: Sequence[Judged], providers: Sequence[Judged]
) -> dict[str, float]:
    """The four reaches of one family. The pooled one is judged by providers that were held out."""
    if family == "pooled":
        generated = list(providers)
        groups = _grouped(generated)
    else:
        generated = [one for one in conversations if one.family == family and not one.row.recorded]
        groups = _grouped([one for one in clients if one.family == family]) or [generated]
    recorded = [one for one in conversations if one.family == family and one.row.recorded]
    slices = [*groups, recorded]
    reaches = {}
    for side in SIDES:
        shared = shared_reach(slices, side)
        owns = [own_reach(generated, side)]
        if len(recorded) >= FEWEST_RECORDED:
            owns.append(own_reach(recorded, side))
        else:
            shared = max(shared, UNCONFIRMED_SHARED)
        reaches[f"{side}_shared"] = shared
        reaches[f"{side}_own"] = float(np.sqrt(np.mean(np.square(owns))))
    return {name: float(f"{value:.3g}") for name, value in reaches.items()}


def _grouped(judged: Sequence[Judged]) -> list[list[Judged]]:
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.held_out].append(one)
    return list(groups.values())
