"""Figures and dates in the language of the request: English as the visual language writes it, German as CLDR does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from babel.dates import format_skeleton

from toktra.server.costs import money
from toktra.server.web import figures, language
from toktra.server.web.charts import BYTE_UNITS, Axis
from toktra.server.web.written_forms import NBSP, forms


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    before = language._current.set("de")
    yield
    language._current.reset(before)


def plain(text: str) -> str:
    """With ordinary spaces, for reading in a test."""
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (lambda: figures.count(49_889), "49 889"),
        (lambda: figures.decimal(1_240.5, 2), "1 240,50"),
        (lambda: figures.shortest(Decimal("2.500")), "2,5"),
        (lambda: figures.shortest(Decimal("1E+3")), "1 000"),
        (lambda: figures.tokens(Interval(7_512_345, 16_480_000)), "7,5 – 16,5 Mio."),
        (lambda: figures.tokens(Interval(6_910, 14_205)), "6,5 – 14,5 Tsd."),
        (lambda: figures.tokens(Interval(1_230_000_000, 2_950_000_000)), "1,2 – 3,0 Mrd."),
        (lambda: figures.size(13_900_000_000), "13,9 GB"),
        (lambda: figures.percent(0.9), "90 %"),
        (lambda: figures.exchanges(1_200), "1 200 Austausche"),
        (lambda: money.amount_range(Interval(0.412, 0.977), "EUR"), "0,40 – 1,00 €"),
        (lambda: money.amount_range(Interval(7_843.2, 9_911.5), "CHF"), "7 800 – 10 000 CHF"),
        (lambda: money.exact_amount(1_240, "USD"), "1 240,00 $"),
        (lambda: money.round_amount(6_400, "EUR"), "6 400 €"),
        (lambda: money.round_amount(6_400.5, "EUR"), "6 400,50 €"),
        (lambda: money.price(0.075), "0,075 $"),
        (lambda: money.price(3), "3,00 $"),
        (lambda: Axis.reaching(9.1e8).labels[1], "0,75"),
        (lambda: Axis.reaching(9.1e8).labels[0], "1 Mrd."),
        (lambda: Axis.reaching(19_000, currency="€").labels[0], "20 Tsd. €"),
        (lambda: Axis.reaching(1_400_000, BYTE_UNITS).labels[0], "2 MB"),
    ],
)
def test_numbers_in_german(written: object, shown: str) -> None:
    assert callable(written)
    assert plain(written()) == shown


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (date(2026, 11, 1), date(2026, 11, 20), "1.–20. Nov. 2026"),
        (date(2026, 10, 25), date(2026, 11, 23), "25. Okt. – 23. Nov. 2026"),
        (date(2025, 12, 30), date(2026, 1, 5), "30. Dez. 2025 – 5. Jan. 2026"),
        (date(2026, 5, 1), date(2026, 5, 1), "1. Mai 2026"),
    ],
)
def test_days_in_german(first: date, last: date, shown: str) -> None:
    assert plain(figures.days(first, last)) == shown


def test_dates_in_german() -> None:
    of = date(2026, 11, 18)
    assert plain(figures.day(of)) == "Mi., 18. Nov."
    assert plain(figures.short_day(of)) == "18. Nov."
    assert (figures.month(of), figures.short_month(of)) == ("November", "Nov")
    assert plain(figures.month_of_year(of)) == "November 2026"
    assert plain(figures.short_month_of_year(of)) == "Nov. 2026"
    now = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    assert plain(figures.age(now - timedelta(minutes=6), now)) == "vor 6 Min."
    assert plain(figures.age(now - timedelta(hours=2), now)) == "um 12:30 Uhr"
    assert plain(figures.age(now - timedelta(hours=15), now)) == "Sa., 21. Nov."


@pytest.mark.parametrize("skeleton", ["MMMEd", "MMMd", "yMMMd", "yMMM", "yMMMM"])
def test_every_day_of_a_year_is_what_cldr_says(skeleton: str) -> None:
    german = forms()
    pattern = {
        "MMMEd": german.weekday_and_day,
        "MMMd": german.day,
        "yMMMd": german.day_of_year,
        "yMMM": german.short_month_of_year,
        "yMMMM": german.month_of_year,
    }[skeleton]
    for place in range(0, 366, 5):
        of = date(2028, 1, 1) + timedelta(days=place)
        assert plain(german.date(of, pattern)) == format_skeleton(skeleton, of, locale="de")


def test_english_stays_as_it_is() -> None:
    before = language._current.set("en")
    try:
        assert plain(figures.day(date(2026, 9, 16))) == "Wed 16 Sep"
        assert plain(money.amount_range(Interval(7_843.2, 9_911.5), "USD")) == "$ 7 800 – 10 000"
        assert plain(figures.tokens(Interval(7_512_345, 16_480_000))) == "7.5 – 16.5 M"
    finally:
        language._current.reset(before)
