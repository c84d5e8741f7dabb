"""The curves that turn a request's body into input tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.design import Design, reaches
from bench.tokens.exchanges import Measured
from bench.tokens.headers import body_bytes
from bench.tokens.plans import CASSETTE_INPUT_WEIGHT, folds_of, total_factor, weights_of
from bench.tokens.regression import hats, plain, scaled

PICTURE_LOWS: Final = {100_000: 0.03, 160_000: 0.005}
"""By body bytes, how small a share of the estimate the truth may be where so large a request may hold a picture: what
nineteen in twenty generated exchanges with pictures exceed."""
FARTHEST_REACH: Final = 3.0
"""No interval of an input reaches farther than a factor of 20 either way."""
TAILS: Final = (0.05, 0.05)
CASSETTE_REACH_WEIGHT: Final = 0.9
"""What recordings with guessed headers count for intervals: all they err by must be held, whatever it comes from."""
BODY_KNOTS: Final = (-400, -150, 0, 120, 250, 450, 800, 1500, 3000, 8000, 20000, 60000)
INTERVAL_BODY_KNOTS: Final = (-400, 0, 250, 800, 3000, 20000, 60000)
SMOOTH: Final = 0.5
PULL: Final = 4.0
"""How hard a family's curves are drawn towards the pooled ones where it has few exchanges of its own."""


def fit_input(
    rows: Sequence[Measured], header: Mapping[str, Any], pooled: bool, prior: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The input curves of first or of later requests, drawn towards the pooled ones where data are few."""
    used = [row for row in rows if row.input_tokens > 0]
    x = np.array(scaled([body_bytes(header, row) for row in used]))
    y = np.log([row.input_tokens for row in used])
    w = weights_of(used, pooled, CASSETTE_INPUT_WEIGHT)
    at, interval_at = scaled(BODY_KNOTS), scaled(INTERVAL_BODY_KNOTS)
    design = Design(len(used))
    design.curve("body", at, x, SMOOTH)
    if prior:
        design.pull("body", PULL, np.log(prior["tokens"][: len(BODY_KNOTS)]))
    beyond = np.maximum(0, x - at[-1])
    target = y - beyond
    residual = design.folded(target, w, folds_of(used, pooled))
    curve = design.fit(target, w, 0.5)
    factor = np.log(total_factor(np.exp(y), np.exp(design.matrix @ curve + beyond), used, w))
    curve = np.maximum.accumulate(curve + factor)
    sides = _reaches(residual - factor, x, weights_of(used, pooled, CASSETTE_REACH_WEIGHT), prior)
    lows, highs = (np.exp(sign * hats(interval_at, np.array(at)) @ sides[side]) for side, sign in SIGNS)
    largest = np.exp(curve[-1]) / BODY_KNOTS[-1]
    return {
        "body_bytes": [*BODY_KNOTS, *PICTURE_LOWS],
        "tokens": plain(np.array([*np.exp(curve), *(largest * size for size in PICTURE_LOWS)])),
        "low": plain(np.array([*lows, *PICTURE_LOWS.values()])),
        "high": plain(np.array([*highs, *(highs[-1] for _ in PICTURE_LOWS)])),
    }


SIGNS: Final = (("low", -1.0), ("high", 1.0))


def _reaches(residual: Any, x: Any, w: Any, prior: Mapping[str, Any] | None) -> dict[str, Any]:
    at = scaled(INTERVAL_BODY_KNOTS)
    knots = [BODY_KNOTS.index(knot) for knot in INTERVAL_BODY_KNOTS]
    found = {}
    for (side, sign), tail in zip(SIGNS, TAILS, strict=True):
        design = Design(len(residual))
        design.curve("situation 0", at, x, SMOOTH)
        if prior:
            design.pull("situation 0", PULL, [sign * np.log(prior[side][knot]) for knot in knots])
        reach = reaches(design, residual, w, [np.ones(len(w))], (tail, tail))[side]["situation 0"]
        found[side] = np.clip(reach, 0.03, FARTHEST_REACH)
    return found
