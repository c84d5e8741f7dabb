"""A week as bars and as the next private times in words. Pure.

By the clock on the wall: what a window means in a night in which the clock changes is for the device to decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from toktra.server.privacy_hours.words import clock
from toktra.server.web import figures
from toktra.server.web.language import _
from toktra.wire.schedule import DAYS, MINUTES_A_DAY, DatedWindow, Day, Schedule, Window

LOOK_AHEAD_DAYS: Final = 8
MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Private:
    """A stretch of private time on the wall clock."""

    start: datetime
    end: datetime
    added: bool
    """All of it by a works agreement."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a day, as shares of it in per cent."""

    x: str
    width: str
    middle: str


def next_private(own: Schedule, added: Schedule, now: datetime) -> list[Private]:
    """The stretch that runs and those that come, joined where they touch. `now` is a wall clock's."""
    found = [
        Private(*on_the_wall(window, day), added=is_added)
        for schedule, is_added in ((own, False), (added, True))
        for step in range(-1, LOOK_AHEAD_DAYS)
        for day in [now.date() + timedelta(days=step)]
        for window in schedule.windows
        if _begins_on(window, day)
    ]
    found += [
        Private(*on_the_wall(window, window.on), added=False)
        for window in own.windows
        if isinstance(window, DatedWindow) and window.on >= now.date() + timedelta(days=LOOK_AHEAD_DAYS)
    ]
    joined: list[Private] = []
    for one in sorted((one for one in found if one.end > now), key=lambda private: private.start):
        if joined and one.start <= joined[-1].end:
            last = joined.pop()
            joined.append(Private(last.start, max(last.end, one.end), last.added and one.added))
        else:
            joined.append(one)
    return joined


def in_words(private: Private, today: date) -> str:
    """Today 12:00–13:00; Tomorrow 19:00 to Wed 07:00."""
    start, end = private.start, private.end
    if end == datetime.combine(start.date() + timedelta(days=1), time()):
        hours = _("all day") if start.time() == time() else f"{start:%H:%M}–24:00"
        return f"{_day_word(start.date(), today)} {hours}"
    if end.date() == start.date():
        return f"{_day_word(start.date(), today)} {start:%H:%M}–{end:%H:%M}"
    return _("%(day)s %(from)s to %(next)s %(to)s") % {
        "day": _day_word(start.date(), today),
        "from": f"{start:%H:%M}",
        "next": _day_word(end.date(), today),
        "to": f"{end:%H:%M}",
    }


def until_words(private: Private, today: date) -> str:
    """13:00, or tomorrow 07:00; within a sentence."""
    tomorrow = today + timedelta(days=1)
    if private.end.date() == today:
        return f"{private.end:%H:%M}"
    if private.end == datetime.combine(tomorrow, time()):
        return clock(MINUTES_A_DAY)
    if private.end.date() == tomorrow:
        return _("tomorrow %(time)s") % {"time": f"{private.end:%H:%M}"}
    return f"{_day_word(private.end.date(), today)} {private.end:%H:%M}"


def bars_of(schedule: Schedule, day: Day) -> list[Bar]:
    """What of a day of the week is private, also what began on the day before. Single dates are not of the week."""
    spans = set()
    for window in schedule.windows:
        if isinstance(window, DatedWindow):
            continue
        end = window.start_minute + window.length_minutes
        if day in window.days:
            spans.add((window.start_minute, min(end, MINUTES_A_DAY)))
        if DAYS[DAYS.index(day) - 1] in window.days and end > MINUTES_A_DAY:
            spans.add((0, end - MINUTES_A_DAY))
    return [Bar(_share(start), _share(end - start), _share((start + end) / 2)) for start, end in sorted(spans)]


def on_the_wall(window: Window, day: date) -> tuple[datetime, datetime]:
    """Start and end of a window that begins on a day."""
    start = datetime.combine(day, time()) + timedelta(minutes=window.start_minute)
    return start, start + timedelta(minutes=window.length_minutes)


def _begins_on(window: Window, day: date) -> bool:
    return window.on == day if isinstance(window, DatedWindow) else DAYS[day.weekday()] in window.days


def _day_word(day: date, today: date) -> str:
    words: Iterable[str] = (_("Today"), _("Tomorrow"))
    for step, word in enumerate(words):
        if day == today + timedelta(days=step):
            return str(word)
    return figures.day(day) if day.year == today.year else figures.one_day(day)


def _share(minutes: float) -> str:
    return f"{100 * minutes / MINUTES_A_DAY:.2f}%"
