"""Numbers, moments and windows as the tray writes them, in the language in use.

Ranges follow the same rule as the pages: both ends share one step, the largest of 1, 2, 5 × 10ⁿ that is at most a tenth
of the width; the low end rounds down and the high end up, so the range shown always holds the real one.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import floor, log10
from typing import Final

from toktra.agent.tray.language import _
from toktra.wire.schedule import DAYS, MINUTES_A_DAY, DatedWindow, Day, Window

NBSP: Final = "\u00a0"


def count(number: int) -> str:
    """Grouped by thousands: 49 889."""
    return f"{number:,}".replace(",", NBSP)


def size(number_of_bytes: int) -> str:
    """In decimal units: 13.9 kB."""
    for power, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number_of_bytes >= power:
            value = number_of_bytes / power
            return f"{_decimal(value, 1) if value < 99.95 else count(round(value))}{NBSP}{unit}"
    return f"{number_of_bytes}{NBSP}B"


def tokens(low: int, high: int) -> str:
    """A range: 150 – 210 k."""
    step = _step(high - low)
    low, high = low // step * step, -(-high // step) * step
    # Translators: a million and a thousand, behind a number
    for power, unit, least in ((6, _("M"), 6), (3, _("k"), 4)):
        if high >= 10**least:
            decimals = max(0, power - floor(log10(step)))
            return f"{_span(low / 10**power, high / 10**power, decimals)}{NBSP}{unit}"
    return _span(low, high, 0)


def clock(moment: datetime) -> str:
    """The time on this device's clock, 24 hours."""
    return f"{moment.astimezone():%H:%M}"


def day(on: date, today: date) -> str:
    """A date near `today` by its name: today, tomorrow, Wed 18 Nov."""
    if on == today:
        return _("today")
    if on == today + timedelta(days=1):
        return _("tomorrow")
    written = _("{weekday} {day} {month}").format(weekday=day_names()[on.weekday()], day=on.day, month=_month(on))
    return written if on.year == today.year else f"{written}{NBSP}{on.year}"


def moment(at: datetime, now: datetime) -> str:
    """When something will be, or was: 13:00, or tomorrow, 07:00."""
    local, today = at.astimezone(), now.astimezone().date()
    return clock(at) if local.date() == today else f"{day(local.date(), today)}, {clock(at)}"


def day_names() -> tuple[str, ...]:
    """From Monday, in short."""
    return (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))


def long_day_names() -> tuple[str, ...]:
    """From Monday, for a screen reader."""
    return (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))


def minute(of_day: int) -> str:
    """Minutes after midnight as a clock shows them, up to 24:00."""
    return f"{of_day // 60:02}:{of_day % 60:02}"


def window(one: Window) -> str:
    """A window of a schedule: Mon – Fri, 12:00 – 13:00."""
    days = _date(one.on) if isinstance(one, DatedWindow) else _days(one.days)
    if (one.start_minute, one.end_minute) == (0, MINUTES_A_DAY):
        return ", ".join((days, _("the whole day")))
    return f"{days}, {minute(one.start_minute)}{NBSP}–{NBSP}{minute(one.end_minute)}"


def _date(on: date) -> str:
    return _("{weekday} {day} {month}").format(weekday=day_names()[on.weekday()], day=on.day, month=_month(on)) + (
        f"{NBSP}{on.year}"
    )


def _days(days: tuple[Day, ...]) -> str:
    names = day_names()
    if days == DAYS:
        return _("every day")
    first, last = DAYS.index(days[0]), DAYS.index(days[-1])
    if len(days) > 2 and last - first == len(days) - 1:
        return f"{names[first]}{NBSP}–{NBSP}{names[last]}"
    return ", ".join(names[DAYS.index(one)] for one in days)


def _month(on: date) -> str:
    return (
        _("Jan"),
        _("Feb"),
        _("Mar"),
        _("Apr"),
        _("May"),
        _("Jun"),
        _("Jul"),
        _("Aug"),
        _("Sep"),
        _("Oct"),
        _("Nov"),
        _("Dec"),
    )[on.month - 1]


def _step(width: int) -> int:
    power = 10 ** max(0, floor(log10(max(1, width))) - 1)
    return max(step for step in (1, power, 2 * power, 5 * power, 10 * power) if step == 1 or step * 10 <= width)


def _span(low: float, high: float, decimals: int) -> str:
    ends = [_decimal(end, decimals) for end in (low, high)]
    return ends[0] if low == high else f"{ends[0]}{NBSP}–{NBSP}{ends[1]}"


def _decimal(value: float, decimals: int) -> str:
    # Translators: the sign before the decimals of a number, as in 13.9
    return f"{value:,.{decimals}f}".replace(",", NBSP).replace(".", _("."))
