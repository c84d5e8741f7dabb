"""The week as a grid: what windows cover of it, and what a chosen stretch would be."""

from __future__ import annotations

from datetime import date

import pytest

from toktra.agent.privacy_hours.windows import format_window, parse_window
from toktra.agent.tray.week import SLOTS, Stretch, blocks, monday_of

MONDAY = date(2027, 1, 4)


@pytest.mark.parametrize(
    ("window", "covered"),
    [
        ("tue 12:00-13:00", [(1, 720, 780)]),
        ("sun 22:00-06:00", [(0, 0, 360), (6, 1320, 1440)]),
        ("mon 22:00-24:00", [(0, 1320, 1440)]),
        ("2027-01-06", [(2, 0, 1440)]),
        ("2027-01-03 23:00-01:00", [(0, 0, 60)]),
        ("2027-01-13", []),
    ],
)
def test_a_window_covers_its_part_of_each_day(window: str, covered: list[tuple[int, int, int]]) -> None:
    found = blocks([parse_window(window)], MONDAY)
    assert sorted((one.day, one.start_minute, one.end_minute) for one in found) == covered


def test_a_week_begins_on_monday() -> None:
    assert monday_of(date(2027, 1, 10)) == MONDAY == monday_of(MONDAY)


def test_a_stretch_is_the_same_hours_on_each_of_its_days() -> None:
    assert format_window(Stretch(4, 27, 0, 24).window()) == "mon-fri 12:00-14:00"
    assert format_window(Stretch(6, 0, 6, SLOTS - 1).window()) == "sun 00:00-24:00"


def test_it_moves_and_stretches_up_to_the_edge_of_the_week() -> None:
    one = Stretch(0, 24, 0, 25)
    assert one.moved(1, 0, stretching=False) == Stretch(1, 25, 1, 25)
    assert one.moved(1, 2, stretching=True) == Stretch(0, 24, 1, 27)
    assert one.moved(-9, -99, stretching=False) == Stretch(0, 0, 0, 0)
    assert one.moved(9, 99, stretching=True) == Stretch(0, 24, 6, SLOTS - 1)
