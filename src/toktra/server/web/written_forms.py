"""How each language writes numbers and dates: English as the visual language has it, any other as Unicode CLDR has it.

Digits are grouped by a no-break space in every language (ISO 80000-1): the sign that groups in one language is the
decimal sign of another, and figures that stand on a page are typed into forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from toktra.server.web.language import SOURCE, spoken

if TYPE_CHECKING:
    from babel import Locale

NBSP: Final = "\u00a0"
"""Groups digits and joins a number with its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """One language. Patterns take the fields of CLDR: E weekday, d day, MMM short month, MMMM month, y year."""

    decimal_sign: str
    currency_is_behind: bool
    """Whether a currency stands behind its amount."""
    weekdays: tuple[str, ...]
    """Short, as they stand in a date; Monday first."""
    short_months: tuple[str, ...]
    """As they stand in a date."""
    months: tuple[str, ...]
    short_months_alone: tuple[str, ...]
    months_alone: tuple[str, ...]
    weekday_and_day: str
    day: str
    day_of_year: str
    short_month_of_year: str
    month_of_year: str
    from_day_of_month: str
    """Before the last day, of a first day in the same month."""
    from_day_of_year: str
    from_day: str

    def number(self, value: float | Decimal, decimals: int = 0) -> str:
        """With so many decimals, grouped: 7 800.50."""
        return f"{value:,.{decimals}f}".translate({ord(","): NBSP, ord("."): self.decimal_sign})

    def date(self, of: date, pattern: str) -> str:
        """`pattern` is one of those here."""
        return pattern % {
            "E": self.weekdays[of.weekday()],
            "d": of.day,
            "MMM": self.short_months[of.month - 1],
            "MMMM": self.months[of.month - 1],
            "y": of.year,
        }


_SHORT_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ENGLISH: Final = Forms(
    decimal_sign=".",
    currency_is_behind=False,
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    short_months=_SHORT_MONTHS,
    months=_MONTHS,
    short_months_alone=_SHORT_MONTHS,
    months_alone=_MONTHS,
    weekday_and_day=f"%(E)s{NBSP}%(d)s{NBSP}%(MMM)s",
    day=f"%(d)s{NBSP}%(MMM)s",
    day_of_year=f"%(d)s{NBSP}%(MMM)s{NBSP}%(y)s",
    short_month_of_year=f"%(MMM)s{NBSP}%(y)s",
    month_of_year=f"%(MMMM)s{NBSP}%(y)s",
    from_day_of_month="%(d)s–",
    from_day_of_year=f"%(d)s{NBSP}%(MMM)s – ",
    from_day=f"%(d)s{NBSP}%(MMM)s{NBSP}%(y)s – ",
)


def forms() -> Forms:
    """Those of the language of this request."""
    return _forms(spoken())


@cache
def _forms(code: str) -> Forms:
    if code == SOURCE:
        return _ENGLISH
    from babel import Locale  # noqa: PLC0415 - slow to import, and English needs none of it

    locale = Locale.parse(code)
    spans = locale.interval_formats["yMMMd"]
    return Forms(
        decimal_sign=locale.number_symbols[locale.default_numbering_system]["decimal"],
        currency_is_behind=locale.currency_formats["standard"].pattern.rstrip().endswith("¤"),
        weekdays=_names(locale.days["format"]["abbreviated"], range(7)),
        short_months=_names(locale.months["format"]["abbreviated"], range(1, 13)),
        months=_names(locale.months["format"]["wide"], range(1, 13)),
        short_months_alone=_names(locale.months["stand-alone"]["abbreviated"], range(1, 13)),
        months_alone=_names(locale.months["stand-alone"]["wide"], range(1, 13)),
        weekday_and_day=_of_skeleton(locale, "MMMEd"),
        day=_of_skeleton(locale, "MMMd"),
        day_of_year=_of_skeleton(locale, "yMMMd"),
        short_month_of_year=_of_skeleton(locale, "yMMM"),
        month_of_year=_of_skeleton(locale, "yMMMM"),
        from_day_of_month=_of_pattern(spans["d"][0]),
        from_day_of_year=_of_pattern(spans["M"][0]),
        from_day=_of_pattern(spans["y"][0]),
    )


def _names(names: Mapping[int, str], places: range) -> tuple[str, ...]:
    return tuple(names[place] for place in places)


def _of_skeleton(locale: Locale, skeleton: str) -> str:
    return _joined(locale.datetime_skeletons[skeleton].format)


def _of_pattern(pattern: str) -> str:
    from babel.dates import parse_pattern  # noqa: PLC0415

    return _joined(parse_pattern(pattern).format)


def _joined(pattern: Any) -> str:
    """Dates stay on one line, and only between two of them a line may break."""
    return str(pattern).replace("\u2009–\u2009", " – ").replace(" ", NBSP).replace(f"{NBSP}–{NBSP}", " – ")
