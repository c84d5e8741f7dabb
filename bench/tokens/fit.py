"""Fits the estimator's tables to measured exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.exchanges import Measured
from bench.tokens.headers import body_bytes, context_of, fit_header
from bench.tokens.plans import AZURE_SUFFIXES, PLANS, FamilyPlan, chat_hosts, folds_of, weights_of
from bench.tokens.regression import Array, bends, hats, quantile_fit

from toktra.catalogue.coefficients import BODY_SCALE_BYTES
from toktra.catalogue.estimate import response_shape

CAUTION_INPUT, CAUTION_OUTPUT = 0.15, 0.5
"""Added to both reaches for small requests on an open connection, where a few recorded conversations are all there is
and the next one differs from them by more than they do from each other."""
PICTURE_LOWS: Final = {100_000: 0.03, 160_000: 0.005}
"""By body bytes, how small a share of the estimate the truth may be where so large a request may hold a picture: what
nineteen in twenty generated exchanges with pictures exceed."""
FARTHEST_REACH: Final = 3.0
"""No interval of an input reaches farther than a factor of 20 either way."""
FEWEST_ROWS: Final = 25
"""A regime with fewer exchanges is answered by the pooled table."""
LOW, MIDDLE, HIGH = 0.05, 0.5, 0.95
BODY_KNOTS: Final = (-400, -150, 0, 120, 250, 450, 800, 1500, 3000, 8000, 20000, 60000)
INTERVAL_BODY_KNOTS: Final = (-400, 0, 250, 800, 3000, 20000, 60000)
CONTEXT_KNOTS: Final = (0, 250, 600, 1200, 2500, 6000)


class TooFew(ValueError):
    """There is not enough data to fit a regime."""


def _interval(
    residual: Array,
    designs: list[tuple[Sequence[float], Array]],
    w: Array,
    smooth: float,
    priors: Mapping[str, Sequence[float]] | None = None,
    pull: float = 0.0,
) -> list[list[Array]]:
    """Low and high reach (positive logs) as curves over each of the designs; the last is drawn towards a prior."""
    design = np.hstack([hats(at, x) for at, x in designs])
    penalty = _penalty([at for at, _ in designs], smooth)
    sides = []
    for name, quantile, sign in (("low", LOW, -1.0), ("high", HIGH, 1.0)):
        prior = sign * np.asarray(priors[name]) if priors else None
        rows, towards = _drawn(penalty, design.shape[1] - len(designs[-1][0]), prior, pull)  # type: ignore[arg-type, unused-ignore]
        found = quantile_fit(design, residual, w, quantile, rows, towards) * sign
        parts, start = [], 0
        for at, _ in designs:
            parts.append(found[start : start + len(at)])
            start += len(at)
        sides.append(parts)
    return sides


INPUT_PULL: Final = 4.0
OUTPUT_PULL: Final = 1.2
"""How hard a family's curves are drawn towards the pooled ones where it has few exchanges of its own."""


def _drawn(penalty: Array, start: int, prior: Sequence[float] | None, pull: float) -> tuple[Array, Array]:
    """The penalty with rows that draw the coefficients from `start` on towards `prior`, and all rows' targets."""
    if prior is None:
        return penalty, np.zeros(len(penalty))
    rows = np.zeros((len(prior), penalty.shape[1]))
    rows[:, start : start + len(prior)] = pull * np.eye(len(prior))
    return np.vstack([penalty, rows]), np.concatenate([np.zeros(len(penalty)), pull * np.asarray(prior)])


def _penalty(knots: Sequence[Sequence[float]], smooth: float) -> Array:
    width = sum(len(at) for at in knots)
    rows, start = [], 0
    for place, at in enumerate(knots):
        rows.append(smooth * bends(at, start, width))
        if place:  # the second curve is a correction: pull it to nothing
            level = np.zeros((len(at), width))
            level[:, start : start + len(at)] = 0.7 * np.eye(len(at))
            rows.append(level)
        start += len(at)
    return np.vstack(rows)


