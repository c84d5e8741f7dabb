"""A window as people write it, "mon-fri 12:00-13:00", and back.

window = [days] [times]           no days: daily; no times: the whole day
days   = daily | a date (2027-03-28) | days and ranges joined by commas (mon,wed or fri-mon)
times  = HH:MM-HH:MM              up to 24:00; an end before the start lies on the next day
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from toktra.wire.schedule import DAYS, MINUTES_A_DAY, DatedWindow, Day, WeeklyWindow, Window

MAX_TEXT: Final = 120

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMES = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_TYPED_AS_A_HYPHEN = str.maketrans("‐‑–—−", "-----")


class UnreadableWindow(ValueError):
    """The text is no window. The sentence says which part and what to write instead."""


def parse_window(text: str) -> Window:
    """The window a text describes. Raises UnreadableWindow."""
    if len(text) > MAX_TEXT:
        raise UnreadableWindow(f"a window is at most {MAX_TEXT} characters long, this one has {len(text)}")
    plain = text.translate(_TYPED_AS_A_HYPHEN).lower()
    words = re.sub(r"\s*([-,])\s*", r"\1", plain.strip()).split()
    times = [word for word in words if ":" in word]
    days = [word for word in words if ":" not in word]
    if not words or len(times) > 1 or len(days) > 1:
        raise UnreadableWindow(f"{text!r} is not one window; write days and times, for example mon-fri 12:00-13:00")
    start_minute, end_minute = _parse_times(times[0]) if times else (0, MINUTES_A_DAY)
    if days and _DATE.fullmatch(days[0]):
        return _on_a_date(days[0], start_minute, end_minute)
    return WeeklyWindow(days=_parse_days(days[0]) if days else DAYS, start_minute=start_minute, end_minute=end_minute)


def format_window(window: Window) -> str:
    """The text of a window, in the one form that `parse_window` reads back to the same window."""
    day = window.on.isoformat() if isinstance(window, DatedWindow) else _format_days(window.days)
    return f"{day} {_format_minute(window.start_minute)}-{_format_minute(window.end_minute)}"


def _parse_times(text: str) -> tuple[int, int]:
    match = _TIMES.fullmatch(text)
    if match is None:
        raise UnreadableWindow(f"{text!r} is not a span of time; write it like 12:00-13:00")
    hours = int(match[1]), int(match[3])
    minutes = int(match[2]), int(match[4])
    start, end = (60 * hour + minute for hour, minute in zip(hours, minutes, strict=True))
    if max(minutes) > 59 or max(start, end) > MINUTES_A_DAY:
        raise UnreadableWindow(f"{text!r} has a time that no clock shows; times run from 00:00 to 24:00")
    if start == end:
        raise UnreadableWindow(f"{text!r} starts and ends at the same time, so it is empty; a whole day is 00:00-24:00")
    if start == MINUTES_A_DAY:
        raise UnreadableWindow(f"{text!r} starts at 24:00; write 00:00 on the day after")
    return start, end or MINUTES_A_DAY


def _on_a_date(text: str, start_minute: int, end_minute: int) -> DatedWindow:
    try:
        return DatedWindow(on=date.fromisoformat(text), start_minute=start_minute, end_minute=end_minute)
    except ValueError as error:
        reason = str(error).removeprefix("on: ")
        raise UnreadableWindow(f"{text} is not a date to plan for: {reason}") from None


def _parse_days(text: str) -> tuple[Day, ...]:
    if text == "daily":
        return DAYS
    chosen: set[str] = set()
    for part in text.split(","):
        first, hyphen, last = part.partition("-")
        chosen.update(_days_between(first, last if hyphen else first, text))
    return tuple(day for day in DAYS if day in chosen)


def _days_between(first: str, last: str, text: str) -> tuple[Day, ...]:
    """From first to last, over the end of the week when last comes before first."""
    places: dict[str, int] = {day: place for place, day in enumerate(DAYS)}
    for name in (first, last):
        if name not in places:
            raise UnreadableWindow(
                f"{name!r} in {text!r} is not a day; write mon, tue, wed, thu, fri, sat, sun, daily or a date"
            )
    length = (places[last] - places[first]) % 7 + 1
    return tuple(DAYS[(places[first] + step) % 7] for step in range(length))


def _format_days(days: tuple[Day, ...]) -> str:
    if days == DAYS:
        return "daily"
    runs: list[list[Day]] = []
    for day in days:
        if runs and DAYS.index(day) == DAYS.index(runs[-1][-1]) + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    if len(runs) > 1 and runs[0][0] == DAYS[0] and runs[-1][-1] == DAYS[-1]:  # on over the end of the week: fri-mon
        runs.append(runs.pop() + runs.pop(0))
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(run) for run in runs)


def _format_minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
