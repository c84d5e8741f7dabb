"""The periods a reader can choose, and the equally long time before each that it is compared with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from toktra.server.web import figures
from toktra.server.web.language import _


class Period(StrEnum):
    """As it stands in the address."""

    SEVEN_DAYS = "7d"
    THIRTY_DAYS = "30d"
    THIS_MONTH = "month"


DEFAULT: Final = Period.SEVEN_DAYS


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` (midnight UTC) up to, not including, `end` (a full hour UTC)."""

    start: datetime
    end: datetime

    @property
    def first_day(self) -> date:
        return self.start.date()

    @property
    def last_day(self) -> date:
        return (self.end - timedelta(microseconds=1)).date()

    @property
    def days(self) -> list[date]:
        return [self.first_day + timedelta(days=place) for place in range((self.last_day - self.first_day).days + 1)]


@dataclass(frozen=True, slots=True)
class Span:
    """A period as of now: its window, the window before, and how the page calls them."""

    period: Period
    current: Window
    before: Window

    @property
    def title(self) -> str:
        match self.period:
            case Period.SEVEN_DAYS:
                return _("AI use in the last 7 days")
            case Period.THIRTY_DAYS:
                return _("AI use in the last 30 days")
            case Period.THIS_MONTH:
                return _("AI use in %(month)s") % {"month": figures.month(self.current.first_day)}

    @property
    def dates(self) -> str:
        return figures.days(self.current.first_day, self.current.last_day)

    @property
    def dates_before(self) -> str:
        return figures.days(self.before.first_day, self.before.last_day)


def span(period: Period, now: datetime) -> Span:
    """The windows of a period. The one before ends at the same hour of its own last day, so like meets like."""
    now = now.astimezone(UTC)
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if period is Period.THIS_MONTH:
        start = datetime.combine(now.date().replace(day=1), time(), UTC)
        start_before = datetime.combine((start - timedelta(days=1)).date().replace(day=1), time(), UTC)
        return Span(period, Window(start, end), Window(start_before, min(start_before + (end - start), start)))
    length = timedelta(days=7 if period is Period.SEVEN_DAYS else 30)
    start = datetime.combine(now.date(), time(), UTC) - length + timedelta(days=1)
    return Span(period, Window(start, end), Window(start - length, end - length))
