"""Bias and coverage told apart: how far estimates are off, and how much of what was billed was seen. Pure.

What is known, of a provider and a day: the input tokens, output tokens and (from some) requests that the provider
billed, and what the enrolled devices estimated of the same. Each quotient billed / seen is the product of two unknowns:

    log (billed / seen) = missing + bias + noise         for input, output and requests

`missing` ≥ 0 is use that no device saw (servers, CI, devices not enrolled): it shows in all three alike. `bias` is the
estimator's, and different for each: small for input, which is bytes of text; large for output, where hidden reasoning
is billed and never seen; small for requests, which are counted, but parallel ones over one connection count once. So
the three quotients together say which it is, as far as that can be known. Where they cannot (a gap of 5 % looks like a
bias of 5 %), both figures say how unsure they are.

Stated as a model: `missing` is 0 with a probability that falls with the share of devices that did not report, or else
exponential; biases are normal around none, with the spreads below, which shrinks a factor towards 1 until there is
evidence. Everything is then a mixture of normals and truncated normals, so the answer is exact and fast.
docs/administrator/cost.md says the same for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from math import exp, inf, log, sqrt
from typing import Final

from toktra.server.reconciliation.normal import Belief, Mixture, cut_at_zero, log_density

HALF_LIFE_DAYS: Final = 7
"""Evidence of a day this far away counts half."""
HORIZON_DAYS: Final = 28
"""Evidence further away says nothing any more: people, tools and estimators change."""
MOST_SEEN: Final = 1.25
"""Seen over billed beyond this is no bias: the devices use other accounts than the connected one."""
MOST_BIAS: Final = 5.0
"""An output factor beyond this (or under its inverse) is no bias either."""

_COMPLETE: Final = 0.5
"""Prior probability that enrolled devices are all there is, when all of them report."""
_LEAST_REPORTING: Final = 0.1
"""Devices that are switched off use nothing, so silence alone never proves a gap."""
_MEAN_MISSING: Final = 0.5
"""Mean of `missing` where something is: four tenths of the use."""
_DRIFT: Final = 0.01
"""Growth of doubt, in log, for each day away from the nearest evidence."""
_DAYS_OF_PRIOR: Final = 2.0
"""Days of evidence that the prior noise of a day counts for."""


@dataclass(frozen=True, slots=True)
class _Prior:
    """A bias before any evidence: normal around none, with a second, wide part for what happens seldom but greatly."""

    spread: float
    wide: float = 0.0
    wide_share: float = 0.0
    day_noise: float = 0.0
    """Standard deviation of one day's quotient: what people do differs from day to day."""
    own_noise: float = 0.0
    """Standard deviation of one exchange, which shrinks with their number."""

    def parts(self, day_noise: float) -> tuple[tuple[float, float], ...]:
        """(probability, variance) of its normal parts, where single days scatter with the variance `day_noise`.

        What differs from day to day more than usual (images, files) is also biased more than usual.
        """
        usual = self.spread**2 + max(0.0, day_noise - self.day_noise**2)
        if not self.wide_share:
            return ((1.0, usual),)
        return ((1 - self.wide_share, usual), (self.wide_share, max(usual, self.wide**2)))


