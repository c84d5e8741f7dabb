"""How wrong sums of estimates are: the shared and the own part of the error, fitted from held-out sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.heldout import Judged
from bench.tokens.regression import Array

from toktra.catalogue.coefficients import LONG_MEAN_TOKENS, SHORT_MEAN_TOKENS

SIDES: Final = ("input", "output")
SUM_SIZES: Final = (10, 30, 100, 300)
DRAWS: Final = 400
NINETY: Final = 1.645
"""Half-width of a 90 % interval in standard deviations."""
HELD_SUM: Final = 100
LARGEST_SLICE_ERROR: Final = 0.5
"""A slice of few conversations may be wrong by chance: its error counts as at most this much."""
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


def shared_reach(slices: Sequence[Sequence[Judged]], side: str, own: float) -> float:
    """The shared error's 90 % reach: how far slices that were held out as a whole were off in total.

    At least so far that, with the own error, nine in ten sums of 100 exchanges of three in four slices are held.
    """
    squares = weights = 0.0
    needed = []
    for judged in slices:
        truth, guess = truth_and_guess(judged, side)
        error = float(np.clip(np.log(truth.sum() / guess.sum()), -LARGEST_SLICE_ERROR, LARGEST_SLICE_ERROR))
        squares += error**2
        weights += 1.0
        errors = [
            abs(np.log(max(truth[places].sum(), 1.0) / max(guess[places].sum(), 1.0)))
            for places in draws_of_whole_conversations(judged, HELD_SUM, DRAWS, 5)
        ]
        needed.append(float(np.quantile(errors, 0.9)) ** 2 - own**2 / HELD_SUM)
    if not weights:
        return LARGEST_SLICE_ERROR
    least = float(np.quantile(needed, 0.75, method="higher"))
    return max(SMALLEST_SHARED, NINETY * float(np.sqrt(squares / weights)), float(np.sqrt(max(0.0, least))))


def totals_of(
    family: str, conversations: Sequence[Judged], clients: Sequence[Judged], providers: Sequence[Judged]
) -> dict[str, dict[str, float]]:
    """A family's reaches: of long exchanges by the generated ones, of short exchanges by the recorded ones.

    The pooled family is judged by providers that were held out. One that hardly any recorded exchange confirms errs in
    short exchanges as the pooled family does.
    """
    if family == "pooled":
        generated = list(providers)
        groups = _grouped(generated, lambda one: one.held_out)
    else:
        generated = [one for one in conversations if one.family == family and not one.row.recorded]
        unseen = [one for one in clients if one.family == family]
        groups = _grouped(unseen, lambda one: one.held_out) or [generated]
    recorded = [one for one in conversations if one.family == family and one.row.recorded]
    confirmed = len(recorded) >= FEWEST_RECORDED
    if not confirmed:
        recorded = [one for one in conversations if one.family == "pooled" and one.row.recorded]
    collections = _grouped(recorded, lambda one: "study" if one.row.of_study else "others")
    collections = [one for one in collections if len(one) >= FEWEST_RECORDED]
    short = _reaches(recorded, collections, 0.0)
    long = _reaches(generated, groups, 0.0 if confirmed else UNCONFIRMED_SHARED)
    for side in SIDES:
        factor = max([1.0, *(needed_widening(one, side, short, long) for one in collections)])
        for kind in ("shared", "own"):
            short[f"{side}_{kind}"] = float(f"{short[f'{side}_{kind}'] * factor:.3g}")
    return {"short": short, "long": long}


def needed_widening(
    judged: Sequence[Judged], side: str, short: Mapping[str, float], long: Mapping[str, float]
) -> float:
    """How much too short the ranges of nine in ten sums of 100 of these exchanges are, at the mean length of each sum.

    Recorded exchanges are of all lengths, and between short and long the ranges lean on generated ones.
    """
    truth, guess = truth_and_guess(judged, side)
    asked = truth_and_guess(judged, "input")[1]
    needed = []
    for places in draws_of_whole_conversations(judged, HELD_SUM, DRAWS, 5):
        at = np.log(max(1.0, asked[places].mean()) / SHORT_MEAN_TOKENS) / np.log(LONG_MEAN_TOKENS / SHORT_MEAN_TOKENS)
        share = float(np.clip(at, 0, 1))
        shared, own = ((1 - share) * short[f"{side}_{k}"] + share * long[f"{side}_{k}"] for k in ("shared", "own"))
        error = abs(np.log(max(truth[places].sum(), 1.0) / max(guess[places].sum(), 1.0)))
        needed.append(error / float(np.hypot(shared, own / HELD_SUM**0.5)))
    return float(np.quantile(needed, 0.9))


def _reaches(judged: Sequence[Judged], slices: Sequence[Sequence[Judged]], least_shared: float) -> dict[str, float]:
    reaches = {}
    for side in SIDES:
        own = own_reach(judged, side)
        reaches[f"{side}_shared"] = max(shared_reach(slices, side, own), least_shared)
        reaches[f"{side}_own"] = own
    return {name: float(f"{value:.3g}") for name, value in reaches.items()}


def _grouped(judged: Sequence[Judged], group: Callable[[Judged], str]) -> list[list[Judged]]:
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[group(one)].append(one)
    return list(groups.values())