def _scaled(xs: Sequence[float]) -> list[float]:
    return [float(np.arcsinh(x / BODY_SCALE_BYTES)) for x in xs]


def fit_input(
    rows: Sequence[Measured], header: Mapping[str, Any], pooled: bool, prior: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The input curves of first or of later requests, drawn towards the pooled ones where data are few."""
    used = [row for row in rows if row.input_tokens > 0]
    x = np.array([np.arcsinh(body_bytes(header, row) / BODY_SCALE_BYTES) for row in used])
    y = np.log([row.input_tokens for row in used])
    w = weights_of(used, pooled)
    at = _scaled(BODY_KNOTS)
    design = hats(at, x)
    penalty, towards = _drawn(
        _penalty([at], 0.5), 0, np.log(prior["tokens"][: len(BODY_KNOTS)]) if prior else None, INPUT_PULL
    )
    beyond = np.maximum(0, x - at[-1])
    fold = folds_of(used, pooled)
    residual = np.zeros(len(used))
    for f in np.unique(fold):
        part = fold != f
        if not part.any():
            continue
        c = quantile_fit(design[part], (y - beyond)[part], w[part], MIDDLE, penalty, towards)
        residual[~part] = (y - beyond - design @ c)[~part]
    curve = quantile_fit(design, y - beyond, w, MIDDLE, penalty, towards)
    guess = np.exp(design @ curve + beyond)
    curve = np.maximum.accumulate(curve + np.log(total_factor(np.exp(y), guess, used, w)))
    residual -= np.log(total_factor(np.exp(y), guess, used, w))
    iat = _scaled(INTERVAL_BODY_KNOTS)
    knots = [BODY_KNOTS.index(knot) for knot in INTERVAL_BODY_KNOTS]
    reach = None
    if prior:
        reach = {"low": [-np.log(prior["low"][k]) for k in knots], "high": [np.log(prior["high"][k]) for k in knots]}
    (low,), (high,) = _interval(residual, [(iat, x)], w, 0.5, reach, INPUT_PULL)
    low, high = np.clip(low, 0.03, FARTHEST_REACH), np.clip(high, 0.03, FARTHEST_REACH)
    if not rows[0].observation.first_on_connection:
        cautious = np.array([CAUTION_INPUT if knot <= 1500 else 0.0 for knot in INTERVAL_BODY_KNOTS])
        low, high = low + cautious, high + cautious
    lows, highs = np.exp(-hats(iat, np.array(at)) @ low), np.exp(hats(iat, np.array(at)) @ high)
    largest = np.exp(curve[-1]) / BODY_KNOTS[-1]
    return {
        "body_bytes": [*BODY_KNOTS, *PICTURE_LOWS],
        "tokens": _plain(np.array([*np.exp(curve), *(largest * size for size in PICTURE_LOWS)])),
        "low": _plain(np.array([*lows, *PICTURE_LOWS.values()])),
        "high": _plain(np.array([*highs, *(highs[-1] for _ in PICTURE_LOWS)])),
    }


def total_factor(truth: Array, guess: Array, rows: Sequence[Measured], w: Array) -> float:
    """What a median-fitted estimate must be multiplied by so that sums come out right."""
    generated = np.array([not row.recorded for row in rows])
    if generated.sum() < 10:
        return 1.0
    # One enormous exchange says little about the next hundred: the heaviest hundredth counts as the heaviest but those.
    cap = np.quantile(truth[generated], 0.99)
    weights = w[generated]
    ratio = (weights @ np.minimum(truth, cap)[generated]) / (weights @ np.minimum(guess, cap)[generated])
    return float(np.clip(ratio, 0.8, 1.35))


def _plain(values: Array) -> list[float]:
    return [float(f"{value:.3g}") for value in values]


def fit_output(
    rows: Sequence[Measured],
    header: Mapping[str, Any],
    shape: Mapping[str, Any],
    streamed: bool,
    pooled: bool,
    prior: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], float]:
    """One regime's tables and its held-out median absolute log error."""
    found = [_shape(row, shape, streamed) for row in rows]
    keep = [i for i, (is_streamed, _, _) in enumerate(found) if is_streamed == streamed and rows[i].output_tokens > 0]
    used = [rows[i] for i in keep]
    if len(used) < FEWEST_ROWS:
        raise TooFew(f"{len(used)} exchanges")
    density = np.log([found[i][1] for i in keep])
    size = np.log([found[i][2] for i in keep])
    y = np.log([row.output_tokens for row in used])
    context = np.array([context_of(header, row) for row in used])
    w = weights_of(used, pooled)
    cat = _scaled(CONTEXT_KNOTS)
    at = knots_of(density, 12 if streamed else 9)
    sat = knots_of(size, 7 if streamed else 4, 1.6)
    design = np.hstack([hats(at, density), hats(sat, size), hats(cat, context)])
    penalty, towards = _drawn(
        _penalty([at, sat, cat], 0.3),
        len(at) + len(sat),
        np.log(prior["context_factor"]) if prior else None,
        OUTPUT_PULL,
    )
    target = y - size
    fold = folds_of(used, pooled)
    residual = np.zeros(len(used))
    for f in np.unique(fold):
        part = fold != f
        c = quantile_fit(design[part], target[part], w[part], MIDDLE, penalty, towards)
        residual[~part] = (target - design @ c)[~part]
    loss = float(np.average(np.minimum(np.abs(residual), 1.0), weights=w))
    c = quantile_fit(design, target, w, MIDDLE, penalty, towards)
    factor = total_factor(np.exp(y), np.exp(design @ c + size), used, w)
    residual -= np.log(factor)
    iat = knots_of(density, 7 if streamed else 5)
    isat = knots_of(size, 4 if streamed else 3, 1.6)
    reach = None
    if prior:
        reach = {"low": -np.log(prior["context_low"]), "high": np.log(prior["context_high"])}
    (low, size_low, context_low), (high, size_high, context_high) = _interval(
        residual, [(iat, density), (isat, size), (cat, context)], w, 0.5, reach, OUTPUT_PULL
    )
    cautious = np.array([CAUTION_OUTPUT if knot <= 1200 else 0.0 for knot in CONTEXT_KNOTS])
    context_low, context_high = context_low + cautious, context_high + cautious
    spread, sized = hats(iat, np.array(at)), hats(isat, np.array(sat))
    return {
        "overhead_bytes": shape["overhead_bytes"],
        "overhead_segments": shape["overhead_segments"],
        "bytes_per_segment": _plain(np.exp(at)),
        "tokens_per_segment": _plain(np.exp(c[: len(at)]) * factor),
        "low": _plain(np.exp(-spread @ low)),
        "high": _plain(np.exp(spread @ high)),
        "segments": _plain(np.exp(sat)),
        "size_factor": _plain(np.exp(c[len(at) : len(at) + len(sat)])),
        "size_low": _plain(np.exp(-sized @ size_low)),
        "size_high": _plain(np.exp(sized @ size_high)),
        "request_body_bytes": list(CONTEXT_KNOTS),
        "context_factor": _plain(np.exp(c[len(at) + len(sat) :])),
        "context_low": _plain(np.exp(-context_low)),
        "context_high": _plain(np.exp(context_high)),
    }, loss


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


class _Table:
    """As much of an OutputTable as response_shape reads: there is none yet while it is being fitted."""

    def __init__(self, shape: Mapping[str, Any]) -> None:
        self.overhead_bytes = shape["overhead_bytes"]
        self.overhead_segments = shape["overhead_segments"]


class _Shape:
    """As much of a Family as response_shape reads."""

    def __init__(self, shape: Mapping[str, Any]) -> None:
        self.handshake_bytes = shape["handshake_bytes"]
        self.streamed_segments = shape["streamed_segments"]
        self.streamed_density = shape["streamed_bytes_per_segment"]
        self.streamed = self.whole = _Table(shape)


def _shape(row: Measured, shape: Mapping[str, Any], streamed: bool) -> tuple[bool, float, float]:
    o = row.observation
    return response_shape(_Shape(shape), o.response_bytes, o.segments_in, first=o.first_on_connection)  # type: ignore[arg-type]


UNJUDGED: Final = {"input_shared": 0.5, "input_own": 0.5, "output_shared": 0.5, "output_own": 2.0}
OVERHEADS: Final = [(b, s) for b in (0, 300, 700, 1200, 1600, 2000) for s in (0, 1)]


def fit_family(
    plan: FamilyPlan,
    rows: Sequence[Measured],
    header: Mapping[str, Any],
    pooled: Mapping[str, Any] | None,
    choices: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One family's tables, and the overheads that did best where none were given."""
    taught = [row for row in rows if plan.teaches(row)]
    plain = {"plain_header_bytes": plan.plain_header_bytes} if plan.plain_header_bytes is not None else {}
    header = plain or header
    base = {"handshake_bytes": 4150, "streamed_segments": 5, "streamed_bytes_per_segment": 1100}
    family: dict[str, Any] = {
        "name": plan.name,
        "hosts": list(plan.hosts),
        "suffixes": list(plan.suffixes),
        **plain,
        **base,
    }
    for name, first in (("first_input", True), ("later_input", False)):
        part = [row for row in taught if row.observation.first_on_connection == first]
        family[name] = (
            fit_input(part, header, plan.pooled, pooled[name] if pooled and plan.name != "web_chat" else None)
            if len(part) >= FEWEST_ROWS
            else family["first_input"]
        )
    chosen = {}
    for regime in ("streamed", "whole"):
        options = [choices[regime]] if choices else OVERHEADS
        best = None
        for overhead_bytes, overhead_segments in options:
            shape = {**base, "overhead_bytes": overhead_bytes, "overhead_segments": overhead_segments}
            try:
                table, loss = fit_output(
                    taught,
                    header,
                    shape,
                    regime == "streamed",
                    plan.pooled,
                    pooled[regime] if pooled and plan.name != "web_chat" else None,
                )
            except TooFew:
                if pooled is None:
                    raise
                best = (pooled[regime], 0.0, (0, 0))
                break
            if best is None or loss < best[1]:
                best = (table, loss, (overhead_bytes, overhead_segments))
        assert best
        family[regime] = best[0]
        chosen[regime] = best[2]
    return family, chosen


_overheads: dict[str, dict[str, tuple[int, int]]] = {}


def choose_overheads(rows: Sequence[Measured]) -> None:
    """Settles which part of a response holds no tokens, family by family, so that held-out fits need not search."""
    header = fit_header(rows)
    pooled: dict[str, Any] | None = None
    for plan in PLANS:
        family, _overheads[plan.name] = fit_family(plan, rows, header, pooled, None)
        pooled = pooled or family


def fit(rows: Sequence[Measured]) -> dict[str, Any]:
    """Every table from the given exchanges, as `build_coefficients` reads them. Totals are added by whoever judges."""
    header = fit_header(rows)
    families: list[dict[str, Any]] = []
    for plan in PLANS:
        if plan.hosts and not any(plan.teaches(row) and not row.recorded for row in rows):
            continue  # nothing to learn from: the pooled family answers
        family, _ = fit_family(plan, rows, header, families[0] if families else None, _overheads.get(plan.name))
        families.append({**family, "totals": UNJUDGED})
    families += [
        {"name": "azure_openai", "like": "openai", "widen": 1.3, "hosts": [], "suffixes": list(AZURE_SUFFIXES)},
        {"name": "other_web_chat", "like": "web_chat", "widen": 1.6, "hosts": list(chat_hosts()), "suffixes": []},
    ]
    known = {family["name"] for family in families}
    return {"header": header, "family": [one for one in families if one.get("like", one["name"]) in known]}