# Input within ±6 % in nine cases of ten, but images and contexts kept by the service can be anything.
_INPUT: Final = _Prior(0.036, wide=0.5, wide_share=0.1, day_noise=0.03, own_noise=0.6)
# Output is billed with its reasoning, which can be two thirds of it.
_OUTPUT: Final = _Prior(0.5, day_noise=0.12, own_noise=1.0)
# Requests are counted; parallel ones over one connection are not told apart.
_REQUESTS: Final = _Prior(0.1, wide=0.7, wide_share=0.2, day_noise=0.05, own_noise=0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One provider's day: what was billed, and what the devices estimated of it."""

    day: date
    billed_input: int
    billed_output: int
    billed_requests: int | None
    seen_input: int
    seen_output: int
    seen_exchanges: int
    reporting: float = 1.0
    """Share of the enrolled devices that reported."""

    @property
    def usable(self) -> bool:
        """Whether quotients can be taken."""
        return min(self.billed_input, self.billed_output, self.seen_input, self.seen_output, self.seen_exchanges) > 0


class Fit(Enum):
    """What the quotients say of the connection as a whole."""

    FITS = auto()
    MORE_SEEN_THAN_BILLED = auto()
    """The devices use other accounts (plans, private keys) at this provider, or the key is another organisation's."""
    TOO_FAR_APART = auto()
    """Input and output disagree by more than any estimator does."""


@dataclass(frozen=True, slots=True)
class Factor:
    """What estimates are multiplied by: the middle, and the 90 % interval of it over many days."""

    middle: float
    low: float
    high: float
    day_noise: float = 0.0
    """Standard deviation, in log, of a single day's factor around it."""

    @property
    def spread(self) -> float:
        """Its own standard deviation in log."""
        return log(self.high / self.low) / (2 * Belief.REACH)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of what was billed, with its 90 % interval."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the days around `day` say together."""

    day: date
    first: date
    last: date
    """The days the evidence is of."""
    days: int
    input: Factor
    output: Factor
    coverage: Share
    complete: float
    """Probability that nothing is missing."""
    fit: Fit

    @property
    def applies(self) -> bool:
        """Whether estimates are multiplied. A connection that does not fit changes no figure."""
        return self.fit is Fit.FITS


def learn(evidence: Iterable[Evidence], day: date) -> Finding | None:
    """What is known for `day` from the evidence around it; None without any within HORIZON_DAYS.

    A later day's evidence counts as well: when there is more, past days are seen better.
    """
    near = [one for one in evidence if one.usable and abs((one.day - day).days) <= HORIZON_DAYS]
    if not near:
        return None
    sums = _Sums.of(near, day)
    distance = min(abs((one.day - day).days) for one in near)
    readings = sums.readings((_DRIFT * distance) ** 2)
    hypotheses = _hypotheses(readings, complete=_COMPLETE * max(_LEAST_REPORTING, sums.reporting))
    input_bias = Mixture([(one.weight, one.biases[0]) for one in hypotheses]).belief
    output_bias = Mixture([(one.weight, one.biases[1]) for one in hypotheses]).belief
    missing = Mixture([(one.weight, one.missing) for one in hypotheses])
    return Finding(
        day=day,
        first=min(one.day for one in near),
        last=max(one.day for one in near),
        days=len(near),
        input=_factor(input_bias, sums.noise[0]),
        output=_factor(output_bias, sums.noise[1]),
        coverage=Share(exp(-missing.belief.mean), exp(-missing.quantile(0.95)), exp(-missing.quantile(0.05))),
        complete=sum(one.weight for one in hypotheses if one.is_complete),
        fit=_fit(readings, output_bias),
    )


def coverage_of(one: Evidence, finding: Finding) -> Share | None:
    """How much of what was billed on one day the devices saw, once estimates are corrected; None without use."""
    if not one.usable or not finding.applies:
        return None
    exchanges = max(1, one.seen_exchanges)
    precision = total = 0.0
    for billed, seen, factor, prior in (
        (one.billed_input, one.seen_input, finding.input, _INPUT),
        (one.billed_output, one.seen_output, finding.output, _OUTPUT),
    ):
        variance = factor.spread**2 + factor.day_noise**2 + prior.own_noise**2 / exchanges
        precision += 1 / variance
        total += (log(billed / seen) - log(factor.middle)) / variance
    missing = Belief(total / precision, 1 / precision)
    return Share(*(min(1.0, exp(-end)) for end in (missing.mean, missing.high, missing.low)))


@dataclass(frozen=True, slots=True)
class _Reading:
    """One quotient of the weighted sums: its logarithm, the variance of its noise, and its bias before evidence."""

    value: float
    noise: float
    bias: tuple[tuple[float, float], ...]
    """(probability, variance) of normals around none."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """The evidence around a day, nearer days counting more."""

    billed: tuple[float, float, float | None]
    seen: tuple[float, float, float]
    days: float
    """As many equal days as these are worth."""
    noise: tuple[float, float, float]
    """Variance of one day's quotient, of each kind."""
    reporting: float

    @staticmethod
    def of(evidence: Sequence[Evidence], day: date) -> _Sums:
        weights = [0.5 ** (abs((one.day - day).days) / HALF_LIFE_DAYS) for one in evidence]
        volumes = [weight * one.billed_input for weight, one in zip(weights, evidence, strict=True)]
        counted = all(one.billed_requests for one in evidence)
        pairs = list(zip(weights, evidence, strict=True))
        return _Sums(
            billed=(
                sum(weight * one.billed_input for weight, one in pairs),
                sum(weight * one.billed_output for weight, one in pairs),
                sum(weight * (one.billed_requests or 0) for weight, one in pairs) if counted else None,
            ),
            seen=(
                sum(weight * one.seen_input for weight, one in pairs),
                sum(weight * one.seen_output for weight, one in pairs),
                sum(weight * one.seen_exchanges for weight, one in pairs),
            ),
            days=sum(volumes) ** 2 / sum(volume**2 for volume in volumes),
            noise=_day_noise(evidence, weights),
            reporting=sum(weight * one.reporting for weight, one in pairs) / sum(weights),
        )

    def readings(self, drift: float) -> list[_Reading]:
        readings = []
        priors = (_INPUT, _OUTPUT, _REQUESTS)
        for billed, seen, of_day, prior in zip(self.billed, self.seen, self.noise, priors, strict=True):
            if billed is not None:
                noise = of_day / self.days + prior.own_noise**2 / max(1.0, self.seen[2]) + drift
                readings.append(_Reading(log(billed / seen), noise, prior.parts(of_day)))
        return readings


def _day_noise(evidence: Sequence[Evidence], weights: Sequence[float]) -> tuple[float, float, float]:
    """How much the quotients differ from day to day for reasons of their own, at least as the priors say.

    A quotient's own noise is no more than it varies, and no more than its distance from the other quotient varies:
    days on which more is missing move both alike, and are no noise.
    """
    inputs = [log(one.billed_input / one.seen_input) for one in evidence]
    outputs = [log(one.billed_output / one.seen_output) for one in evidence]
    apart = _variance([one - other for one, other in zip(inputs, outputs, strict=True)], weights)
    total = sum(weights)

    def learnt(prior: _Prior, values: Sequence[float]) -> float:
        seen = min(apart, _variance(values, weights))
        return max(prior.day_noise**2, (_DAYS_OF_PRIOR * prior.day_noise**2 + total * seen) / (_DAYS_OF_PRIOR + total))

    return learnt(_INPUT, inputs), learnt(_OUTPUT, outputs), _REQUESTS.day_noise**2


def _variance(values: Sequence[float], weights: Sequence[float]) -> float:
    total = sum(weights)
    mean = sum(weight * value for weight, value in zip(weights, values, strict=True)) / total
    return sum(weight * (value - mean) ** 2 for weight, value in zip(weights, values, strict=True)) / total


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    """One way it may be, and how probable that is: nothing missing or something, biases usual or great."""

    weight: float
    is_complete: bool
    missing: Belief
    biases: tuple[Belief, ...]


def _hypotheses(readings: Sequence[_Reading], *, complete: float) -> list[_Hypothesis]:
    found: list[tuple[float, bool, Belief, tuple[Belief, ...]]] = []
    for share, variances in _combinations([reading.bias for reading in readings]):
        spreads = [variance + reading.noise for variance, reading in zip(variances, readings, strict=True)]
        # Nothing missing: each reading is its own bias.
        evidence = sum(log_density(reading.value, spread) for reading, spread in zip(readings, spreads, strict=True))
        nothing = Belief(0.0, 0.0)
        found.append(
            (log(complete * share) + evidence, True, nothing, _biases(readings, variances, nothing)),
        )
        # Something missing: the readings agree on it as far as their biases let them, and it is above 0.
        precision = sum(1 / spread for spread in spreads)
        middle = sum(reading.value / spread for reading, spread in zip(readings, spreads, strict=True)) / precision
        apart = sum(
            log_density(reading.value - middle, spread) for reading, spread in zip(readings, spreads, strict=True)
        )
        agreed, mass = cut_at_zero(Belief(middle, 1 / precision), 1 / _MEAN_MISSING)
        if mass > -inf:
            weight = log((1 - complete) * share / _MEAN_MISSING) + apart - log_density(0.0, 1 / precision) + mass
            found.append((weight, False, agreed, _biases(readings, variances, agreed)))
    most = max(weight for weight, *_ in found)
    total = sum(exp(weight - most) for weight, *_ in found)
    return [
        _Hypothesis(exp(weight - most) / total, is_complete, missing, biases)
        for weight, is_complete, missing, biases in found
    ]


def _combinations(biases: Iterable[tuple[tuple[float, float], ...]]) -> list[tuple[float, tuple[float, ...]]]:
    """Every choice of one part of each bias, with its probability and the variances."""
    choices: list[tuple[float, tuple[float, ...]]] = [(1.0, ())]
    for parts in biases:
        choices = [
            (share * probability, (*variances, variance))
            for share, variances in choices
            for probability, variance in parts
        ]
    return choices


def _biases(readings: Sequence[_Reading], variances: Sequence[float], missing: Belief) -> tuple[Belief, ...]:
    """The bias of each reading once `missing` is taken out of it, shrunk by how noisy it is."""
    beliefs = []
    for reading, variance in zip(readings, variances, strict=True):
        gain = variance / (variance + reading.noise)
        beliefs.append(Belief(gain * (reading.value - missing.mean), gain * reading.noise + gain**2 * missing.variance))
    return tuple(beliefs)


def _factor(bias: Belief, day_noise: float) -> Factor:
    return Factor(exp(bias.mean), exp(bias.low), exp(bias.high), sqrt(day_noise))


def _fit(readings: Sequence[_Reading], output_bias: Belief) -> Fit:
    if readings[0].value + 2 * sqrt(readings[0].noise) < -log(MOST_SEEN):
        return Fit.MORE_SEEN_THAN_BILLED
    if abs(output_bias.mean) > log(MOST_BIAS):
        return Fit.TOO_FAR_APART
    return Fit.FITS
