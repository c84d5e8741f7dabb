"""The curves that turn a response into output tokens: one table for streamed answers, one for whole ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from bench.tokens.design import Design, reaches
from bench.tokens.exchanges import Measured
from bench.tokens.headers import context_of
from bench.tokens.plans import folds_of, total_factor, weights_of
from bench.tokens.regression import Array, hats, knots_of, plain, scaled

from toktra.catalogue.coefficients import LONG_BODY_BYTES, SHORT_BODY_BYTES
from toktra.catalogue.estimate import is_framed, is_streamed, response_body, streamed_shape, whole_body

FEWEST_ROWS: Final = 25
"""A regime with fewer exchanges is answered by the pooled table."""
TAILS: Final = (0.06, 0.05)
CONTEXT_KNOTS: Final = (0, 250, 600, 1200, 2500, 6000)
LENGTH_WEIGHT: Final = 0.6
LONG_ANSWER_TOKENS: Final = 50
POOLED_LIFT: Final = 0.5
"""How much of what makes sums come out right the pooled family takes, as an exponent. All of it would be right for sums
over many providers, but too much for the many that send one token an event."""
SITUATIONS: Final = ("first", "short", "long")
SMOOTH, LEVEL, TIE, GRID_PULL, PRIOR_PULL = 0.3, 0.7, 0.5, 0.7, 1.2
"""How hard curves are kept smooth, corrections small, situations alike, and a family near the pooled one."""
SHAPE: Final = {"handshake_bytes": 4150, "streamed_segments": 5, "streamed_bytes_per_segment": 1100}
FAMILY: Final = SimpleNamespace(
    handshake_bytes=SHAPE["handshake_bytes"],
    streamed_segments=SHAPE["streamed_segments"],
    streamed_density=SHAPE["streamed_bytes_per_segment"],
)
"""As much of a Family as the estimator's own functions read."""


class TooFew(ValueError):
    """There is not enough data to fit a regime."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A regime's table and its held-out median absolute log error."""

    table: dict[str, Any]
    loss: float


@dataclass(frozen=True)
class _Answers:
    """Answers of one regime, and what of each does not depend on how the answer is read."""

    rows: list[Measured]
    sizes: list[tuple[float, int]]
    log_tokens: Array
    weights: Array
    reach_weights: Array
    fold: Array
    request: Array
    pooled: bool
    shares: tuple[Array, Array, Array]
    """How much each answer is in the situation first, short, long."""

    @property
    def held_above(self) -> Array:
        """What long answers of the study's recordings count: too few to show among all the others, they must be held
        above as often as those are."""
        long = np.array([row.of_study and row.output_tokens >= LONG_ANSWER_TOKENS for row in self.rows])
        return self.reach_weights * long

    @property
    def weights_above(self) -> Array:
        """What each answer counts for reaches above: the longer, the more, as long answers are what is fallen short of
        and what a bill is made of."""
        return self.reach_weights * np.exp(self.log_tokens * LENGTH_WEIGHT)


def _answers(rows: Sequence[Measured], header: Mapping[str, Any], streamed: bool, pooled: bool) -> _Answers:
    used, sizes = [], []
    for row in rows:
        o = row.observation
        size, segments = response_body(FAMILY, o.response_bytes, o.segments_in, first=o.first_on_connection)  # type: ignore[arg-type]
        if row.output_tokens > 0 and is_streamed(FAMILY, size, segments) == streamed:  # type: ignore[arg-type]
            used.append(row)
            sizes.append((size, segments))
    if len(used) < FEWEST_ROWS:
        raise TooFew(f"{len(used)} exchanges")
    request = np.array([context_of(header, row) for row in used])
    first = np.array([row.observation.first_on_connection for row in used], dtype=float)
    long = hats(scaled([SHORT_BODY_BYTES, LONG_BODY_BYTES]), request)[:, 1]
    return _Answers(
        used,
        sizes,
        np.log([row.output_tokens for row in used]),
        weights_of(used, pooled),
        weights_of(used, pooled, seldom=1.0),
        folds_of(used, pooled),
        request,
        pooled,
        (first, (1 - first) * (1 - long), (1 - first) * long),
    )


