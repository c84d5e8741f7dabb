from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.usage.period import Period, span


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "now", "current", "before"),
    [
        (
            Period.SEVEN_DAYS,
            "2026-11-22T14:30",
            ("2026-11-16T00:00", "2026-11-22T15:00"),
            ("2026-11-09T00:00", "2026-11-15T15:00"),
        ),
        (
            Period.THIRTY_DAYS,
            "2026-11-22T23:59",
            ("2026-10-24T00:00", "2026-11-23T00:00"),
            ("2026-09-24T00:00", "2026-10-24T00:00"),
        ),
        (
            Period.THIS_MONTH,
            "2026-11-22T14:30",
            ("2026-11-01T00:00", "2026-11-22T15:00"),
            ("2026-10-01T00:00", "2026-10-22T15:00"),
        ),
        (  # February is shorter than the 30 days of March that have passed
            Period.THIS_MONTH,
            "2026-03-30T10:00",
            ("2026-03-01T00:00", "2026-03-30T11:00"),
            ("2026-02-01T00:00", "2026-03-01T00:00"),
        ),
        (
            Period.THIS_MONTH,
            "2027-01-01T00:00",
            ("2027-01-01T00:00", "2027-01-01T01:00"),
            ("2026-12-01T00:00", "2026-12-01T01:00"),
        ),
    ],
)
def test_span(period: Period, now: str, current: tuple[str, str], before: tuple[str, str]) -> None:
    found = span(period, at(now))
    assert (found.current.start, found.current.end) == (at(current[0]), at(current[1]))
    assert (found.before.start, found.before.end) == (at(before[0]), at(before[1]))


@given(st.sampled_from(Period), st.integers(0, 20 * 366 * 86_400))
def test_the_period_before_ends_where_the_period_begins_or_earlier(period: Period, seconds: int) -> None:
    now = at("2020-01-01T00:00") + timedelta(seconds=seconds)
    found = span(period, now)
    assert found.before.end <= found.current.start
    assert found.current.start <= now < found.current.end <= now + timedelta(hours=1)
    assert found.before.end - found.before.start <= found.current.end - found.current.start
    assert found.current.last_day == now.date()
    assert len(found.before.days) <= len(found.current.days)
    assert found.current.days[0] == found.current.first_day


def test_titles_and_dates() -> None:
    month = span(Period.THIS_MONTH, at("2026-11-22T14:30"))
    assert month.title == "AI use in November"
    assert month.dates.replace("\u00a0", " ") == "1–22 Nov 2026"
    assert month.dates_before.replace("\u00a0", " ") == "1–22 Oct 2026"
    assert span(Period.SEVEN_DAYS, at("2026-11-22T14:30")).title == "AI use in the last 7 days"
