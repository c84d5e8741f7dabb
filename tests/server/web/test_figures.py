"""Ranges share a step and always hold the real range; changes claim no more than both ranges allow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.web import figures
from toktra.server.web.figures import Direction


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


def plain(text: str) -> str:
    """With ordinary spaces, for reading in a test."""
    return text.replace(figures.NBSP, " ")


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0, 0, "0"),
        (7, 7, "7"),
        (12, 19, "12 – 19"),
        (3_610, 5_480, "3 600 – 5 500"),
        (6_910, 14_205, "6.5 – 14.5 k"),
        (7_512_345, 16_480_000, "7.5 – 16.5 M"),
        (690_400_000, 895_000_000, "680 – 900 M"),
        (1_230_000_000, 2_950_000_000, "1.2 – 3.0 bn"),
        (0, 999_999, "0 – 1.00 M"),
    ],
)
def test_tokens(low: int, high: int, shown: str) -> None:
    assert plain(figures.tokens(Interval(low, high))) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.0, 0.0, "$ 0"),
        (0.0003, 0.0041, "$ 0 – 0.01"),
        (0.412, 0.977, "$ 0.40 – 1.00"),
        (7_843.2, 9_911.5, "$ 7 800 – 10 000"),
        (88.1, 179.6, "$ 85 – 180"),
    ],
)
def test_money(low: float, high: float, shown: str) -> None:
    assert plain(figures.money(Interval(low, high), "$")) == shown


UNITS = {"": 1, "k": 10**3, "M": 10**6, "bn": 10**9}


@given(st.integers(0, 10**14), st.integers(0, 10**14))
def test_a_shown_range_holds_the_real_one_and_is_hardly_wider(one: int, other: int) -> None:
    low, high = sorted((one, other))
    text = plain(figures.tokens(Interval(low, high)))
    match = re.fullmatch(r"([\d .]+?)(?: – ([\d .]+?))?(?: (k|M|bn))?", text)
    assert match, text
    unit = UNITS[match[3] or ""]
    first = float(match[1].replace(" ", "")) * unit
    last = float((match[2] or match[1]).replace(" ", "")) * unit
    assert first <= low * (1 + 1e-9)
    assert last >= high * (1 - 1e-9)
    assert (last - first) <= (high - low) * 1.2 + 2 + high * 1e-9


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_shown_cost_holds_the_real_one(one: float, other: float) -> None:
    low, high = sorted((one, other))
    shown = plain(figures.money(Interval(low, high), "$"))
    numbers = [float(n.replace(" ", "")) for n in re.findall(r"\d[\d .]*", shown)]
    assert numbers[0] <= low
    assert numbers[-1] >= high


@pytest.mark.parametrize(
    ("now", "before", "direction", "words"),
    [
        ((100, 120), (90, 110), Direction.LEVEL, "No clear change"),
        ((100, 120), (120, 130), Direction.LEVEL, "No clear change"),
        ((130, 150), (100, 120), Direction.UP, "Up 8–50 %"),
        ((100, 110), (130, 150), Direction.DOWN, "Down 15–34 %"),
        ((5, 9), (0, 0), Direction.UP, "Up from nothing"),
        ((5, 9), (0, 4), Direction.UP, "Up 25 % or more"),
        ((0, 0), (5, 9), Direction.DOWN, "Down 100 %"),
        ((0, 0), (0, 0), Direction.LEVEL, "No clear change"),
    ],
)
def test_change(now: tuple[int, int], before: tuple[int, int], direction: Direction, words: str) -> None:
    change = figures.change(Interval(*now), Interval(*before))
    assert (change.direction, plain(change.words)) == (direction, words)


@given(*[st.integers(0, 10**9)] * 4)
def test_a_change_is_claimed_only_when_the_ranges_do_not_meet(a: int, b: int, c: int, d: int) -> None:
    now, before = Interval(*sorted((a, b))), Interval(*sorted((c, d)))
    change = figures.change(now, before)
    assert (change.direction is Direction.LEVEL) == (now.low <= before.high and before.low <= now.high)


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (3, 3, "No change"),
        (3, 0, "Up from nothing"),
        (113, 100, "Up 13 %"),
        (50, 100, "Down 50 %"),
        (1001, 1000, "Up less than 1 %"),
        (999, 1000, "Down less than 1 %"),
        (1000, 100, "10 times as many"),
    ],
)
def test_counted_change(now: int, before: int, words: str) -> None:
    assert plain(figures.counted_change(now, before).words) == words


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (13_900_000_000, "13.9 GB"),
    ],
)
def test_size(number: int, shown: str) -> None:
    assert plain(figures.size(number)) == shown


NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(seconds=-20), "under a minute ago"),
        (timedelta(seconds=59), "under a minute ago"),
        (timedelta(minutes=6), "6 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=2), "at 12:30"),
        (timedelta(hours=15), "Sat 21 Nov"),
    ],
)
def test_age(passed: timedelta, shown: str) -> None:
    assert plain(figures.age(NOW - passed, NOW)) == shown


@pytest.mark.parametrize(
    ("of", "shown"), [(NOW.date(), "today"), (date(2026, 11, 21), "yesterday"), (date(2026, 11, 18), "Wed 18 Nov")]
)
def test_age_in_days(of: date, shown: str) -> None:
    assert plain(figures.age_in_days(of, NOW.date())) == shown


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (date(2026, 11, 1), date(2026, 11, 20), "1–20 Nov 2026"),
        (date(2026, 10, 25), date(2026, 11, 23), "25 Oct – 23 Nov 2026"),
        (date(2025, 12, 30), date(2026, 1, 5), "30 Dec 2025 – 5 Jan 2026"),
        (date(2026, 11, 1), date(2026, 11, 1), "1 Nov 2026"),
    ],
)
def test_days(first: date, last: date, shown: str) -> None:
    assert plain(figures.days(first, last)) == shown
