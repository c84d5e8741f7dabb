"""A regression on several piecewise-linear curves at once, each kept smooth, small or near to what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.regression import Array, bends, hats, quantile_fit

FOLDED_ROUNDS: Final = 25
FEWEST_HELD: Final = 3
"""Fewer rows do not say what share of their kind an interval holds."""


class Design:
    """Columns of a regression in named parts, with what draws their coefficients together or to a value."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._matrices: dict[str, Array] = {}
        self._pulls: list[tuple[str, Array, Array]] = []
        """Which part, rows of a penalty on its coefficients, and the values those are drawn towards."""
        self._ties: list[tuple[str, str, float]] = []

    def curve(self, name: str, at: Sequence[float], x: Array, smooth: float, mask: Array | None = None) -> None:
        """A curve over x through knots `at`, for the rows of the mask or in proportion to it."""
        matrix = hats(at, x)
        self._matrices[name] = matrix if mask is None else matrix * np.asarray(mask, dtype=float)[:, None]
        if len(at) > 2:
            rows = smooth * bends(at, 0, len(at))
            self._pulls.append((name, rows, np.zeros(len(rows))))

    def surface(self, name: str, down: Array, across: Array, pull: float) -> None:
        """A bilinear correction over two sets of hats, drawn to nothing."""
        self._matrices[name] = (down[:, :, None] * across[:, None, :]).reshape(self._rows, -1)
        self.pull(name, pull)

    def pull(self, name: str, strength: float, towards: Sequence[float] | Array | None = None) -> None:
        """Draws a part's coefficients towards given values, or to nothing."""
        width = self._matrices[name].shape[1]
        values = np.zeros(width) if towards is None else np.asarray(towards, dtype=float)
        self._pulls.append((name, strength * np.eye(width), strength * values))

    def tie(self, one: str, other: str, strength: float) -> None:
        """Draws two parts of equal width together."""
        self._ties.append((one, other, strength))

    @property
    def matrix(self) -> Array:
        return np.hstack(list(self._matrices.values()))

    def _starts(self) -> dict[str, tuple[int, int]]:
        starts, place = {}, 0
        for name, matrix in self._matrices.items():
            starts[name] = (place, place + matrix.shape[1])
            place += matrix.shape[1]
        return starts

    def _penalty(self) -> tuple[Array, Array]:
        starts = self._starts()
        width = max(end for _, end in starts.values())
        rows, towards = [np.zeros((0, width))], [np.zeros(0)]
        for name, pulling, values in self._pulls:
            block = np.zeros((len(pulling), width))
            block[:, slice(*starts[name])] = pulling
            rows.append(block)
            towards.append(values)
        for one, other, strength in self._ties:
            length = starts[one][1] - starts[one][0]
            block = np.zeros((length, width))
            block[:, slice(*starts[one])] = strength * np.eye(length)
            block[:, slice(*starts[other])] = -strength * np.eye(length)
            rows.append(block)
            towards.append(np.zeros(length))
        return np.vstack(rows), np.concatenate(towards)

    def fit(self, y: Array, weights: Array, quantile: float, part: Array | None = None) -> Array:
        """Coefficients for a quantile of y, from all rows or from some."""
        matrix = self.matrix
        chosen = np.ones(self._rows, dtype=bool) if part is None else part
        return quantile_fit(matrix[chosen], y[chosen], weights[chosen], quantile, *self._penalty())

    def folded(self, y: Array, weights: Array, fold: Array) -> Array:
        """What y leaves of the median fitted without each row's own fold."""
        matrix, (penalty, towards) = self.matrix, self._penalty()
        residual = np.zeros(self._rows)
        for f in np.unique(fold):
            taught = fold != f
            if taught.any():
                c = quantile_fit(
                    matrix[taught], y[taught], weights[taught], 0.5, penalty, towards, rounds=FOLDED_ROUNDS
                )
                residual[~taught] = (y - matrix @ c)[~taught]
        return residual

    def parts(self, coefficients: Array) -> dict[str, Array]:
        """Coefficients by the name of their part."""
        return {name: coefficients[slice(*place)] for name, place in self._starts().items()}


def reaches(
    design: Design,
    residual: Array,
    weights: Array,
    groups: Sequence[Array],
    tails: tuple[float, float],
    weights_above: Array | None = None,
    least: float = 0.03,
    held_above: Array | None = None,
) -> Mapping[str, dict[str, Array]]:
    """How far intervals reach below and above, by part: quantiles of held-out errors, calibrated group by group.

    `groups` are weights of rows, for each situation; the part of the same place named "situation 0" and so on takes
    up the calibration, so that each group's share outside is what `tails` says and not only the whole's. Reaches above
    may weigh rows of their own, and are no shorter than the rows that weigh in `held_above` need for their share.
    """
    found: dict[str, dict[str, Array]] = {}
    above = weights if weights_above is None else weights_above
    for side, sign, tail, w in (("low", -1.0, tails[0], weights), ("high", 1.0, tails[1], above)):
        outward = sign * residual
        coefficients = design.fit(outward, w, 1 - tail)
        reach = np.maximum(design.matrix @ coefficients, least)
        parts = design.parts(coefficients)
        for place, group in enumerate(groups):
            name = f"situation {place}"
            if group.sum() < 20:
                continue
            shift = weighted_quantile(outward - reach, w * group, 1 - tail)
            if side == "high" and held_above is not None and np.count_nonzero(held_above * group) >= FEWEST_HELD:
                shift = max(shift, weighted_quantile(outward - reach, held_above * group, 1 - tail))
            parts[name] = parts[name] + shift
        found[side] = parts
    return found


def weighted_quantile(values: Array, weights: Array, quantile: float) -> float:
    """The smallest value that at least so much of the weight, and one row's share more, lies at or below."""
    order = np.argsort(values)
    held = np.cumsum(weights[order])
    one = held[-1] / max(1, np.count_nonzero(weights))
    return float(values[order][min(len(values) - 1, int(np.searchsorted(held, quantile * (held[-1] + one))))])
