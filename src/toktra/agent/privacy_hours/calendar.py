"""One schedule read in one zone: which instants it covers on a day, and by which window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from toktra.agent.privacy_hours.edges import Span, occurrence, on_the_wall
from toktra.wire.schedule import DAYS, DatedWindow, Resumption, Schedule, Window

DAYS_BACK = 3
DAYS_AHEAD = 1
"""What covers an instant began on its date or a few days around it: a window lasts a day at most, and a change of the
clock moves an edge by a day at most (Samoa skipped 30 December 2011)."""

_MAX_DAYS_KEPT = 1024


class Covering(NamedTuple):
    """A window that covers an instant."""

    window: Window
    added: bool
    """By a works agreement, not by the owner."""
    span: Span
    in_doubt: bool
    """The clock changes near by: the window could mean the instant, though the clock on the wall is outside it."""


class Calendar:
    """Answers by Unix second and date. `lifted` takes away the windows the owner ended, on that day only."""

    def __init__(self, schedule: Schedule, zone: ZoneInfo, *, added: bool, lifted: Resumption | None = None) -> None:
        self.zone = zone
        self.added = added
        self._weekly = tuple(
            tuple(w for w in schedule.windows if not isinstance(w, DatedWindow) and day in w.days) for day in DAYS
        )
        self._dated: dict[date, list[Window]] = {}
        for window in schedule.windows:
            if isinstance(window, DatedWindow):
                self._dated.setdefault(window.on, []).append(window)
        self._lifted = lifted
        self._ordinary = tuple(_merged_minutes(windows) for windows in self._weekly)
        self._spans: dict[date, tuple[Span, ...]] = {}

    @property
    def repeats(self) -> bool:
        return any(self._weekly)

    @property
    def dates(self) -> Iterable[date]:
        """Days with a window of their own."""
        return self._dated.keys()

    def spans(self, day: date) -> tuple[Span, ...]:
        """What the windows that begin on `day` cover, in no order; kept for the next call."""
        known = self._spans.get(day)
        if known is None:
            if len(self._spans) >= _MAX_DAYS_KEPT:
                self._spans.clear()
            known = self._spans[day] = tuple(self._covered_from(day))
        return known

    def covering(self, now_s: int) -> Iterator[Covering]:
        """The windows that cover an instant."""
        wall = datetime.fromtimestamp(now_s, self.zone).replace(tzinfo=None, fold=0)
        for day in self.days_around(now_s):
            if any(span.start_s <= now_s < span.end_s for span in self.spans(day)):
                for span, window in self._occurrences(day):
                    if span.start_s <= now_s < span.end_s:
                        start, end = on_the_wall(window, day)
                        yield Covering(window, self.added, span, in_doubt=not start <= wall < end)

    def days_around(self, now_s: int) -> Iterator[date]:
        """The days on which something that covers this instant may have begun."""
        today = datetime.fromtimestamp(now_s, self.zone).date()
        for step in range(-DAYS_BACK, DAYS_AHEAD + 1):
            yield today + timedelta(days=step)

    def _covered_from(self, day: date) -> Iterable[Span]:
        midnight_s = self._steady_midnight(day)
        if midnight_s is None or day in self._dated or self._lifted is not None:
            return (span for span, _ in self._occurrences(day))
        return (Span(midnight_s + 60 * first, midnight_s + 60 * last) for first, last in self._ordinary[day.weekday()])

    def _occurrences(self, day: date) -> Iterator[tuple[Span, Window]]:
        for window in (*self._weekly[day.weekday()], *self._dated.get(day, ())):
            span = occurrence(window, day, self.zone)
            if not self._is_lifted(span):
                yield span, window

    def _is_lifted(self, span: Span) -> bool:
        if self._lifted is None:
            return False
        at_s, until_s = self._lifted.at.timestamp(), self._lifted.until.timestamp()
        return span.start_s <= at_s < span.end_s <= until_s

    def _steady_midnight(self, day: date) -> int | None:
        """The instant of 00:00, or None when the clock may change before the windows that begin on `day` have ended.

        Without a change, windows can be joined on the wall clock once and shifted; with one, each is read by itself.
        """
        midnight = datetime.combine(day, time(), self.zone)
        offset = midnight.utcoffset()
        for hours in (0, 12, 24, 36, 48):  # no zone changes its clock twice within twelve hours
            probe = midnight + timedelta(hours=hours)
            if probe.utcoffset() != offset or probe.replace(fold=1).utcoffset() != offset:
                return None
        return int(midnight.timestamp())


def _merged_minutes(windows: Iterable[Window]) -> tuple[tuple[int, int], ...]:
    """Minutes after midnight covered by any window, joined; up to the end of the next day."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((w.start_minute, w.start_minute + w.length_minutes) for w in windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