def fit_streamed(
    rows: Sequence[Measured],
    header: Mapping[str, Any],
    overhead: tuple[int, int],
    pooled: bool,
    prior: Mapping[str, Any] | None = None,
) -> Fitted:
    """The table of streamed answers, where `overhead` bytes and segments hold no tokens."""
    answers = _answers(rows, header, True, pooled)
    table = SimpleNamespace(overhead_bytes=overhead[0], overhead_segments=overhead[1])
    shapes = np.log([streamed_shape(table, *size) for size in answers.sizes])  # type: ignore[arg-type]
    density, count = shapes[:, 0], shapes[:, 1]
    at, sat = knots_of(density, 12), knots_of(count, 7, 1.6)
    grid_at, grid_sat = knots_of(density, 6, 1.1), knots_of(count, 4, 2.2)
    design = _by_situation(answers, at, density, prior, "bytes_per_segment", "tokens_per_segment")
    design.curve("size", sat, count, SMOOTH)
    design.pull("size", LEVEL / 4)
    design.surface("grid", hats(grid_at, density), hats(grid_sat, count), GRID_PULL)
    target = answers.log_tokens - count
    found, residual, loss = _fitted(design, target, count, answers)
    iat, isat = knots_of(density, 7), knots_of(count, 4, 1.6)
    reach = _interval_design(answers, iat, density, prior)
    reach.curve("size", isat, count, SMOOTH)
    reach.pull("size", LEVEL)
    sides = reaches(
        reach,
        residual,
        answers.reach_weights,
        answers.shares,
        TAILS,
        answers.weights_above,
        held_above=answers.held_above,
    )
    spread, sized = hats(iat, np.array(at)), hats(isat, np.array(sat))
    return Fitted(
        {
            "overhead_bytes": overhead[0],
            "overhead_segments": overhead[1],
            "bytes_per_segment": plain(np.exp(at)),
            **_situations(found, sides, spread, "tokens_per_segment"),
            "segments": plain(np.exp(sat)),
            "size_factor": plain(np.exp(found["size"])),
            "size_low": plain(np.exp(-sized @ sides["low"]["size"])),
            "size_high": plain(np.exp(sized @ sides["high"]["size"])),
            **_context(found, sides),
            "grid": {
                "bytes_per_segment": plain(np.exp(grid_at)),
                "segments": plain(np.exp(grid_sat)),
                "factors": [plain(row) for row in np.exp(found["grid"]).reshape(len(grid_at), -1)],
            },
        },
        loss,
    )


def fit_whole(
    rows: Sequence[Measured],
    header: Mapping[str, Any],
    overhead: tuple[int, int],
    pooled: bool,
    prior: Mapping[str, Any] | None = None,
) -> Fitted:
    """The table of answers in one piece, where `overhead` bytes hold no tokens, after HTTP/1.1 and after HTTP/2."""
    answers = _answers(rows, header, False, pooled)
    table = SimpleNamespace(overhead_bytes=overhead[0], framed_overhead_bytes=overhead[1])
    body = []
    for row, (size, _) in zip(answers.rows, answers.sizes, strict=True):
        o = row.observation
        framed = is_framed(o.request_bytes, o.segments_out, first=o.first_on_connection)
        body.append(whole_body(table, size, framed=framed))  # type: ignore[arg-type]
    x = np.array(scaled(body))
    at = _body_knots(x)
    design = _by_situation(answers, at, x, prior, "body_bytes", "tokens")
    beyond = np.maximum(0, x - at[-1])
    found, residual, loss = _fitted(design, answers.log_tokens - beyond, beyond, answers)
    iat = _body_knots(x, 5)
    sides = reaches(
        _interval_design(answers, iat, x, prior),
        residual,
        answers.reach_weights,
        answers.shares,
        TAILS,
        answers.weights_above,
        held_above=answers.held_above,
    )
    return Fitted(
        {
            "overhead_bytes": overhead[0],
            "framed_overhead_bytes": overhead[1],
            "body_bytes": [float(f"{300 * np.sinh(knot):.3g}") for knot in at],
            **_situations(found, sides, hats(iat, np.array(at)), "tokens"),
            **_context(found, sides),
        },
        loss,
    )


