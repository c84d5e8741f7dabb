"""Windows in words, as a person reads them."""

from __future__ import annotations

from typing import Final

from toktra.server.web import figures
from toktra.server.web.language import _
from toktra.wire.schedule import DAYS, MINUTES_A_DAY, DatedWindow, Day, Window

DAY_NAMES: Final[dict[Day, str]] = {
    "mon": _("Monday"),
    "tue": _("Tuesday"),
    "wed": _("Wednesday"),
    "thu": _("Thursday"),
    "fri": _("Friday"),
    "sat": _("Saturday"),
    "sun": _("Sunday"),
}
_SHORT: Final[dict[Day, str]] = {
    "mon": _("Mon"),
    "tue": _("Tue"),
    "wed": _("Wed"),
    "thu": _("Thu"),
    "fri": _("Fri"),
    "sat": _("Sat"),
    "sun": _("Sun"),
}


def clock(minute: int) -> str:
    """12:30 for 750; 24:00 for the end of the day."""
    return f"{minute // 60:02}:{minute % 60:02}"


def hours_text(window: Window) -> str:
    """12:00–13:00, or that it is the whole day."""
    if (window.start_minute, window.end_minute) == (0, MINUTES_A_DAY):
        return _("all day")
    return f"{clock(window.start_minute)}–{clock(window.end_minute)}"


def window_text(window: Window) -> str:
    """Mon–Fri 12:00–13:00; Every day 22:00–06:00; Fri 24 Dec 2027 all day."""
    if isinstance(window, DatedWindow):
        return f"{figures.one_day(window.on)} {hours_text(window)}"
    return f"{_days_text(window.days)} {hours_text(window)}"


def _days_text(days: tuple[Day, ...]) -> str:
    if days == DAYS:
        return _("Every day")
    places = [DAYS.index(day) for day in days]
    if len(days) > 2 and places[-1] - places[0] == len(days) - 1:
        return f"{_SHORT[days[0]]}–{_SHORT[days[-1]]}"
    return ", ".join(str(_SHORT[day]) for day in days)


def plain_text(window: Window) -> str:
    """mon,tue 19:00-07:00, in every language, for what is stored."""
    days = window.on.isoformat() if isinstance(window, DatedWindow) else ",".join(window.days)
    return f"{days} {clock(window.start_minute)}-{clock(window.end_minute)}"
