"""What is drawn is well-formed, stays inside its frame, says silence and zero apart, and escapes its texts."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.server.web import charts
from toktra.server.web.charts import Axis, Point


def point(middle: float) -> Point:
    return Point(low=middle * 0.8, middle=middle, high=middle * 1.3)


def drawn(
    points: list[Point | None], before: list[float | None] | None = None, doubtful: list[bool] | None = None
) -> ET.Element:
    axis = Axis.reaching(max([p.high for p in points if p] + [b for b in before or [] if b], default=0))
    svg = charts.timeline(
        points, before or [None] * len(points), doubtful or [False] * len(points), axis, label="Tokens a day", hatch="h"
    )
    return ET.fromstring(svg)


def classes(svg: ET.Element) -> list[str]:
    return [element.get("class", "") for element in svg.iter()]


def test_a_day_without_report_interrupts_the_line() -> None:
    svg = drawn([point(10), point(12), None, point(9), point(8)])
    assert classes(svg).count("g-line s1 d1") == 2


def test_neighbouring_doubtful_days_are_hatched_together() -> None:
    svg = drawn([point(10)] * 6, doubtful=[False, True, True, False, False, True])
    boxes = [e for e in svg.iter() if e.get("class") == "g-low"]
    assert [(box.get("x"), box.get("width")) for box in boxes] == [("100", "400"), ("900", "100")]


def test_a_day_without_use_is_a_point_at_zero_and_no_gap() -> None:
    svg = drawn([point(10), point(0), point(9)])
    (line,) = [e for e in svg.iter() if e.get("class") == "g-line s1 d1"]
    assert " 240.0" in (line.get("d") or "")
    assert "g-low" not in classes(svg)


def test_a_single_day_is_drawn_as_a_dot_with_its_range() -> None:
    svg = drawn([None, None, point(10)])
    assert "g-dot s1" in classes(svg)
    assert any(e.get("class") == "g-band f1" and e.tag == "rect" for e in svg.iter())
    assert "g-dot s1" in classes(drawn([point(3)]))


def test_the_period_before_is_a_line_of_its_own() -> None:
    assert classes(drawn([point(10), point(11)], [8.0, 9.0])).count("g-prev") == 1


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.builds(point, st.floats(0, 1e12)),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_everything_stays_inside_the_frame(points: list[Point | None]) -> None:
    for element in drawn(points).iter():
        for x, y in re.findall(
            r"[ML]?(-?[\d.]+) (-?[\d.]+)", element.get("d", "") if "g-l" in element.get("class", "") else ""
        ):
            assert 0 <= float(x) <= 1000
            assert -0.1 <= float(y) <= 240.1


@given(st.floats(0, 1e13))
def test_an_axis_reaches_its_value_in_four_round_steps(most: float) -> None:
    axis = Axis.reaching(most)
    assert axis.top >= most
    assert axis.top <= max(most, 4) * 2.51
    assert len(axis.labels) == 5
    assert axis.labels[-1] == "0"


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (78e6, ["80 M", "60", "40", "20", "0"]),
        (19_000, ["20 k", "15", "10", "5", "0"]),
        (1_900, ["2 000", "1 500", "1 000", "500", "0"]),
        (9.1e8, ["1 bn", "0.75", "0.5", "0.25", "0"]),
        (0, ["4", "3", "2", "1", "0"]),
    ],
)
def test_axis_labels_carry_the_unit_once(most: float, labels: list[str]) -> None:
    assert [label.replace("\u00a0", " ") for label in Axis.reaching(most).labels] == labels


@given(st.floats(0, 1e13))
def test_the_first_axis_label_is_the_top(most: float) -> None:
    axis = Axis.reaching(most)
    number, unit = re.fullmatch(r"([\d.\u00a0]*\d)(?:\u00a0(k|M|bn))?", axis.labels[0]).groups("")  # type: ignore[union-attr]
    assert float(number.replace("\u00a0", "")) * {"": 1, "k": 1e3, "M": 1e6, "bn": 1e9}[unit] == pytest.approx(axis.top)


def test_texts_are_escaped() -> None:
    svg = charts.timeline([point(1)], [None], [False], Axis.reaching(2), label='"><script>', hatch="h")
    assert "<script>" not in svg
    assert "<b>" not in charts.time_axis(["<b>"])


@pytest.mark.parametrize("number", [1, 2, 7, 30, 31])
def test_day_labels_lie_at_their_days(number: int) -> None:
    svg = ET.fromstring(charts.time_axis([str(place) for place in range(number)]))
    assert len(list(svg)) == number


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9))
def test_bars_and_whiskers_stay_within_100_per_cent(a: float, b: float, top: float) -> None:
    interval = Point(low=min(a, b), middle=0, high=max(a, b))
    for svg in (charts.bar(interval, top), charts.whisker(interval, top, "now"), charts.coverage(a)):
        ET.fromstring(svg)
        assert all(float(number) <= 100.8 for number in re.findall(r'"([\d.]+)%"', svg))
        assert "style=" not in svg
