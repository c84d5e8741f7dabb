"""A week as a grid of half hours: which of it windows cover, and which window a chosen stretch of it would be. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from toktra.wire.schedule import DAYS, MINUTES_A_DAY, DatedWindow, WeeklyWindow, Window

SLOT_MINUTES: Final = 30
SLOTS: Final = MINUTES_A_DAY // SLOT_MINUTES


class Block(NamedTuple):
    """A part of a window that lies within one day of the week shown."""

    window: Window
    added: bool
    """By a works agreement."""
    day: int
    """0 is Monday."""
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Half hours from one corner to another; both are in it."""

    day: int
    slot: int
    to_day: int
    to_slot: int

    def window(self) -> WeeklyWindow:
        """The same hours on each of its days, every week."""
        first, last = sorted((self.day, self.to_day))
        start, end = sorted((self.slot, self.to_slot))
        return WeeklyWindow(
            days=DAYS[first : last + 1], start_minute=start * SLOT_MINUTES, end_minute=(end + 1) * SLOT_MINUTES
        )

    def moved(self, days: int, slots: int, *, stretching: bool) -> Stretch:
        """The end moves, at most to the edge of the week; the beginning comes along unless it is stretched."""
        day = min(6, max(0, self.to_day + days))
        slot = min(SLOTS - 1, max(0, self.to_slot + slots))
        return Stretch(self.day, self.slot, day, slot) if stretching else Stretch(day, slot, day, slot)


def monday_of(on: date) -> date:
    """The Monday of the week that has this date."""
    return on - timedelta(days=on.weekday())


def blocks(windows: Iterable[Window], monday: date, *, added: bool = False) -> list[Block]:
    """What windows cover of the week that begins on `monday`, on the clock on the wall.

    A window over midnight gives a block on each of its days; that of Sunday goes on on Monday.
    """
    found = []
    for window in windows:
        for begins in range(-1, 7):
            if not _begins_on(window, monday + timedelta(days=begins)):
                continue
            end = window.start_minute + window.length_minutes
            for day, start, until in (
                (begins, window.start_minute, min(end, MINUTES_A_DAY)),
                (begins + 1, 0, end - MINUTES_A_DAY),
            ):
                if 0 <= day <= 6 and start < until:
                    found.append(Block(window, added, day, start, until))
    return found


def _begins_on(window: Window, day: date) -> bool:
    if isinstance(window, DatedWindow):
        return window.on == day
    return DAYS[day.weekday()] in window.days
