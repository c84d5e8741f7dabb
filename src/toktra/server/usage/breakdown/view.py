"""What a reader asks of the usage page, read from its address, and addresses of the views beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlencode

from toktra.catalogue.providers import Kind
from toktra.server.usage.period import Window
from toktra.server.web.language import _

PATH: Final = "/usage"
MOST_DAYS: Final = 1830
"""Five years and their leap days: no retention is longer."""
MOST_HOURLY_DAYS: Final = 7
Chosen = TypeVar("Chosen", bound=StrEnum)
_SHORT: Final = 45
"""Days that a chart shows one by one without being asked; up to four times as many go by weeks."""


class Period(StrEnum):
    """As it stands in the address; the dates of the last are said beside it."""

    SEVEN_DAYS = "7d"
    THIRTY_DAYS = "30d"
    THIS_MONTH = "month"
    DATES = "dates"


class Against(StrEnum):
    """What a period is compared with."""

    BEFORE = "before"
    YEAR = "year"
    NOTHING = "nothing"


class Measure(StrEnum):
    """What the chart draws."""

    TOKENS = "tokens"
    COST = "cost"
    EXCHANGES = "exchanges"
    BYTES = "bytes"


class Grouping(StrEnum):
    """What one line stands for."""

    PROVIDER = "provider"
    KIND = "kind"
    HOST = "host"
    DEPARTMENT = "department"


class Grain(StrEnum):
    """How long one point of the chart is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class UnusableView(ValueError):
    """The address asks for something that is not there. The text says what, for its reader; `field` names the part."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One view of an organisation's use. `first` and `last` are days (UTC), both included."""

    period: Period
    first: date
    last: date
    against: Against
    measure: Measure
    by: Grouping
    grain: Grain
    provider: str
    """Only this provider (its id); empty for all."""
    kind: Kind | None
    """Only providers of this kind."""
    department: str
    """Only people of this department; empty for all."""

    @classmethod
    def read(cls, asked: Mapping[str, str], today: date) -> View:
        """The view that an address asks for on a day. Raises UnusableView."""
        first, last = _day(asked, "from"), _day(asked, "to")
        default = Period.DATES if first or last else Period.THIRTY_DAYS
        period = choice(asked, "period", Period, default)
        first, last = _dates(period, first, last, today)
        days = (last - first).days + 1
        grain = choice(asked, "grain", Grain, _usual_grain(days))
        if grain is Grain.HOUR and days > MOST_HOURLY_DAYS:
            sentence = _("Hours are shown for at most %(n)s days. Choose a shorter period, or days.")
            raise UnusableView("grain", sentence % {"n": MOST_HOURLY_DAYS})
        department = asked.get("department", "")[:200]
        provider = asked.get("provider", "")[:100]
        by = choice(asked, "by", Grouping, Grouping.HOST if provider else Grouping.PROVIDER)
        kind = asked.get("kind")
        if department or by is Grouping.DEPARTMENT:
            last = min(last, today - timedelta(days=1))
            if first > last:
                raise UnusableView(
                    "from", _("Departments are shown up to the end of yesterday. Choose an earlier day.")
                )
            grain = Grain.DAY if grain is Grain.HOUR else grain
        return cls(
            period=period,
            first=first,
            last=last,
            against=choice(asked, "against", Against, Against.BEFORE),
            measure=choice(asked, "measure", Measure, Measure.TOKENS),
            by=by,
            grain=grain,
            provider=provider,
            kind=choice(asked, "kind", Kind, next(iter(Kind))) if kind else None,
            department=department,
        )

    @property
    def is_by_department(self) -> bool:
        """Whether anything in it is told of a department; then it ends with yesterday."""
        return bool(self.department) or self.by is Grouping.DEPARTMENT

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def window(self, now: datetime) -> Window:
        """From the first midnight to the end of the last day, or of this hour when the last day is today."""
        end = min(_midnight(self.last + timedelta(days=1)), _next_hour(now))
        return Window(_midnight(self.first), end)

    def window_against(self, now: datetime) -> Window | None:
        """What it is compared with: as many days and hours, either just before or on the same dates a year before."""
        own = self.window(now)
        match self.against:
            case Against.NOTHING:
                return None
            case Against.BEFORE:
                if self.period is Period.THIS_MONTH:
                    first = (self.first - timedelta(days=1)).replace(day=1)
                    start = _midnight(first)
                    return Window(start, min(start + (own.end - own.start), own.start))
                back = timedelta(days=self.days)
                return Window(own.start - back, own.end - back)
            case Against.YEAR:
                start = _midnight(_a_year_before(self.first))
                return Window(start, start + (own.end - own.start))

    def with_(self, **changes: object) -> View:
        """The same view but for these parts."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def href(self) -> str:
        """The address of this view; what goes without saying is left out."""
        return self.elsewhere(PATH)

    @property
    def csv_href(self) -> str:
        return self.elsewhere(PATH + ".csv")

    def elsewhere(self, path: str) -> str:
        """The same view at another address."""
        said: dict[str, str] = {}
        if self.period is Period.DATES:
            said |= {"from": self.first.isoformat(), "to": self.last.isoformat()}
        elif self.period is not Period.THIRTY_DAYS:
            said["period"] = self.period
        usual: dict[str, tuple[str, str]] = {
            "against": (self.against, Against.BEFORE),
            "measure": (self.measure, Measure.TOKENS),
            "by": (self.by, Grouping.HOST if self.provider else Grouping.PROVIDER),
            "grain": (self.grain, _usual_grain(self.days)),
            "provider": (self.provider, ""),
            "kind": (self.kind or "", ""),
            "department": (self.department, ""),
        }
        said |= {name: str(value) for name, (value, plain) in usual.items() if value != plain}
        return f"{path}?{urlencode(said)}" if said else path


def of_period(view: View, period: Period, today: date) -> View:
    """The same view of another named period, in the grain that suits it."""
    first, last = _dates(period, None, None, today)
    return view.with_(period=period, first=first, last=last, grain=_usual_grain((last - first).days + 1))


def _dates(period: Period, first: date | None, last: date | None, today: date) -> tuple[date, date]:
    match period:
        case Period.SEVEN_DAYS:
            return today - timedelta(days=6), today
        case Period.THIRTY_DAYS:
            return today - timedelta(days=29), today
        case Period.THIS_MONTH:
            return today.replace(day=1), today
        case Period.DATES:
            return _checked(first or last or today, last or today, today)


def days_asked(asked: Mapping[str, str], newest: date) -> tuple[date, date]:
    """The period `from` and `to` of an address, of which `newest` can be the last day. Raises UnusableView."""
    first, last = _day(asked, "from"), _day(asked, "to")
    return _checked(first or last or newest, last or newest, newest)


def _checked(first: date, last: date, newest: date) -> tuple[date, date]:
    if last > newest:
        sentence = _("The period may not end after %(day)s. Choose an earlier day as its end.")
        raise UnusableView("to", sentence % {"day": newest.isoformat()})
    if first > last:
        raise UnusableView("from", _("The period begins after it ends. Exchange the two dates."))
    if (last - first).days >= MOST_DAYS:
        raise UnusableView("from", _("The period is longer than five years. Choose a later beginning."))
    return first, last


def _day(asked: Mapping[str, str], field: str) -> date | None:
    text = asked.get(field)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1970 <= day.year <= 9000 or len(text) != len("2026-11-20"):
        sentence = _("“%(value)s” is not a date. Write it as year, month and day: 2026-11-20.")
        raise UnusableView(field, sentence % {"value": text[:40]})
    return day


def choice(asked: Mapping[str, str], field: str, of: type[Chosen], usual: Chosen) -> Chosen:
    """What an address chooses among few. Raises UnusableView, which lists them."""
    text = asked.get(field)
    if not text:
        return usual
    try:
        return of(text)
    except ValueError:
        choices = ", ".join(of)
        sentence = _("“%(value)s” is no choice for %(field)s. There are: %(choices)s.")
        raise UnusableView(field, sentence % {"value": text[:40], "field": field, "choices": choices}) from None


def _usual_grain(days: int) -> Grain:
    if days == 1:
        return Grain.HOUR
    return Grain.DAY if days <= _SHORT else Grain.WEEK if days <= 4 * _SHORT else Grain.MONTH


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _next_hour(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _a_year_before(day: date) -> date:
    """The same date; 28 February for a leap day."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
