"""From a window on a day to the instants it covers. Where the clock changes, in doubt, private.

A window covers from the earliest instant its start could mean up to the latest its end could mean:

- a time the clock shows twice means both; a window that starts in the repeated hour starts at the first showing, one
  that ends in it ends at the second;
- a time the clock skips is read by the clock before the change and by the clock after it: 02:30 on the night that goes
  from 02:00 to 03:00 is half an hour before the change and half an hour after it;
- a window that lies wholly in the skipped time would otherwise vanish; both its edges are read both ways.

So a window covers every instant whose wall-clock time lies in it, never fewer. All instants are Unix seconds.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from toktra.wire.schedule import Window

_SECOND = timedelta(seconds=1)


class Span(NamedTuple):
    """Instants from `start_s` up to, not including, `end_s`."""

    start_s: int
    end_s: int


def occurrence(window: Window, day: date, zone: ZoneInfo) -> Span:
    """What the window covers when it begins on `day`, a date in `zone`."""
    start, end = on_the_wall(window, day)
    starts, ends = _both_readings(start, zone), _both_readings(end, zone)
    if _is_skipped(starts):
        last_second = _both_readings(end - _SECOND, zone)
        if _is_skipped(last_second):
            ends = (last_second[0] + 1, last_second[1] + 1)
    return Span(min(starts), max(ends))


def on_the_wall(window: Window, day: date) -> tuple[datetime, datetime]:
    """Start and end as a clock on the wall would show them, without a zone."""
    start = datetime.combine(day, time()) + timedelta(minutes=window.start_minute)
    return start, start + timedelta(minutes=window.length_minutes)


def _both_readings(wall: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """The instants a wall time means by the clock before and after a change; nearly always the same (PEP 495)."""
    return (
        int(wall.replace(tzinfo=zone, fold=0).timestamp()),
        int(wall.replace(tzinfo=zone, fold=1).timestamp()),
    )


def _is_skipped(readings: tuple[int, int]) -> bool:
    # By PEP 495 the readings of a skipped time come in reverse order, those of a repeated time in order.
    return readings[0] > readings[1]
