"""`explain` against an oracle that knows no calendar: it walks through the minutes and looks at a clock on the wall.

What a window means where the clock changes is worked out here from that walk alone, by the rule for employees: an edge
that the clock shows twice means both, one that it skips is read by the clock before the change and by the clock after,
and a window covers from the first moment its start could mean to the last its end could mean.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from toktra.agent.privacy_hours.commands import privacy_hours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - on the wall
BEFORE_DAYS, AFTER_DAYS = 5, 15

CHANGES = {
    "Europe/Berlin": [date(2027, 3, 28), date(2027, 10, 31)],
    "America/New_York": [date(2027, 3, 14), date(2027, 11, 7)],
    "Australia/Lord_Howe": [date(2027, 4, 4), date(2027, 10, 3)],  # by half an hour
    "America/St_Johns": [date(2010, 3, 14), date(2010, 11, 7)],  # one minute after midnight
    "Antarctica/Troll": [date(2027, 3, 28), date(2027, 10, 31)],  # by two hours
    "America/Havana": [date(2027, 3, 14), date(2027, 11, 7)],  # at midnight
    "Pacific/Apia": [date(2011, 12, 30)],  # a day that never was
    "Asia/Kathmandu": [date(2027, 6, 1)],  # none
}


@dataclass(frozen=True)
class Wall:
    """What the clock on the wall shows at each minute around a day; minutes count from 1970, on the wall as in UTC."""

    first: int
    shown: tuple[int, ...]
    at: dict[int, tuple[int, ...]]

    def could_mean(self, wall: int, *, skipped_too: bool = False) -> tuple[int, ...]:
        """The minutes at which it shows this; if it never does, what the clocks around the change make of it."""
        if found := self.at.get(wall, ()):
            if not skipped_too:
                return found
            place = found[0] - self.first
        else:
            place = next(n for n in range(1, len(self.shown)) if self.shown[n - 1] < wall < self.shown[n])
        before = self.first + place - 1 - self.shown[place - 1]
        after = self.first + place - self.shown[place]
        return (wall + before, wall + after)

    def skips(self, wall: int) -> bool:
        return wall not in self.at


@cache
def wall_around(zone: str, day: date) -> Wall:
    first = minute_of(datetime.combine(day, time())) - BEFORE_DAYS * 1440
    clock = ZoneInfo(zone)
    shown: list[int] = []
    at: dict[int, list[int]] = {}
    for minute in range(first, first + (BEFORE_DAYS + AFTER_DAYS) * 1440):
        seen = minute_of((EPOCH + timedelta(minutes=minute)).replace(tzinfo=UTC).astimezone(clock).replace(tzinfo=None))
        shown.append(seen)
        at.setdefault(seen, []).append(minute)
    return Wall(first, tuple(shown), {wall: tuple(minutes) for wall, minutes in at.items()})


def minute_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(minutes=1)


@dataclass(frozen=True)
class Typed:
    """A window: which days as people type them, which that means, and minutes after midnight."""

    days: str
    means: frozenset[str] | date
    start: int
    end: int

    def __str__(self) -> str:
        times = f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"
        return f"{self.days} {times}".strip()

    def begins_on(self, day: date) -> bool:
        return self.means == day if isinstance(self.means, date) else DAYS[day.weekday()] in self.means


def private_minutes(wall: Wall, day: date, windows: list[Typed]) -> set[int]:
    covered: set[int] = set()
    for step in range(-BEFORE_DAYS + 2, AFTER_DAYS - 2):
        on = day + timedelta(days=step)
        midnight = minute_of(datetime.combine(on, time()))
        for window in windows:
            if not window.begins_on(on):
                continue
            start = midnight + window.start
            end = midnight + window.end + (1440 if window.end <= window.start else 0)
            vanishes = wall.skips(start) and wall.skips(end - 1)
            covered.update(range(min(wall.could_mean(start)), max(wall.could_mean(end, skipped_too=vanishes))))
    return covered


@st.composite
def day_words(draw: st.DrawFn, day: date) -> tuple[str, frozenset[str] | date]:
    kind = draw(st.sampled_from(["daily", "none", "range", "list", "date"]))
    first, last = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    if kind == "range":
        length = (last - first) % 7 + 1
        return f"{DAYS[first]}-{DAYS[last]}", frozenset(DAYS[(first + n) % 7] for n in range(length))
    if kind == "list":
        chosen = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4))
        return ",".join(chosen), frozenset(chosen)
    if kind == "date":
        on = day + timedelta(days=draw(st.integers(-1, 3)))
        return on.isoformat(), on
    return ("daily" if kind == "daily" else ""), frozenset(DAYS)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, date, int, list[Typed]]:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    day = draw(st.sampled_from(CHANGES[zone]))
    near = st.one_of(st.integers(0, 300).map(lambda n: n - n % 15), st.integers(0, 1439))
    windows: list[Typed] = []
    for _ in range(draw(st.integers(0, 4))):
        days, means = draw(day_words(day))
        start = draw(near)
        end = draw(st.one_of(st.just(1440), near.map(lambda n: max(1, n)), st.just(min(start + 30, 1440))))
        if start != end:
            windows.append(Typed(days, means, start, end))
    if draw(st.booleans()) and windows:  # one that touches the last
        last = windows[-1]
        if last.end < 1440 and last.end != (last.end + 45) % 1440:
            windows.append(Typed(last.days, last.means, last.end, last.end + 45 if last.end + 45 <= 1440 else 1440))
    at = minute_of(datetime.combine(day, time())) + draw(st.integers(-1440, 2 * 1440))
    return zone, day, at, windows


@settings(max_examples=40)
@given(cases())
def test_every_answer_is_what_a_walk_through_the_minutes_says(case: tuple[str, date, int, list[Typed]]) -> None:
    zone, day, at, windows = case
    wall = wall_around(zone, day)
    covered = private_minutes(wall, day, windows)
    state = at in covered
    changes = next(
        (m for m in range(at + 1, wall.first + (BEFORE_DAYS + AFTER_DAYS - 4) * 1440) if (m in covered) != state), None
    )
    local = (EPOCH + timedelta(minutes=at)).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    arguments = [word for window in windows for word in ("--window", str(window))]
    done = CliRunner().invoke(
        privacy_hours, ["explain", *arguments, "--zone", zone, "--at", local.isoformat(), "--json"]
    )
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["state"] == ("private" if state else "observed")
    if changes is None:  # further away than the walk went, or never
        assert (
            answer["until"] is None
            or minute_of_text(answer["until"]) >= wall.first + (BEFORE_DAYS + AFTER_DAYS - 4) * 1440
        )
    else:
        assert answer["until"] is not None
        assert minute_of_text(answer["until"]) == changes
        said = datetime.fromisoformat(answer["until"])
        assert said.utcoffset() == said.astimezone(ZoneInfo(zone)).utcoffset()


def minute_of_text(text: str) -> int:
    return minute_of(datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None))


@pytest.mark.parametrize("zone", sorted(CHANGES))
def test_a_moment_is_private_whenever_a_clock_on_the_wall_is_in_the_window(zone: str) -> None:
    """However its edges are read: nobody who looks at their clock in their private time is observed."""
    for day in CHANGES[zone]:
        wall = wall_around(zone, day)
        window = Typed("daily", frozenset(DAYS), 95, 185)
        covered = private_minutes(wall, day, [window])
        first = BEFORE_DAYS * 1440 - 1440
        seen = {wall.first + n for n in range(first, first + 3 * 1440) if 95 <= wall.shown[n] % 1440 < 185}
        assert seen <= covered
