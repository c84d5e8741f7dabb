"""The address of the usage page: what it can ask, what it cannot, and that every view has one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.catalogue.providers import Kind
from toktra.server.usage.breakdown.view import Against, Grain, Grouping, Measure, Period, UnusableView, View, of_period

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 9, 40, tzinfo=UTC)


def view(**asked: str) -> View:
    return View.read({name.removesuffix("_"): value for name, value in asked.items()}, TODAY)


@given(
    first=st.integers(0, 500),
    length=st.integers(1, 400),
    against=st.sampled_from(Against),
    measure=st.sampled_from(Measure),
    by=st.sampled_from([Grouping.PROVIDER, Grouping.KIND, Grouping.HOST]),
    grain=st.sampled_from(Grain),
    provider=st.sampled_from(["", "openai"]),
    kind=st.sampled_from([None, *Kind]),
)
def test_the_address_of_a_view_asks_for_that_view(first: int, length: int, grain: Grain, **parts: object) -> None:
    last = TODAY - timedelta(days=first)
    days = min(length, 7) if grain is Grain.HOUR else length
    asked = view(from_=str(last - timedelta(days=days - 1)), to=str(last)).with_(grain=grain, **parts)
    assert View.read(dict(parse_qsl(urlsplit(asked.href).query)), TODAY) == asked


def test_nothing_said_is_the_last_thirty_days_by_provider() -> None:
    found = view()
    assert (found.first, found.last, found.by) == (date(2026, 10, 22), TODAY, Grouping.PROVIDER)
    assert found.href == "/usage"
    assert of_period(found, Period.SEVEN_DAYS, TODAY).href == "/usage?period=7d"


@pytest.mark.parametrize(
    ("days", "grain"), [(1, Grain.HOUR), (2, Grain.DAY), (45, Grain.DAY), (46, Grain.WEEK), (181, Grain.MONTH)]
)
def test_the_grain_suits_the_length(days: int, grain: Grain) -> None:
    assert view(from_=str(TODAY - timedelta(days=days - 1)), to=str(TODAY)).grain is grain


@pytest.mark.parametrize(
    ("asked", "field", "says"),
    [
        ({"from": "2026-02-30"}, "from", "“2026-02-30” is not a date"),
        ({"from": "20261101"}, "from", "not a date"),
        ({"to": "2026-11-21"}, "to", "may not end after 2026-11-20"),
        ({"from": "2026-11-10", "to": "2026-11-09"}, "from", "begins after it ends"),
        ({"from": "2020-01-01"}, "from", "longer than five years"),
        ({"period": "fortnight"}, "period", "There are: 7d, 30d, month, dates"),
        ({"measure": "minutes"}, "measure", "no choice for measure"),
        ({"against": "x" * 100}, "against", "“" + "x" * 40 + "”"),
        ({"kind": "toys"}, "kind", "no choice for kind"),
        ({"grain": "hour"}, "grain", "at most 7 days"),
    ],
)
def test_what_cannot_be_asked_is_named(asked: dict[str, str], field: str, says: str) -> None:
    with pytest.raises(UnusableView, match=says.replace("(", r"\(")) as refused:
        View.read(asked, TODAY)
    assert refused.value.field == field


def test_like_is_compared_with_like() -> None:
    now = view(period="7d").window(NOW)
    assert (now.start, now.end) == (datetime(2026, 11, 14, tzinfo=UTC), datetime(2026, 11, 20, 10, tzinfo=UTC))
    before = view(period="7d").window_against(NOW)
    assert before is not None
    assert before.end == datetime(2026, 11, 13, 10, tzinfo=UTC)
    month = view(period="month").window_against(NOW)
    assert month is not None
    assert (month.start, month.end) == (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 20, 10, tzinfo=UTC))
    year = view(period="month", against="year").window_against(NOW)
    assert year is not None
    assert (year.start, year.end) == (datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 11, 20, 10, tzinfo=UTC))
    assert view(against="nothing").window_against(NOW) is None


def test_a_leap_day_has_a_year_before() -> None:
    asked = View.read({"from": "2028-02-29", "to": "2028-02-29", "against": "year"}, date(2028, 3, 1))
    window = asked.window_against(datetime(2028, 3, 1, tzinfo=UTC))
    assert window is not None
    assert window.first_day == date(2027, 2, 28)


def test_departments_are_told_of_days_that_are_over() -> None:
    asked = view(by="department", period="7d")
    assert (asked.first, asked.last) == (date(2026, 11, 14), date(2026, 11, 19))
    assert View.read(dict(parse_qsl(urlsplit(asked.href).query)), TODAY) == asked
    assert view(department="Legal", from_="2026-11-18", to="2026-11-19", grain="hour").grain is Grain.DAY
    with pytest.raises(UnusableView, match="end of yesterday"):
        view(by="department", from_=str(TODAY), to=str(TODAY))
