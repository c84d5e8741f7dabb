"""The form of a week: what was typed becomes a schedule, or errors by field with everything typed kept.

The form works without script: its buttons post it whole, and a row is added or taken away in the answer, saved or not.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Final, Self

from toktra.server.privacy_hours.words import DAY_NAMES, clock
from toktra.server.web.language import _
from toktra.wire.portal import MOST_A_DAY, MOST_DATES
from toktra.wire.schedule import (
    DAYS,
    FIRST_DATE,
    LAST_DATE,
    MINUTES_A_DAY,
    DatedWindow,
    Day,
    Schedule,
    WeeklyWindow,
    Window,
    by_day,
    joined,
)

SAVE: Final = "save"
_TIME: Final = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?")
_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){1,2}|UTC")
_NO_ZONES: Final = ("posix/", "right/")


@dataclass(frozen=True, slots=True)
class Row:
    """One window as it is typed. `on` is for single dates alone."""

    start: str = ""
    end: str = ""
    on: str = ""

    @property
    def is_blank(self) -> bool:
        return not (self.start.strip() or self.end.strip() or self.on.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekForm:
    """What the fields hold, and what is wrong with them."""

    zone: str
    version: int
    """Of the week that was read, so that two pages do not overwrite each other."""
    days: Mapping[Day, tuple[Row, ...]]
    dates: tuple[Row, ...] = ()
    title: str = ""
    """For a works agreement."""
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, schedule: Schedule | None, version: int, *, zone: str = "", title: str = "") -> Self:
        """As it is stored; a row for each window."""
        days: dict[Day, list[Row]] = {day: [] for day in DAYS}
        dates: list[Row] = []
        windows = by_day(schedule.windows) if schedule else ()
        for window in sorted(windows, key=lambda one: (one.start_minute, one.end_minute)):
            row = Row(clock(window.start_minute), clock(window.end_minute))
            if isinstance(window, DatedWindow):
                dates.append(replace(row, on=window.on.isoformat()))
            else:
                days[window.days[0]].append(row)
        return cls(
            zone=schedule.zone if schedule else zone,
            version=version,
            days={day: tuple(rows) for day, rows in days.items()},
            dates=tuple(sorted(dates, key=lambda row: row.on)),
            title=title,
        )

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Self:
        """As it was posted. Rows without anything in them fall away."""
        days = {day: _rows(fields, day, MOST_A_DAY) for day in DAYS}
        version = fields.get("version", "")
        return cls(
            zone=fields.get("zone", "").strip()[:64],
            version=int(version) if re.fullmatch("[0-9]{1,16}", version) else -1,
            days=days,
            dates=_rows(fields, "date", MOST_DATES),
            title=" ".join(fields.get("title", "").split()),
        )

    def after(self, act: str) -> Self:
        """After a button other than "save": add-mon, drop-mon-2, add-date, drop-date-1, copy."""
        verb, _dash, rest = act.partition("-")
        where, _dash, number = rest.partition("-")
        if verb == "copy":
            return replace(self, days={**self.days, **dict.fromkeys(DAYS[:5], self.days["mon"])})
        rows = self.dates if where == "date" else self.days.get(_day(where), ())
        if verb == "add":
            rows = (*rows, Row("12:00", "13:00") if where != "date" else Row("00:00", "24:00"))
        elif verb == "drop" and number.isdigit():
            rows = tuple(row for place, row in enumerate(rows, 1) if place != int(number))
        if where == "date":
            return replace(self, dates=rows[:MOST_DATES])
        return replace(self, days={**self.days, _day(where): rows[:MOST_A_DAY]})

    def schedule(self) -> Schedule:
        """The schedule that was typed. Raises WeekRefused with an error for each field at fault."""
        errors: dict[str, str] = {}
        windows: list[Window] = []
        if self.zone not in zones():
            errors["zone"] = _("Time zone: give one like Europe/Berlin. Your windows are read in it.")
        for day, rows in self.days.items():
            for place, row in enumerate(rows, 1):
                where = _("%(day)s, window %(number)s") % {"day": DAY_NAMES[day], "number": place}
                if hours := _hours(row, f"{day}-{place}", where, errors):
                    windows.append(WeeklyWindow(days=(day,), start_minute=hours[0], end_minute=hours[1]))
        for place, row in enumerate(self.dates, 1):
            where = _("Date %(number)s") % {"number": place}
            on = _date(row, f"date-{place}", where, errors)
            if (hours := _hours(row, f"date-{place}", where, errors)) and on:
                windows.append(DatedWindow(on=on, start_minute=hours[0], end_minute=hours[1]))
        if errors:
            raise WeekRefused(replace(self, errors=errors))
        return Schedule(zone=self.zone, windows=joined(windows))

    def with_error(self, name: str, sentence: str) -> Self:
        """The same with one more thing that is wrong."""
        return replace(self, errors={**self.errors, name: sentence})


class WeekRefused(Exception):
    """Nothing was saved; `form` says which fields are why."""

    def __init__(self, form: WeekForm) -> None:
        super().__init__("; ".join(form.errors.values()))
        self.form = form


@cache
def zones() -> tuple[str, ...]:
    """The time zones that can be chosen, by name; a device is likely to know them too. Read once: it takes a while."""
    known = (name for name in zoneinfo.available_timezones() if _ZONE.fullmatch(name))
    return tuple(sorted(name for name in known if not name.startswith(_NO_ZONES)))


def _rows(fields: Mapping[str, str], where: str, most: int) -> tuple[Row, ...]:
    rows = (
        Row(*(fields.get(f"{where}-{place}-{part}", "").strip()[:10] for part in ("from", "to", "on")))
        for place in range(1, most + 1)
    )
    return tuple(row for row in rows if not row.is_blank)


def _hours(row: Row, name: str, where: str, errors: dict[str, str]) -> tuple[int, int] | None:
    """Start and end in minutes. An end before the start lies on the next day, as on the device."""
    start, end = _minute(row.start), _minute(row.end)
    if start is None or start == MINUTES_A_DAY:
        errors[f"{name}-from"] = _("%(where)s: give a beginning from 00:00 to 23:59.") % {"where": where}
    if end is None:
        errors[f"{name}-to"] = _("%(where)s: give an end from 00:00 to 24:00.") % {"where": where}
    if start is None or end is None or start == MINUTES_A_DAY:
        return None
    if start == end:
        errors[f"{name}-to"] = _("%(where)s begins and ends at the same time. A whole day is 00:00 to 24:00.") % {
            "where": where
        }
        return None
    return start, end or MINUTES_A_DAY


def _minute(text: str) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    minute = 60 * int(match[1]) + int(match[2] or 0)
    return minute if int(match[2] or 0) < 60 and minute <= MINUTES_A_DAY else None


def _date(row: Row, name: str, where: str, errors: dict[str, str]) -> date | None:
    try:
        on = date.fromisoformat(row.on)
    except ValueError:
        on = None
    if on is None or not FIRST_DATE <= on <= LAST_DATE:
        errors[f"{name}-on"] = _("%(where)s: give a day like 2027-12-24.") % {"where": where}
        return None
    return on


def _day(name: str) -> Day:
    """Monday for a name that is none: a button that nobody has."""
    return next((day for day in DAYS if day == name), "mon")
