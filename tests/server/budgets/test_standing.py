"""What a range reaches, and where it is heading."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from toktra.server.budgets.budget import FORECAST, Version, in_force
from toktra.server.budgets.periods import Stretch
from toktra.server.budgets.standing import Course, Spent, Standing, standing
from toktra.server.costs.ranges import Interval

NOVEMBER = Stretch(date(2026, 11, 1), date(2026, 11, 30))
TODAY = date(2026, 11, 20)


def version(amount: int = 1000, **changes: object) -> Version:
    fields = {
        "valid_from": date(2026, 1, 1),
        "amount": Decimal(amount),
        "currency": "EUR",
        "thresholds": (50, 80, 100),
        "tells_of_forecast": True,
        "owner_id": None,
    }
    return Version(**{**fields, **changes})  # type: ignore[arg-type]


def spent(low: float, high: float, *, a_day: float | None = None) -> Spent:
    history = {} if a_day is None else {TODAY - timedelta(days=back): a_day for back in range(1, 40)}
    return Spent(Interval(low, high), (low + high) / 2, history, TODAY)


def stands(found: Spent, **changes: object) -> Standing:
    return standing(NOVEMBER, version(**changes), found, rolls=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "reached"),
    [
        (300, 499, []),
        (300, 500, [(50, False)]),
        (500, 799, [(50, True)]),
        (640, 850, [(50, True), (80, False)]),
        (900, 1001, [(50, True), (80, True), (100, False)]),
    ],
)
def test_a_threshold_is_reached_by_the_upper_end_and_certain_by_the_lower(
    low: float, high: float, reached: list[tuple[int, bool]]
) -> None:
    assert [(one.threshold, one.is_certain) for one in stands(spent(low, high)).reached()] == reached


def test_a_forecast_that_may_pass_is_told_before_the_amount_is_reached_and_not_after() -> None:
    assert FORECAST in [one.threshold for one in stands(spent(690, 710, a_day=35)).reached()]
    assert FORECAST not in [one.threshold for one in stands(spent(990, 1010, a_day=35)).reached()]
    assert FORECAST not in [
        one.threshold for one in stands(spent(690, 710, a_day=35), tells_of_forecast=False).reached()
    ]


@pytest.mark.parametrize(
    ("found", "course"),
    [
        (spent(1000, 1200), Course.PASSED),
        (spent(900, 1000), Course.MAY_HAVE_PASSED),
        (spent(690, 710, a_day=35), Course.LIKELY_TO_PASS),
        (spent(600, 800, a_day=25), Course.MAY_PASS),
        (spent(190, 210, a_day=10), Course.ON_COURSE),
        (spent(190, 210), Course.NOT_KNOWN),
    ],
)
def test_the_course(found: Spent, course: Course) -> None:
    assert stands(found).course is course


def test_the_earliest_day_is_the_first_whose_forecast_reaches_the_amount() -> None:
    found = stands(spent(690, 710, a_day=35))
    assert found.earliest is not None
    assert TODAY < found.earliest <= NOVEMBER.last
    one_day_less = standing(
        Stretch(NOVEMBER.first, found.earliest - timedelta(days=1)), version(), spent(690, 710, a_day=35), rolls=False
    )
    assert one_day_less.forecast is None or one_day_less.forecast.total.high < 1000


def test_what_rolls_has_no_end_to_forecast() -> None:
    found = standing(NOVEMBER, version(), spent(690, 710, a_day=35), rolls=True)
    assert (found.forecast, found.chance, found.earliest) == (None, None, None)


def test_a_version_is_in_force_from_its_day_and_leaves_earlier_days_alone() -> None:
    versions = [version(100), version(200, valid_from=date(2026, 11, 15)), version(300, valid_from=date(2026, 11, 15))]
    assert in_force(versions, date(2026, 11, 14)).amount == 100
    assert in_force(versions, date(2026, 11, 15)).amount == 300
    assert in_force(versions, date(2025, 1, 1)).amount == 100
