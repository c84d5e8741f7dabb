"""Periods of budgets at the edges of the calendar."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.budgets.periods import Every, Rhythm, Stretch

DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))
RHYTHMS = st.one_of(
    st.sampled_from([Rhythm(Every.MONTH), Rhythm(Every.QUARTER), Rhythm(Every.YEAR)]),
    st.integers(7, 366).map(lambda days: Rhythm(Every.ROLLING, days)),
)


@pytest.mark.parametrize(
    ("every", "day", "first", "last"),
    [
        (Every.MONTH, "2028-02-29", "2028-02-01", "2028-02-29"),
        (Every.MONTH, "2026-12-31", "2026-12-01", "2026-12-31"),
        (Every.QUARTER, "2027-02-10", "2027-01-01", "2027-03-31"),
        (Every.QUARTER, "2026-12-31", "2026-10-01", "2026-12-31"),
        (Every.YEAR, "2028-12-31", "2028-01-01", "2028-12-31"),
    ],
)
def test_the_period_around_a_day(every: Every, day: str, first: str, last: str) -> None:
    found = Rhythm(every).around(date.fromisoformat(day))
    assert (found.first.isoformat(), found.last.isoformat()) == (first, last)


def test_a_rolling_period_ends_with_the_day() -> None:
    assert Rhythm(Every.ROLLING, 30).around(date(2026, 3, 1)) == Stretch(date(2026, 1, 31), date(2026, 3, 1))


@given(RHYTHMS, DAYS)
def test_periods_follow_each_other_without_a_gap(rhythm: Rhythm, day: date) -> None:
    around = rhythm.around(day)
    assert around.first <= day <= around.last
    assert rhythm.before(around).last == around.first - timedelta(days=1)
    over = list(rhythm.ended_between(around.first - timedelta(days=800), day))
    assert all(later.first - timedelta(days=1) == earlier.last for later, earlier in pairwise(over))
    assert all(one.last <= day for one in over)
