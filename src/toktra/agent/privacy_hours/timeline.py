"""Several calendars as one line of private and other time: whether an instant is private and when that changes."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from toktra.agent.privacy_hours.calendar import DAYS_AHEAD, DAYS_BACK, Calendar, Covering
from toktra.agent.privacy_hours.edges import Span
from toktra.wire.schedule import FIRST_DATE, LAST_DATE

DAY_S: Final = 86_400
YEAR_DAYS: Final = 54 * 7
"""What repeats weekly has shown every way two zones' clocks can stand to each other after a year, and some more."""

FIRST_S: Final = int(datetime.combine(FIRST_DATE, time(), UTC).timestamp())
LAST_S: Final = int(datetime.combine(LAST_DATE, time(), UTC).timestamp())

_MAX_DAYS_KEPT = 1024


class Slack(NamedTuple):
    """How far the right time may lie from what the clock says: up to `behind_s` seconds earlier, `ahead_s` later."""

    behind_s: int = 0
    ahead_s: int = 0


NO_SLACK: Final = Slack()


class Stretch(NamedTuple):
    """Whether an instant is private, and the first later instant at which that is different (None: never)."""

    private: bool
    until_s: int | None


class Timeline:
    """The union of its calendars, and of all time before `private_before_s` (a pause; infinity: no end in sight).

    Works by days of UTC, each joined once and kept. Instants are Unix seconds between FIRST_S and LAST_S.
    """

    def __init__(self, calendars: Sequence[Calendar], *, private_before_s: float = -math.inf) -> None:
        self._calendars = tuple(calendars)
        self._private_before_s = private_before_s
        self._repeats = any(calendar.repeats for calendar in calendars)
        self._dated_days = sorted({day for calendar in calendars for on in calendar.dates for day in _utc_days(on)})
        self._days: dict[int, tuple[list[int], list[int]]] = {}

    def stretch(self, now_s: int, slack: Slack = NO_SLACK) -> Stretch:
        """Private when any instant within the slack is."""
        low_s, high_s = now_s - slack.behind_s, now_s + slack.ahead_s
        start_s = self.next_private(low_s)
        if start_s is None:
            return Stretch(private=False, until_s=None)
        if start_s > high_s:
            return Stretch(private=False, until_s=start_s - slack.ahead_s)
        return Stretch(private=True, until_s=self._clear_from(start_s, slack))

    def next_private(self, now_s: int) -> int | None:
        """The first private instant, `now_s` or later."""
        if now_s < self._private_before_s:
            return now_s
        day: int | None = now_s // DAY_S
        last_day = self._horizon(now_s)
        while day is not None and day <= last_day:
            starts, ends = self._covered_on(day)
            place = bisect_right(ends, now_s)
            if place < len(ends):
                return max(now_s, starts[place])
            day = self._next_busy_day(day)
        return None

    def next_observed(self, now_s: int) -> int | None:
        """The first instant that is not private, `now_s` or later."""
        if now_s < self._private_before_s:
            if self._private_before_s == math.inf:
                return None
            now_s = int(self._private_before_s)
        last_day = self._horizon(now_s)
        for day in range(now_s // DAY_S, last_day + 1):
            starts, ends = self._covered_on(day)
            place = bisect_right(starts, now_s) - 1
            if place < 0 or ends[place] <= now_s:
                return now_s
            now_s = ends[place]
            if now_s < (day + 1) * DAY_S:
                return now_s
        return None

    def covering(self, now_s: int) -> Covering | None:
        """The window to name for a private instant: rather one that means it beyond doubt, and the last to end."""
        found = [covering for calendar in self._calendars for covering in calendar.covering(now_s)]
        return max(found, key=lambda each: (not each.in_doubt, each.span.end_s), default=None)

    def _clear_from(self, private_s: int, slack: Slack) -> int | None:
        """The first reading of the clock with no private instant within the slack around it."""
        width_s = slack.behind_s + slack.ahead_s
        if self._repeats and width_s > 8 * DAY_S:
            return None
        last_s = self._horizon(private_s) * DAY_S
        while private_s <= last_s:
            free_s = self.next_observed(private_s)
            if free_s is None:
                return None
            next_s = self.next_private(free_s)
            if next_s is None or next_s - free_s > width_s:
                return free_s + slack.behind_s
            private_s = next_s
        return None

    def _covered_on(self, day: int) -> tuple[list[int], list[int]]:
        """Starts and ends of the private stretches of one day of UTC, joined and cut to that day."""
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _MAX_DAYS_KEPT:
                self._days.clear()
            known = self._days[day] = self._join(day * DAY_S, (day + 1) * DAY_S)
        return known

    def _join(self, first_s: int, last_s: int) -> tuple[list[int], list[int]]:
        starts: list[int] = []
        ends: list[int] = []
        for span in sorted(self._spans_between(first_s, last_s)):
            if ends and span.start_s <= ends[-1]:
                ends[-1] = max(ends[-1], span.end_s)
            else:
                starts.append(span.start_s)
                ends.append(span.end_s)
        return starts, ends

    def _spans_between(self, first_s: int, last_s: int) -> set[Span]:
        return {
            Span(max(span.start_s, first_s), min(span.end_s, last_s))
            for calendar in self._calendars
            for day in sorted({*calendar.days_around(first_s), *calendar.days_around(last_s)})
            for span in calendar.spans(day)
            if span.start_s < last_s and span.end_s > first_s
        }

    def _next_busy_day(self, day: int) -> int | None:
        if self._repeats:
            return day + 1
        place = bisect_right(self._dated_days, day)
        return self._dated_days[place] if place < len(self._dated_days) else None

    def _horizon(self, now_s: int) -> int:
        """The day of UTC after which nothing changes that has not changed by then."""
        last_dated = self._dated_days[-1] if self._dated_days else 0
        return max(now_s // DAY_S, last_dated) + YEAR_DAYS


def _utc_days(on: date) -> range:
    """Days of UTC, since 1970, that a window beginning on a date of any zone can touch."""
    day = (on - date(1970, 1, 1)) // timedelta(days=1)
    return range(day - DAYS_AHEAD - 1, day + DAYS_BACK + 2)
