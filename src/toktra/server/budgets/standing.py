"""How a budget stands: what is spent as a range, which thresholds that range reaches, where it is heading. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, auto
from statistics import NormalDist

from toktra.server.budgets.budget import FORECAST, Version
from toktra.server.budgets.periods import Stretch
from toktra.server.costs.ranges import Interval
from toktra.server.usage.breakdown.forecast import Forecast, forecast

_REACH = 1.645
"""Standard deviations either way that hold 90 %."""


class Course(Enum):
    """What is to be expected, from worst to best."""

    PASSED = auto()
    """The lower end of what is spent is above the amount."""
    MAY_HAVE_PASSED = auto()
    LIKELY_TO_PASS = auto()
    """Five chances in ten or more."""
    MAY_PASS = auto()
    """One chance in ten or more."""
    ON_COURSE = auto()
    NOT_KNOWN = auto()
    """Too little is known for a forecast."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a period holds so far, and what days before today held, for the forecast."""

    interval: Interval
    middle: float
    by_day: Mapping[date, float]
    """Finished days before today on which devices reported, also of earlier periods."""
    upto: date
    """The last day that is in it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A threshold that the upper end of the range has reached, or the forecast may."""

    threshold: int
    is_certain: bool
    """The lower end has reached it as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One period of a budget."""

    stretch: Stretch
    version: Version
    spent: Spent
    forecast: Forecast | None
    """None when the period is over, rolls, or too little is known."""
    chance: float | None
    """Of passing the amount by the end, from 0 to 1."""
    earliest: date | None
    """The first day by whose end the forecast's upper end passes the amount."""

    @property
    def course(self) -> Course:
        amount = float(self.version.amount)
        if self.spent.interval.low >= amount:
            return Course.PASSED
        if self.spent.interval.high >= amount:
            return Course.MAY_HAVE_PASSED
        if self.chance is None:
            return Course.NOT_KNOWN
        if self.chance >= 0.5:
            return Course.LIKELY_TO_PASS
        return Course.MAY_PASS if self.chance >= 0.1 else Course.ON_COURSE

    def reached(self) -> list[Reached]:
        """The thresholds that are to be told of, lowest first, the forecast last."""
        amount = float(self.version.amount)
        found = [
            Reached(threshold, is_certain=self.spent.interval.low >= amount * threshold / 100)
            for threshold in self.version.thresholds
            if self.spent.interval.high >= amount * threshold / 100
        ]
        is_ahead = self.forecast is not None and self.forecast.total.high >= amount > self.spent.interval.high
        if self.version.tells_of_forecast and is_ahead:
            found.append(Reached(FORECAST, is_certain=False))
        return found


def standing(stretch: Stretch, version: Version, spent: Spent, *, rolls: bool) -> Standing:
    """How a period stands with what is spent of it. A rolling one has no end to forecast."""
    ahead = None if rolls else _ahead(spent, stretch.last)
    return Standing(
        stretch=stretch,
        version=version,
        spent=spent,
        forecast=ahead,
        chance=_chance(ahead, float(version.amount)),
        earliest=_earliest(spent, stretch, float(version.amount)) if ahead else None,
    )


def _ahead(spent: Spent, last: date) -> Forecast | None:
    return forecast(spent.middle, spent.interval, spent.by_day, spent.upto, last)


def _chance(ahead: Forecast | None, amount: float) -> float | None:
    """That the total at the end is above the amount, as if the forecast were normally distributed."""
    if ahead is None:
        return None
    width = ahead.total.high - ahead.total.low
    middle = (ahead.total.high + ahead.total.low) / 2
    if width <= 0:
        return 1.0 if middle >= amount else 0.0
    return 1 - NormalDist(middle, width / 2 / _REACH).cdf(amount)


def _earliest(spent: Spent, stretch: Stretch, amount: float) -> date | None:
    """Upper ends only rise from day to day, so the first that reaches the amount is found by halving."""
    low, high = 1, (stretch.last - spent.upto).days
    whole = _ahead(spent, stretch.last)
    if whole is None or whole.total.high < amount or spent.interval.high >= amount:
        return None
    while low < high:
        middle = (low + high) // 2
        ahead = _ahead(spent, spent.upto + timedelta(days=middle))
        if ahead is not None and ahead.total.high >= amount:
            high = middle
        else:
            low = middle + 1
    return spent.upto + timedelta(days=low)
