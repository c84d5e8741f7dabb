"""Numbers as words: ranges with a shared step, units joined by a no-break space, changes that admit doubt.

The rules are those of the visual language: both ends of a range share one step, the largest of 1, 2, 5 × 10ⁿ that is
at most a tenth of the width; the low end rounds down and the high end up, so the shown range always holds the real one.
Decimal signs, dates and the place of a currency are those of the reader's language (written_forms.py); examples here
are English. For files that programs read this is the wrong place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from functools import lru_cache
from math import ceil, floor
from typing import Final, Protocol

from toktra.server.web import written_forms
from toktra.server.web.language import _, ngettext, spoken
from toktra.server.web.written_forms import forms

NBSP: Final = written_forms.NBSP
_MOST_REMEMBERED: Final = 4096
"""Ranges in words, of which a chart by the hour has a thousand, and nearly all again on the next page."""
COUNT_UNITS: Final = (
    # Translators: a thousand million, behind a number
    (9, _("bn"), 9),
    # Translators: a million, behind a number
    (6, _("M"), 6),
    # Translators: a thousand, behind a number
    (3, _("k"), 4),
)
"""Power of ten, its name, and the power from which a number is written with it."""


class Interval(Protocol):
    """Anything with two ends: a range of tokens or of dollars."""

    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def count(number: int) -> str:
    """A counted number, grouped by thousands: 49 889."""
    return forms().number(number)


def decimal(number: float | Decimal, decimals: int) -> str:
    """A number with so many decimals, grouped by thousands: 1 240.50."""
    return forms().number(number, decimals)


def shortest(number: Decimal) -> str:
    """A number with as many decimals as it has."""
    return decimal(number, len(f"{number.normalize():f}".partition(".")[2]))


def tokens(interval: Interval) -> str:
    """A range of tokens: 690 – 900 M. The unit follows the upper end; a step is never under one token."""
    return _tokens(interval.low, interval.high, spoken())


@lru_cache(_MOST_REMEMBERED)
def _tokens(least: float, most: float, _language: str) -> str:
    low, high, step = _outward(least, most, least_step=Decimal(1))
    for power, unit, written_from in COUNT_UNITS:
        if high >= Decimal(10) ** written_from:
            return f"{_span(low, high, step, power)}{NBSP}{unit}"
    return _span(low, high, step, 0)


def money(interval: Interval, currency: str) -> str:
    """A range of money: € 7 800 – 10 000. A step is never under a cent. `currency` is its sign or code."""
    return _money(interval.low, interval.high, currency, spoken())


@lru_cache(_MOST_REMEMBERED)
def _money(least: float, most: float, currency: str, _language: str) -> str:
    low, high, step = _outward(least, most, least_step=Decimal("0.01"))
    decimals = 0 if step >= 1 else 2
    return with_currency(_ends(low, high, decimals), currency)


def with_currency(amount: str, currency: str) -> str:
    """An amount with its currency where the language has it: € 400."""
    return f"{amount}{NBSP}{currency}" if forms().currency_is_behind else f"{currency}{NBSP}{amount}"


def size(number_of_bytes: int) -> str:
    """A counted size in decimal units: 13.9 GB."""
    for power, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number_of_bytes >= power:
            value = number_of_bytes / power
            return f"{decimal(value, 1)}{NBSP}{unit}" if value < 99.95 else f"{count(round(value))}{NBSP}{unit}"
    return f"{number_of_bytes}{NBSP}B"


def percent(share: float) -> str:
    """A share between 0 and 1 in whole per cent."""
    return f"{round(share * 100)}{NBSP}%"


class Direction(StrEnum):
    """Which way something went; also the name of its icon."""

    UP = "up"
    DOWN = "down"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Change:
    """A change between two periods, in words that never claim more than both ranges allow."""

    direction: Direction
    words: str


def change(now: Interval, before: Interval) -> Change:
    """The change of an estimated total. No clear change when the two ranges meet."""
    if now.low <= before.high and before.low <= now.high:
        return Change(Direction.LEVEL, _("No clear change"))
    if now.low > before.high:
        if before.high <= 0:
            return Change(Direction.UP, _("Up from nothing"))
        least = floor((now.low / before.high - 1) * 100)
        if before.low <= 0 or now.high / before.low > 10:
            return Change(Direction.UP, _("Up %(least)s or more") % {"least": _percents(least)})
        most = ceil((now.high / before.low - 1) * 100)
        return Change(Direction.UP, _("Up %(span)s") % {"span": _percents(least, most)})
    least = floor((1 - now.high / before.low) * 100)
    most = ceil((1 - now.low / before.high) * 100)
    return Change(Direction.DOWN, _("Down %(span)s") % {"span": _percents(least, most)})


def counted_change(now: int, before: int) -> Change:
    """The change of a counted total."""
    if now == before:
        return Change(Direction.LEVEL, _("No change"))
    if before == 0:
        return Change(Direction.UP, _("Up from nothing"))
    if now >= 10 * before:
        return Change(Direction.UP, _("%(times)s times as many") % {"times": count(now // before)})
    changed = abs(now / before - 1)
    if changed < 0.005:  # it would be rounded to nothing
        words = _("Up less than %(share)s") if now > before else _("Down less than %(share)s")
    else:
        words = _("Up %(share)s") if now > before else _("Down %(share)s")
    return Change(Direction.UP if now > before else Direction.DOWN, words % {"share": percent(max(changed, 0.01))})


def day(of: date) -> str:
    """Wed 18 Nov."""
    return forms().date(of, forms().weekday_and_day)


def short_day(of: date) -> str:
    """18 Nov."""
    return forms().date(of, forms().day)


def short_month(of: date) -> str:
    """Nov, standing alone."""
    return forms().short_months_alone[of.month - 1]


def month(of: date) -> str:
    """November, standing alone."""
    return forms().months_alone[of.month - 1]


def short_month_of_year(of: date) -> str:
    """Nov 2026."""
    return forms().date(of, forms().short_month_of_year)


def month_of_year(of: date) -> str:
    """November 2026."""
    return forms().date(of, forms().month_of_year)


def days(first: date, last: date) -> str:
    """1–20 Nov 2026, or 25 Oct – 23 Nov 2026."""
    written = forms()
    end = written.date(last, written.day_of_year)
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return written.date(first, written.from_day_of_month) + end
    if first.year == last.year:
        return written.date(first, written.from_day_of_year) + end
    return written.date(first, written.from_day) + end


def one_day(of: date) -> str:
    """18 Nov 2026, for dates of any year."""
    return days(of, of)


def clock(at: datetime) -> str:
    """The time of day in UTC, 24 h: 09:14. The page names the zone once."""
    return f"{at.astimezone(UTC):%H:%M}"


def moment(at: datetime) -> str:
    """18 Nov 2026, 09:14, in UTC."""
    return f"{one_day(at.astimezone(UTC).date())}, {clock(at)}"


def age(at: datetime, now: datetime) -> str:
    """How long ago: in minutes under an hour, then the time, then the day."""
    passed = now - at
    if passed < timedelta(minutes=1):
        return _("under a minute ago")
    if passed < timedelta(hours=1):
        return _("%(minutes)s min ago") % {"minutes": passed // timedelta(minutes=1)}
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    return _("at %(time)s") % {"time": clock(at)} if at.date() == now.date() else day(at.date())


def age_in_days(of: date, today: date) -> str:
    """How long ago where only the day may be said."""
    if of >= today:
        return _("today")
    if of == today - timedelta(days=1):
        return _("yesterday")
    return day(of)


def exchanges(number: int) -> str:
    """A number of exchanges with its noun."""
    return ngettext("%(n)s exchange", "%(n)s exchanges", number) % {"n": count(number)}


def _percents(least: int, most: int | None = None) -> str:
    if most is None or most == least:
        return f"{count(least)}{NBSP}%"
    return f"{count(least)}–{count(most)}{NBSP}%"


def _outward(least: float, most: float, *, least_step: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Both ends on their shared step, rounded away from each other, and that step."""
    low, high = Decimal(str(least)), Decimal(str(most))
    step = max(_step_for(high - low), least_step)
    return (
        (low / step).to_integral_value(ROUND_FLOOR) * step,
        (high / step).to_integral_value(ROUND_CEILING) * step,
        step,
    )


def _step_for(width: Decimal) -> Decimal:
    """The largest of 1, 2, 5 × 10ⁿ that is at most a tenth of the width; nothing for no width."""
    tenth = width / 10
    if tenth <= 0:
        return Decimal(0)
    power = Decimal(10) ** tenth.adjusted()
    return next(multiple * power for multiple in (5, 2, 1) if multiple * power <= tenth)


def _span(low: Decimal, high: Decimal, step: Decimal, power: int) -> str:
    """Two ends divided by 10^power, with as many decimals as the step has left."""
    decimals = max(0, power - step.adjusted())
    return _ends(low.scaleb(-power), high.scaleb(-power), decimals)


def _ends(low: Decimal, high: Decimal, decimals: int) -> str:
    first, last = (forms().number(end, decimals if end else 0) for end in (low, high))
    return first if first == last else f"{first}{NBSP}–{NBSP}{last}"