def _body_knots(x: Array, most: int = 9) -> list[float]:
    at: list[float] = []
    for q in np.linspace(0.01, 0.99, most):
        value = float(np.arcsinh(float(f"{300 * np.sinh(np.quantile(x, q)):.3g}") / 300))
        if not at or value - at[-1] >= 0.2:
            at.append(value)
    return at if len(at) > 1 else [*at, at[-1] + 1]


def _by_situation(
    answers: _Answers, at: Sequence[float], x: Array, prior: Mapping[str, Any] | None, knots: str, tokens: str
) -> Design:
    """Curves over x for each situation, kept alike, and a correction by the request's size for later requests."""
    design = Design(len(answers.rows))
    for place, (name, share) in enumerate(zip(SITUATIONS, answers.shares, strict=True)):
        design.curve(name, at, x, SMOOTH, share)
        if place:
            design.tie(SITUATIONS[place - 1], name, TIE)
    design.curve("context", scaled(CONTEXT_KNOTS), answers.request, SMOOTH, 1 - answers.shares[0])
    design.pull("context", LEVEL)
    if prior:
        design.pull("context", PRIOR_PULL, np.log(prior["context_factor"]))
    return design


def _interval_design(answers: _Answers, at: Sequence[float], x: Array, prior: Mapping[str, Any] | None) -> Design:
    """What reaches depend on: x, the situation, and for later requests their size."""
    design = Design(len(answers.rows))
    design.curve("spread", at, x, 0.5)
    for place, share in enumerate(answers.shares):
        design.curve(f"situation {place}", [0.0, 1.0], np.zeros(len(x)), 0, share)
        design.pull(f"situation {place}", LEVEL)
    design.curve("context", scaled(CONTEXT_KNOTS), answers.request, 0.5, 1 - answers.shares[0])
    design.pull("context", LEVEL)
    return design


def _fitted(design: Design, target: Array, rest: Array, answers: _Answers) -> tuple[dict[str, Array], Array, float]:
    """Coefficients by part, with sums put right; held-out errors; and their size."""
    w = answers.weights
    residual = design.folded(target, w, answers.fold)
    loss = float(np.average(np.minimum(np.abs(residual), 1.0), weights=w))
    coefficients = design.fit(target, w, 0.5)
    guess = np.exp(design.matrix @ coefficients + rest)
    factor = np.log(total_factor(np.exp(answers.log_tokens), guess, answers.rows, w))
    if answers.pooled:
        factor *= POOLED_LIFT
    found = design.parts(coefficients)
    for name in SITUATIONS:
        found[name] = found[name] + factor
    return found, residual - factor, loss


def _situations(
    found: Mapping[str, Array], sides: Mapping[str, Mapping[str, Array]], spread: Array, tokens: str
) -> dict[str, Any]:
    return {
        name: {
            tokens: plain(np.exp(found[name])),
            "low": plain(np.exp(-(spread @ sides["low"]["spread"] + sides["low"][f"situation {place}"][0]))),
            "high": plain(np.exp(spread @ sides["high"]["spread"] + sides["high"][f"situation {place}"][0])),
        }
        for place, name in enumerate(SITUATIONS)
    }


def _context(found: Mapping[str, Array], sides: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    return {
        "request_body_bytes": list(CONTEXT_KNOTS),
        "context_factor": plain(np.exp(found["context"])),
        "context_low": plain(np.exp(-sides["low"]["context"])),
        "context_high": plain(np.exp(sides["high"]["context"])),
    }
