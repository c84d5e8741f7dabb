"""Schedule, the time an employee keeps private, and what they said beside it: Pause and Resumption.

A schedule is written in wall-clock time and names its zone; which instants it covers is decided on the device, by
`toktra.agent.privacy_hours`. The structs are closed and bounded, and refuse a window that covers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from toktra.wire.events import InvalidMessage, decode

MAX_WINDOWS: Final = 1000
MAX_SCHEDULE_BYTES: Final = 1 << 18
"""1,000 windows with every field at its longest take about 120 kB."""

FIRST_DATE: Final = date(1970, 1, 1)
LAST_DATE: Final = date(2199, 12, 31)
"""Dates outside are refused: no calendar of a person needs them, and arithmetic on them stays far from its limits."""

MINUTES_A_DAY: Final = 24 * 60

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

StartMinute = Annotated[int, Meta(ge=0, le=MINUTES_A_DAY - 1)]
"""Minutes after midnight on the wall clock: 750 is 12:30, however long that day's night was."""
EndMinute = Annotated[int, Meta(ge=1, le=MINUTES_A_DAY)]
"""As StartMinute; the first minute no longer covered, 1440 is 24:00. Below the start it means the next day."""

ZoneName = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}\Z")]
"""A name of the IANA time zone database, for example Europe/Berlin."""


class _Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    start_minute: StartMinute
    end_minute: EndMinute

    def __post_init__(self) -> None:
        if not 0 <= self.start_minute < MINUTES_A_DAY:
            raise ValueError("start_minute: must lie between 0 and 1439")
        if not 0 < self.end_minute <= MINUTES_A_DAY:
            raise ValueError("end_minute: must lie between 1 and 1440")
        if self.start_minute == self.end_minute:
            raise ValueError("end_minute: equals start_minute, so the window is empty; a whole day is 0 to 1440")

    @property
    def length_minutes(self) -> int:
        """How long the window is on the wall clock, 1 to 1440."""
        if self.end_minute > self.start_minute:
            return self.end_minute - self.start_minute
        return self.end_minute + MINUTES_A_DAY - self.start_minute


class WeeklyWindow(_Hours, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="every", tag="week"):
    """Private every week. One that runs over midnight belongs to the day it begins on."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)]
    """In the order of the week, each once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.days or self.days != tuple(day for day in DAYS if day in self.days):
            raise ValueError("days: must name at least one day, each once, in the order of the week")


class DatedWindow(_Hours, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="every", tag="once"):
    """Private once, from a time on `on`."""

    on: date

    def __post_init__(self) -> None:
        super().__post_init__()
        if not FIRST_DATE <= self.on <= LAST_DATE:
            raise ValueError(f"on: must lie between {FIRST_DATE} and {LAST_DATE}")


Window = WeeklyWindow | DatedWindow


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Windows and the zone their times are written in. Windows may overlap: private is what any of them covers."""

    zone: ZoneName
    windows: Annotated[tuple[Window, ...], Meta(max_length=MAX_WINDOWS)] = ()

    def __post_init__(self) -> None:
        if len(self.windows) > MAX_WINDOWS:
            raise ValueError(f"windows: a schedule may hold {MAX_WINDOWS}, this one has {len(self.windows)}")


def by_day(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same private time with a window of its own for each day, each once: what can be compared and taken apart."""
    apart: dict[Window, None] = {}
    for window in windows:
        if isinstance(window, DatedWindow):
            apart[window] = None
        else:
            apart.update((msgspec.structs.replace(window, days=(day,)), None) for day in window.days)
    return tuple(apart)


def joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same private time with the days that share their times in one window; dated windows last, each once."""
    days: dict[tuple[int, int], set[Day]] = {}
    dated: set[DatedWindow] = set()
    for window in windows:
        if isinstance(window, DatedWindow):
            dated.add(window)
        else:
            days.setdefault((window.start_minute, window.end_minute), set()).update(window.days)
    weekly = [
        WeeklyWindow(days=tuple(day for day in DAYS if day in chosen), start_minute=start, end_minute=end)
        for (start, end), chosen in days.items()
    ]
    weekly.sort(key=lambda one: (DAYS.index(one.days[0]), one.start_minute, one.end_minute))
    return (*weekly, *sorted(dated, key=lambda one: (one.on, one.start_minute, one.end_minute)))


def lies_within(window: Window, other: Window) -> bool:
    """Whether the clock on the wall shows no minute of a window that is not in the other; both as `by_day` gives them.

    Where the clock changes a window can begin earlier than a longer one around it: see `agent.privacy_hours.edges`.
    """
    same_day = (
        window.on == other.on
        if isinstance(window, DatedWindow) and isinstance(other, DatedWindow)
        else isinstance(window, WeeklyWindow) and isinstance(other, WeeklyWindow) and window.days == other.days
    )
    end, other_end = (one.start_minute + one.length_minutes for one in (window, other))
    return same_day and other.start_minute <= window.start_minute and end <= other_end


class Pause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The owner's "private now". It has no beginning: it holds from when it is said, whatever the clock does then."""

    until: datetime | None = None
    """UTC, whole seconds. None: until the owner resumes."""

    def __post_init__(self) -> None:
        if self.until is not None:
            _whole_utc_second("until", self.until)


class Resumption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The owner's "end now". It lifts what covered `at` of their own windows and ends no later than `until`, once."""

    at: datetime
    """UTC, whole seconds."""
    until: datetime
    """When the last of the lifted windows would have ended; UTC, whole seconds."""

    def __post_init__(self) -> None:
        _whole_utc_second("at", self.at)
        _whole_utc_second("until", self.until)
        if self.until <= self.at:
            raise ValueError("until: must be later than at")


def _whole_utc_second(field: str, moment: datetime) -> None:
    if moment.tzinfo is None or moment.utcoffset() != UTC.utcoffset(None) or moment.microsecond:
        raise ValueError(f"{field}: must be UTC in whole seconds, for example 2027-03-28T11:00:00Z")
    if not FIRST_DATE <= moment.date() <= LAST_DATE:
        raise ValueError(f"{field}: must lie between {FIRST_DATE} and {LAST_DATE}")


_schedule_decoder = msgspec.json.Decoder(Schedule)


def decode_schedule(body: bytes) -> Schedule:
    """A schedule from its JSON bytes, whole or not at all. Raises InvalidMessage naming the field at fault."""
    if len(body) > MAX_SCHEDULE_BYTES:
        raise InvalidMessage("", f"a schedule may hold {MAX_SCHEDULE_BYTES} bytes, this one has {len(body)}")
    return decode(body, _schedule_decoder)
