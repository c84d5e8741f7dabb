"""Quantile regression on piecewise-linear curves, by iteratively reweighted least squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from numpy.typing import NDArray  # type: ignore[import-not-found, unused-ignore]

from toktra.catalogue.coefficients import BODY_SCALE_BYTES

Array: TypeAlias = NDArray[np.float64]


def hats(at: Sequence[float], x: Array) -> Array:
    """The design matrix of a piecewise-linear curve through knots `at`, level beyond its ends: one column a knot."""
    knots = np.asarray(at, dtype=float)
    inside = np.clip(x, knots[0], knots[-1])
    place = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(knots) - 2)
    share = (inside - knots[place]) / (knots[place + 1] - knots[place])
    design = np.zeros((len(x), len(knots)))
    rows = np.arange(len(x))
    design[rows, place] = 1 - share
    design[rows, place + 1] = share
    return design


def bends(at: Sequence[float], first: int, width: int) -> Array:
    """Rows that measure how sharply a curve bends at each inner knot, for a design of `width` columns."""
    knots = np.asarray(at, dtype=float)
    rows = np.zeros((len(knots) - 2, width))
    for i in range(1, len(knots) - 1):
        before, after = knots[i] - knots[i - 1], knots[i + 1] - knots[i]
        scale = np.sqrt((before + after) / 2)
        rows[i - 1, first + i - 1] = scale / before
        rows[i - 1, first + i] = -scale * (1 / before + 1 / after)
        rows[i - 1, first + i + 1] = scale / after
    return rows


def quantile_fit(
    design: Array,
    y: Array,
    weights: Array,
    quantile: float,
    penalty: Array,
    towards: Array | None = None,
    rounds: int = 40,
) -> Array:
    """Coefficients that put `quantile` of the weighted mass of y below design @ coefficients.

    `penalty` rows, less the values they are drawn `towards`, are squared and added to the loss, so that knots with
    few data follow their neighbours or a wider fit.
    """
    ridge = penalty.T @ penalty + 1e-9 * np.eye(design.shape[1])
    drawn = penalty.T @ towards if towards is not None else np.zeros(design.shape[1])
    coefficients = np.linalg.solve(design.T @ (design * weights[:, None]) + ridge, design.T @ (y * weights) + drawn)
    for step in range(rounds):
        softness = 0.3 * 0.75**step + 0.002
        left = y - design @ coefficients
        side = np.where(left >= 0, quantile, 1 - quantile)
        pull = weights * side / np.maximum(np.abs(left), softness)
        coefficients = np.linalg.solve(design.T @ (design * pull[:, None]) + ridge, design.T @ (y * pull) + drawn)
    return np.asarray(coefficients)


def plain(values: Array) -> list[float]:
    """Three digits are plenty."""
    return [float(f"{value:.3g}") for value in values]


def scaled(xs: Sequence[float]) -> list[float]:
    """Bytes as the estimator's curves over sizes take them."""
    return [float(np.arcsinh(x / BODY_SCALE_BYTES)) for x in xs]


def knots_of(x: Array, most: int, ratio: float = 1.06) -> list[float]:
    """Knots at even shares of the data, at least `ratio` apart."""
    at: list[float] = []
    for q in np.linspace(0.01, 0.99, most):
        value = float(np.log(float(f"{np.exp(np.quantile(x, q)):.3g}")))
        if not at or value - at[-1] >= np.log(ratio):
            at.append(value)
    if len(at) < 2:
        at.append(at[-1] + 0.5)
    return at
