"""Where a month is heading: right on a steady week, wider on a wild one, silent when there is too little."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from toktra.server.costs.ranges import Interval
from toktra.server.usage.breakdown.forecast import forecast

TODAY = date(2026, 11, 18)
LAST = date(2026, 11, 30)


def week(day: date) -> float:
    return 100.0 if day.weekday() < 5 else 10.0


def history(amount: object = week, days: int = 56) -> dict[date, float]:
    return {day: amount(day) for day in (TODAY - timedelta(days=back) for back in range(1, days + 1))}  # type: ignore[operator]


def test_a_steady_week_goes_on() -> None:
    so_far = sum(week(date(2026, 11, day)) for day in range(1, 19))
    found = forecast(so_far, Interval(so_far, so_far), history(), TODAY, LAST)
    assert found is not None
    expected = so_far + sum(week(date(2026, 11, day)) for day in range(19, 31))
    assert found.total.low <= expected <= found.total.high
    assert found.total.high - found.total.low < 0.01 * expected
    assert found.rests_on_days == 56


def test_the_estimates_own_range_grows_with_the_total() -> None:
    found = forecast(1000.0, Interval(800, 1300), history(lambda _day: 50.0), TODAY, LAST)
    assert found is not None
    assert found.total.low < 1600 - 200 < 1600 + 300 < found.total.high


@given(st.lists(st.floats(0, 1e9), min_size=14, max_size=56), st.floats(0, 1e9))
def test_it_is_never_below_what_is_there(amounts: list[float], so_far: float) -> None:
    days = {TODAY - timedelta(days=back): amount for back, amount in enumerate(amounts, 1)}
    found = forecast(so_far, Interval(so_far * 0.9, so_far * 1.2), days, TODAY, LAST)
    if found is not None:
        assert so_far * 0.9 <= found.total.low <= found.total.high


def test_wild_days_make_a_wide_band() -> None:
    wild = history(lambda day: 200.0 if day.toordinal() % 3 else 0.0)
    calm, rough = (forecast(500.0, Interval(500, 500), days, TODAY, LAST) for days in (history(), wild))
    assert calm is not None
    assert rough is not None
    assert rough.total.high - rough.total.low > 5 * (calm.total.high - calm.total.low)


def test_too_little_to_say() -> None:
    assert forecast(1.0, Interval(1, 1), history(days=13), TODAY, LAST) is None
    assert forecast(1.0, Interval(1, 1), history(), TODAY, TODAY) is None
    assert forecast(0.0, Interval(0, 0), history(lambda _day: 0.0), TODAY, LAST) is None
