"""Windows as people write them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.agent.privacy_hours.windows import UnreadableWindow, format_window, parse_window
from toktra.wire.schedule import DAYS, DatedWindow, WeeklyWindow, Window

HOURS = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda hours: hours[0] != hours[1])
DAY_SETS = st.sets(st.sampled_from(DAYS), min_size=1).map(lambda chosen: tuple(day for day in DAYS if day in chosen))
WINDOWS: st.SearchStrategy[Window] = st.one_of(
    st.builds(lambda days, hours: WeeklyWindow(days=days, start_minute=hours[0], end_minute=hours[1]), DAY_SETS, HOURS),
    st.builds(
        lambda on, hours: DatedWindow(on=on, start_minute=hours[0], end_minute=hours[1]),
        st.dates(date(1970, 1, 1), date(2199, 12, 31)),
        HOURS,
    ),
)


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("mon-fri 12:00-13:00", "mon tue wed thu fri", 720, 780),
        ("12:00–13:00 daily", "mon tue wed thu fri sat sun", 720, 780),
        ("12:00-13:00", "mon tue wed thu fri sat sun", 720, 780),
        ("daily 22:00-06:00", "mon tue wed thu fri sat sun", 1320, 360),
        ("fri-mon 00:00-24:00", "mon fri sat sun", 0, 1440),
        ("mon,wed 9:30-9:31", "mon wed", 570, 571),
        ("mon, wed - fri 9:30 - 10:00", "mon wed thu fri", 570, 600),
        ("SAT", "sat", 0, 1440),
        ("sat-sat", "sat", 0, 1440),
        ("daily", "mon tue wed thu fri sat sun", 0, 1440),
        ("sun 22:00-00:00", "sun", 1320, 1440),
        ("  sun-mon \t 22:00-24:00 ", "mon sun", 1320, 1440),
    ],
)
def test_weekly_windows(text: str, days: str, start: int, end: int) -> None:
    window = parse_window(text)
    assert isinstance(window, WeeklyWindow)
    assert (" ".join(window.days), window.start_minute, window.end_minute) == (days, start, end)


def test_a_date_and_a_part_of_a_date() -> None:
    assert parse_window("2028-02-29") == DatedWindow(on=date(2028, 2, 29), start_minute=0, end_minute=1440)
    assert parse_window("2027-12-31 22:00-02:00") == DatedWindow(
        on=date(2027, 12, 31), start_minute=1320, end_minute=120
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not one window"),
        ("mon tue", "not one window"),
        ("mon 12:00-13:00 14:00-15:00", "not one window"),
        ("mon 12:00-12:00", "empty"),
        ("00:00-00:00", "empty"),
        ("24:00-24:00", "empty"),
        ("24:00-06:00", "00:00 on the day after"),
        ("mon 12:00-25:00", "no clock shows"),
        ("mon 24:30-25:00", "no clock shows"),
        ("mon 12:60-13:00", "no clock shows"),
        ("mon 12:00", "span of time"),
        ("mon 12:00-13:00:30", "span of time"),
        ("mon 1200-1300", "not one window"),
        ("mon 12-13", "not one window"),
        ("monday 12:00-13:00", "'monday'"),
        ("mon, 12:00-13:00", "not a span"),
        ("mon- 12:00-13:00", "not a span"),
        ("mon-tue-wed 12:00-13:00", "'tue-wed'"),
        ("mon,,tue", "''"),
        ("2027-02-29", "not a date"),
        ("2027-2-9", "'2027'"),
        ("2200-01-01", "not a date"),
        ("٢٠٢٧-٠١-٠١", "not a day"),
        ("mon 1٢:00-13:00", "span of time"),
        ("mon\x00", "not a day"),
        ("x" * 121, "120"),
    ],
)
def test_what_is_no_window_is_refused_with_the_part_at_fault(text: str, says: str) -> None:
    with pytest.raises(UnreadableWindow) as refused:
        parse_window(text)
    assert says in str(refused.value)


@given(WINDOWS)
def test_a_window_is_read_back_as_written(window: Window) -> None:
    assert parse_window(format_window(window)) == window


@given(st.text(alphabet="montuewdhfrisay0123456789:-–, \x00", max_size=40))
def test_any_text_is_a_window_or_refused(text: str) -> None:
    try:
        window = parse_window(text)
    except UnreadableWindow:
        return
    assert parse_window(format_window(window)) == window


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fri-mon 22:00-6:00", "fri-mon 22:00-06:00"),
        ("mon,tue,wed 0:00-24:00", "mon-wed 00:00-24:00"),
        ("mon,tue,thu", "mon,tue,thu 00:00-24:00"),
        ("sun,mon", "sun,mon 00:00-24:00"),
        ("mon-sun 12:00-13:00", "daily 12:00-13:00"),
    ],
)
def test_days_are_shown_as_people_would_write_them(text: str, shown: str) -> None:
    assert format_window(parse_window(text)) == shown
