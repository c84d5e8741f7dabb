"""The periods of a budget: calendar months, quarters and years, or the last so many days. Pure; days are UTC days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from toktra.server.web import figures
from toktra.server.web.language import _

_ONE: timedelta = timedelta(days=1)


class Every(StrEnum):
    """As stored."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """From the first day to the last, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def day_of(self, today: date) -> int:
        """Which of its days today is: 1 on the first, never more than it has."""
        return min((today - self.first).days + 1, self.days)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a budget begins anew."""

    every: Every
    rolling_days: int | None = None

    def around(self, day: date) -> Stretch:
        """The period that `day` is in; of a rolling one, that which ends with it."""
        if self.every is Every.ROLLING:
            return Stretch(day - timedelta(days=self._length - 1), day)
        first = _first(self.every, day)
        return Stretch(first, _first(self.every, first + timedelta(days=_LONGEST[self.every])) - _ONE)

    def before(self, stretch: Stretch) -> Stretch:
        """The period that ends just before."""
        return self.around(stretch.first - _ONE)

    def ended_between(self, first: date, last: date) -> Iterator[Stretch]:
        """Whole periods that begin on `first` or later and end on `last` or earlier, newest first."""
        stretch = self.around(last)
        if stretch.last > last:
            stretch = self.before(stretch)
        while stretch.first >= first:
            yield stretch
            stretch = self.before(stretch)

    @property
    def _length(self) -> int:
        if self.rolling_days is None:
            raise ValueError("a rolling budget says of how many days")
        return self.rolling_days

    @property
    def word(self) -> str:
        """A month."""
        match self.every:
            case Every.MONTH:
                return _("a month")
            case Every.QUARTER:
                return _("a quarter")
            case Every.YEAR:
                return _("a year")
            case Every.ROLLING:
                return _("in any %(days)s days") % {"days": self._length}

    def name(self, stretch: Stretch) -> str:
        """November 2026; Q4 2026; 2026; the days of a rolling one."""
        match self.every:
            case Every.MONTH:
                return figures.month_of_year(stretch.first)
            case Every.QUARTER:
                return _("Q%(number)s %(year)s") % {
                    "number": (stretch.first.month + 2) // 3,
                    "year": stretch.first.year,
                }
            case Every.YEAR:
                return str(stretch.first.year)
            case Every.ROLLING:
                return figures.days(stretch.first, stretch.last)


_LONGEST = {Every.MONTH: 31, Every.QUARTER: 92, Every.YEAR: 366}
"""Adding so many days to a first day reaches the next period and never the one after it."""


def _first(every: Every, day: date) -> date:
    match every:
        case Every.YEAR:
            return day.replace(month=1, day=1)
        case Every.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(day=1)
