"""Where a running month is heading: the days so far, and the rest at the pace and weekly shape of the last weeks. Pure.

Each remaining day is expected at its weekday's usual share of the recent level. The band holds three things, added as
squares: how far single days usually lie from that, how unsure the level itself is, and the estimator's own interval.
It is a projection of what was, not knowledge of what comes: a new team or a new tool is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import hypot, sqrt
from statistics import mean, pstdev
from typing import Final

from toktra.server.costs.ranges import Interval

LEAST_DAYS: Final = 14
"""Two of each weekday: with fewer there is no week to go by."""
LOOK_BACK_DAYS: Final = 56
_REACH: Final = 1.645
"""Standard deviations either way that hold 90 %."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The total expected by the end of `last`, its 90 % band, and how many days of history it rests on."""

    last: date
    total: Interval
    rests_on_days: int


def forecast(
    so_far: float, so_far_range: Interval, history: Mapping[date, float], today: date, last: date
) -> Forecast | None:
    """The total by the end of `last`. `so_far`: what the period holds up to and including today.

    `history`: finished days before today on which devices reported, with what they held; days without a report are
    left out, not zero. None when it is too short to say, or when nothing of the period remains.
    """
    known = [(day, amount) for day, amount in history.items() if today - timedelta(LOOK_BACK_DAYS) <= day < today]
    remaining = [today + timedelta(days=place) for place in range(1, (last - today).days + 1)]
    if len(known) < LEAST_DAYS or not remaining:
        return None
    level = mean(amount for _day, amount in known)
    if level <= 0:
        return None
    shape = _weekly_shape(known, level)
    misses = [amount - level * shape[day.weekday()] for day, amount in known]
    day_error = pstdev(misses)
    expected = sum(level * shape[day.weekday()] for day in remaining)
    by_days = day_error * sqrt(len(remaining))
    by_level = _level_error(known) * len(remaining)
    middle = so_far + expected
    # The estimate is as unsure of what comes as of what is there.
    under, over = (abs(end - so_far) / so_far if so_far >= 1 else 0.0 for end in (so_far_range.low, so_far_range.high))
    below = hypot(_REACH * by_days, _REACH * by_level, middle * under)
    above = hypot(_REACH * by_days, _REACH * by_level, middle * over)
    return Forecast(last, Interval(max(so_far_range.low, middle - below), middle + above), len(known))


def _weekly_shape(known: Sequence[tuple[date, float]], level: float) -> list[float]:
    """Each weekday's usual share of the level; 1 for a weekday that was never seen."""
    shape = []
    for weekday in range(7):
        amounts = [amount for day, amount in known if day.weekday() == weekday]
        shape.append(mean(amounts) / level if amounts else 1.0)
    return shape


def _level_error(known: Sequence[tuple[date, float]]) -> float:
    """How unsure the level of a day is, from how much whole weeks differ."""
    newest = max(day for day, _amount in known)
    weeks: dict[int, list[float]] = {}
    for day, amount in known:
        weeks.setdefault((newest - day).days // 7, []).append(amount)
    means = [mean(amounts) for amounts in weeks.values() if len(amounts) >= 4]
    return pstdev(means) / sqrt(len(means)) if len(means) > 1 else mean(amount for _day, amount in known)
