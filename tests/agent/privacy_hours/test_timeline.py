"""Random windows in zones whose clocks change, against a slow reading of the rules, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.agent.privacy_hours.calendar import Calendar
from toktra.agent.privacy_hours.timeline import DAY_S, Slack, Timeline
from toktra.agent.privacy_hours.windows import parse_window
from toktra.wire.schedule import DAYS, DatedWindow, Schedule, WeeklyWindow, Window

HOUR_S = 3600


class Place(NamedTuple):
    """A zone and an instant to look around."""

    zone: str
    at: datetime


# Where and when a clock changes, or a leap day or a year ends without a change.
PLACES = [
    Place("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
    Place("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC)),
    Place("America/New_York", datetime(2027, 3, 14, 7, tzinfo=UTC)),
    Place("America/New_York", datetime(2027, 11, 7, 6, tzinfo=UTC)),
    Place("Australia/Lord_Howe", datetime(2027, 10, 2, 15, 30, tzinfo=UTC)),
    Place("Australia/Lord_Howe", datetime(2027, 4, 3, 15, tzinfo=UTC)),
    Place("Africa/Casablanca", datetime(2027, 2, 7, 2, tzinfo=UTC)),
    Place("Africa/Casablanca", datetime(2027, 3, 14, 2, tzinfo=UTC)),
    Place("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    Place("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),  # skips midnight
    Place("Asia/Beirut", datetime(2027, 10, 30, 21, tzinfo=UTC)),  # repeats the hour before midnight
    Place("Asia/Kathmandu", datetime(2028, 2, 29, 12, tzinfo=UTC)),
    Place("Europe/Berlin", datetime(2027, 12, 31, 23, tzinfo=UTC)),
]
CHANGES = [place for place in PLACES if place.zone != "Asia/Kathmandu" and place.at.month != 12] + [PLACES[8]]

MINUTES = st.one_of(st.integers(0, 1440), st.integers(0, 48).map(lambda halves: halves * 30))
HOURS = st.tuples(MINUTES.filter(lambda m: m < 1440), MINUTES.filter(lambda m: m > 0)).filter(lambda h: h[0] != h[1])
DAY_SETS = st.sets(st.sampled_from(DAYS), min_size=1).map(lambda chosen: tuple(day for day in DAYS if day in chosen))


def a_window_near(at: datetime) -> st.SearchStrategy[Window]:
    weekly: st.SearchStrategy[Window] = st.builds(
        lambda days, hours: WeeklyWindow(days=days, start_minute=hours[0], end_minute=hours[1]), DAY_SETS, HOURS
    )
    dated: st.SearchStrategy[Window] = st.builds(
        lambda step, hours: DatedWindow(
            on=at.date() + timedelta(days=step), start_minute=hours[0], end_minute=hours[1]
        ),
        st.integers(-3, 3),
        HOURS,
    )
    return st.one_of(weekly, dated)


@st.composite
def cases(draw: st.DrawFn, places: Sequence[Place] = tuple(PLACES)) -> tuple[Place, list[Window]]:
    place = draw(st.sampled_from(places))
    return place, draw(st.lists(a_window_near(place.at), max_size=4))


def timeline(windows: Sequence[Window], *zones: str) -> Timeline:
    schedule = Schedule(zone=zones[0], windows=tuple(windows))
    return Timeline([Calendar(schedule, ZoneInfo(zone), added=False) for zone in zones])


class Slowly:
    """The rules of `edges`, said another way: only ever asks a zone what its clock shows at an instant."""

    def __init__(self, windows: Sequence[Window], zone: str, around: datetime) -> None:
        self.zone = ZoneInfo(zone)
        days = [around.date() + timedelta(days=step) for step in range(-6, 14)]
        self.spans = [self._span(window, day) for window in windows for day in days if begins(window, day)]

    def is_private(self, now_s: int) -> bool:
        return any(start <= now_s < end for start, end in self.spans)

    def _span(self, window: Window, day: date) -> tuple[int, int]:
        start, end = walls(window, day)
        minutes = (start + timedelta(minutes=step) for step in range(window.length_minutes))
        never_shown = not any(self._shown(minute) for minute in minutes)
        starts = self._shown(start) or self._by_both_clocks(start)
        ends = self._by_both_clocks(end) if never_shown else self._shown(end) or self._by_both_clocks(end)
        return min(starts), max(ends)

    def _shown(self, wall: datetime) -> list[int]:
        """The instants at which the clock shows this time."""
        return [s for s in self._by_both_clocks(wall) if shown(s, self.zone) == wall]

    def _by_both_clocks(self, wall: datetime) -> list[int]:
        """As the clock of a day before and the clock of a day after would have it."""
        as_utc = wall.replace(tzinfo=UTC)
        offsets = [(as_utc + timedelta(hours=hours)).astimezone(self.zone).utcoffset() for hours in (-25, 25)]
        return [int((as_utc - offset).timestamp()) for offset in offsets if offset is not None]


def shown(now_s: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(now_s, zone).replace(tzinfo=None, fold=0)


def walls(window: Window, day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day) + timedelta(minutes=window.start_minute)  # noqa: DTZ001
    return start, start + timedelta(minutes=window.length_minutes)


def begins(window: Window, day: date) -> bool:
    return window.on == day if isinstance(window, DatedWindow) else DAYS[day.weekday()] in window.days


def on_the_wall(windows: Sequence[Window], now_s: int, zone: ZoneInfo) -> bool:
    """Private by the clock on the wall alone, without any rule for doubt."""
    wall = shown(now_s, zone)
    days = (wall.date(), wall.date() - timedelta(days=1))
    return any(
        start <= wall < end
        for window in windows
        for day in days
        if begins(window, day)
        for start, end in [walls(window, day)]
    )


@settings(max_examples=20, deadline=None)
@given(cases())
def test_state_and_until_are_those_of_the_slow_reading(case: tuple[Place, list[Window]]) -> None:
    place, windows = case
    quick, slow = timeline(windows, place.zone), Slowly(windows, place.zone, place.at)
    middle = int(place.at.timestamp())
    instants = list(range(middle - 2 * DAY_S, middle + 4 * DAY_S, 60))
    private = [slow.is_private(now_s) for now_s in instants]
    change = None  # the next change after each instant, going backwards
    for place_in_line in range(len(instants) - 1, -1, -1):
        now_s = instants[place_in_line]
        stretch = quick.stretch(now_s)
        assert stretch.private == private[place_in_line], datetime.fromtimestamp(now_s, UTC)
        if place_in_line + 1 < len(instants) and private[place_in_line + 1] != private[place_in_line]:
            change = instants[place_in_line + 1]
        if change is not None:
            assert stretch.until_s == change
        else:
            assert stretch.until_s is None or stretch.until_s > instants[-1]


@settings(max_examples=25, deadline=None)
@given(cases(places=CHANGES))
def test_second_by_second_across_a_change_of_the_clock(case: tuple[Place, list[Window]]) -> None:
    place, windows = case
    quick, slow = timeline(windows, place.zone), Slowly(windows, place.zone, place.at)
    middle = int(place.at.timestamp())
    for hours in (-24, -1, 0, 1, 24):
        for now_s in range(middle + hours * HOUR_S - 90, middle + hours * HOUR_S + 90):
            assert quick.stretch(now_s).private == slow.is_private(now_s)


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(-3 * 1440, 3 * 1440))
def test_what_the_clock_on_the_wall_shows_within_a_window_is_private(
    case: tuple[Place, list[Window]], minutes: int
) -> None:
    place, windows = case
    quick, zone = timeline(windows, place.zone), ZoneInfo(place.zone)
    first_s = int(place.at.timestamp()) + 60 * minutes
    for now_s in range(first_s, first_s + DAY_S, 7 * 60):
        if on_the_wall(windows, now_s, zone):
            assert quick.stretch(now_s).private


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(3, 200), st.integers(0, 1439))
def test_far_from_a_change_nothing_is_in_doubt(case: tuple[Place, list[Window]], days: int, minutes: int) -> None:
    place, windows = case
    quick, zone = timeline(windows, place.zone), ZoneInfo(place.zone)
    now_s = int(place.at.timestamp()) + days * DAY_S + minutes * 60
    offsets = {datetime.fromtimestamp(now_s + step * DAY_S, zone).utcoffset() for step in (-3, -2, -1, 0, 1, 2, 3)}
    if len(offsets) == 1:
        assert quick.stretch(now_s).private == on_the_wall(windows, now_s, zone)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_one_more_window_never_makes_a_private_instant_observed(data: st.DataObject) -> None:
    place, windows = data.draw(cases())
    more = data.draw(a_window_near(place.at))
    fewer, with_more = timeline(windows, place.zone), timeline([*windows, more], place.zone)
    first_s = int(place.at.timestamp()) + 60 * data.draw(st.integers(-3 * 1440, 2 * 1440))
    for now_s in range(first_s, first_s + DAY_S, 5 * 60):
        assert with_more.stretch(now_s).private >= fewer.stretch(now_s).private


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_slack_is_private_when_any_instant_within_it_is(data: st.DataObject) -> None:
    place, windows = data.draw(cases())
    zones = data.draw(st.sampled_from([(place.zone,), (place.zone, "America/Denver")]))
    quick = timeline(windows, *zones)
    slows = [Slowly(windows, zone, place.at) for zone in zones]
    behind, ahead = data.draw(st.integers(0, 600)), data.draw(st.integers(0, 600))
    slack = Slack(behind * 60, ahead * 60)
    middle = int(place.at.timestamp())
    line = [any(s.is_private(middle + 60 * step) for s in slows) for step in range(-600, 2880 + 600)]
    states = [any(line[step + 600 - behind : step + 600 + ahead + 1]) for step in range(2880)]
    for step in range(0, 2880, 47):
        stretch = quick.stretch(middle + 60 * step, slack)
        assert stretch.private == states[step]
        change = next((later for later in range(step, 2880) if states[later] != states[step]), None)
        if change is not None:
            assert stretch.until_s == middle + 60 * change
        else:
            assert stretch.until_s is None or stretch.until_s >= middle + 60 * 2880


BERLIN_NOON_S = int(datetime(2027, 1, 4, 11, tzinfo=UTC).timestamp())  # a Monday


@pytest.mark.parametrize(
    ("windows", "private", "until"),
    [
        ([], False, None),
        (["daily"], True, None),
        (["mon-fri", "sat,sun"], True, None),
        (["daily 06:00-18:00", "daily 18:00-06:00"], True, None),
        (["daily 06:00-18:01", "daily 17:00-06:00"], True, None),
        (["daily 02:31-02:30"], True, "2027-01-05T02:30:00+01:00"),
        (["mon 12:00-13:00", "mon 13:00-14:00", "mon 13:30-15:00"], True, "2027-01-04T15:00:00+01:00"),
        (["mon 12:01-13:00"], False, "2027-01-04T12:01:00+01:00"),
        (["mon 11:00-12:00"], False, "2027-01-11T11:00:00+01:00"),
        (["2027-01-04"], True, "2027-01-05T00:00:00+01:00"),
        (["2027-01-03 13:00-12:00"], False, None),
        (["2028-02-29"], False, "2028-02-29T00:00:00+01:00"),
        (["2199-12-31"], False, "2199-12-31T00:00:00+01:00"),
        (["daily 00:00-23:59", "2027-01-04", "2027-01-05", "2027-01-06"], True, "2027-01-07T23:59:00+01:00"),
        (["daily 00:00-23:59", "2027-01-04 23:59-00:00"], True, "2027-01-05T23:59:00+01:00"),
    ],
)
def test_until_is_the_next_change_or_none(windows: list[str], private: bool, until: str | None) -> None:
    stretch = timeline([parse_window(text) for text in windows], "Europe/Berlin").stretch(BERLIN_NOON_S)
    expected = None if until is None else int(datetime.fromisoformat(until).timestamp())
    assert (stretch.private, stretch.until_s) == (private, expected)


def test_two_zones_whose_open_hours_never_meet_leave_nothing_observed() -> None:
    both = timeline([parse_window("daily 03:00-02:00")], "Europe/Berlin", "America/New_York")
    assert both.stretch(BERLIN_NOON_S) == (True, None)


def test_a_window_left_open_only_while_two_zones_are_out_of_step_is_found() -> None:
    """Casablanca and Lagos share a clock, except in Ramadan, when Casablanca is an hour behind."""
    windows = [parse_window("daily 13:00-12:00")]
    both = timeline(windows, "Africa/Casablanca", "Africa/Lagos")
    assert both.stretch(int(datetime(2027, 1, 4, 10, 30, tzinfo=UTC).timestamp())) == (
        True,
        int(datetime(2027, 1, 4, 11, tzinfo=UTC).timestamp()),
    )
    in_ramadan = both.stretch(int(datetime(2027, 2, 8, 10, 30, tzinfo=UTC).timestamp()))
    assert in_ramadan == (True, int(datetime(2027, 3, 14, 11, tzinfo=UTC).timestamp()))


def test_a_pause_runs_on_into_the_window_it_meets() -> None:
    schedule = Schedule(zone="UTC", windows=(parse_window("mon 12:00-13:00"),))
    calendar = Calendar(schedule, ZoneInfo("UTC"), added=False)
    paused = Timeline([calendar], private_before_s=BERLIN_NOON_S + HOUR_S)
    assert paused.stretch(BERLIN_NOON_S) == (True, BERLIN_NOON_S + 2 * HOUR_S)
    assert Timeline([calendar], private_before_s=float("inf")).stretch(BERLIN_NOON_S) == (True, None)


@settings(max_examples=2, deadline=None)
@given(st.lists(a_window_near(PLACES[0].at), min_size=1, max_size=10), st.integers(1, 7))
def test_a_thousand_windows_are_as_right_as_one(some: list[Window], step: int) -> None:
    windows = [
        msgspec.structs.replace(
            window,
            start_minute=(window.start_minute + turn * step) % 1440,
            end_minute=(window.end_minute + turn * step - 1) % 1440 + 1,
        )
        for turn in range(1000 // len(some))
        for window in some
    ]
    quick, slow = timeline(windows, "Europe/Berlin"), Slowly(windows, "Europe/Berlin", PLACES[0].at)
    first_s = int(PLACES[0].at.timestamp()) - HOUR_S
    for now_s in range(first_s, first_s + 2 * HOUR_S, 300):
        assert quick.stretch(now_s).private == slow.is_private(now_s)
