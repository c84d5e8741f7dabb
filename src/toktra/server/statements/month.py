"""A calendar month (UTC) as statements know it: how it stands in addresses, and how much of it is over. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from toktra.server.usage.period import Window
from toktra.server.web import figures


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month with at least one day that is over. `last` is its last day that is."""

    first: date
    last: date

    @classmethod
    def of(cls, day: date, today: date) -> Month | None:
        """The month of a day; None when none of its days is over."""
        first = day.replace(day=1)
        last = min(_end(first), today - timedelta(days=1))
        return cls(first, last) if first <= last else None

    @classmethod
    def read(cls, text: str, today: date) -> Month | None:
        """The month that an address names, such as 2026-10; None when there is none, or no day of it is over."""
        if not re.fullmatch("20[0-9]{2}-(0[1-9]|1[0-2])", text):
            return None
        return cls.of(date.fromisoformat(f"{text}-01"), today)

    @property
    def is_over(self) -> bool:
        return self.last == _end(self.first)

    @property
    def key(self) -> str:
        """As it stands in addresses."""
        return f"{self.first:%Y-%m}"

    @property
    def name(self) -> str:
        return figures.month_of_year(self.first)

    @property
    def window(self) -> Window:
        midnight = datetime.combine(self.first, time(), UTC)
        return Window(midnight, midnight + (self.last - self.first) + timedelta(days=1))


def newest(today: date) -> Month:
    """The newest month that is over."""
    before = today.replace(day=1) - timedelta(days=1)
    return Month(before.replace(day=1), before)


def months_between(oldest: date, today: date) -> list[Month]:
    """Every month from the one of `oldest` to this one, newest first."""
    found, day = [], today
    while day >= oldest.replace(day=1):
        month = Month.of(day, today)
        if month is not None:
            found.append(month)
        day = day.replace(day=1) - timedelta(days=1)
    return found


def _end(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
