"""Between knots a straight line, beyond them level; a later request is as far between two curves as it is long."""

from __future__ import annotations

import pytest

from toktra.catalogue.curves import Curves, Grid, Situations

AT = (0.0, 1.0, 3.0)
RISING = ((0.0, 0.1, 0.2), (2.0, 0.3, 0.2), (4.0, 0.3, 0.6))
LEVEL = ((10.0, 1.0, 1.0),) * 3


@pytest.mark.parametrize(("x", "expected"), [(-5, 0.0), (0, 0.0), (0.5, 1.0), (1, 2.0), (2, 3.0), (3, 4.0), (5, 4.0)])
def test_a_curve_joins_its_knots_and_is_level_beyond_them(x: float, expected: float) -> None:
    assert Curves(AT, RISING)(x)[0] == pytest.approx(expected)
    assert Situations(AT, RISING, RISING, LEVEL).first(x)[0] == pytest.approx(expected)
    assert Situations(AT, LEVEL, RISING, LEVEL).later(x, 0.0)[0] == pytest.approx(expected)


def test_only_the_middle_may_rise_beyond_the_last_knot() -> None:
    assert Curves(AT, RISING, slope_beyond=1.0)(5.0) == pytest.approx((6.0, 0.3, 0.6))
    assert Situations(AT, LEVEL, RISING, RISING, slope_beyond=1.0).later(5.0, 0.5) == pytest.approx((6.0, 0.3, 0.6))


@pytest.mark.parametrize(("long", "expected"), [(0.0, 2.0), (0.25, 4.0), (1.0, 10.0)])
def test_a_later_request_lies_between_short_and_long(long: float, expected: float) -> None:
    assert Situations(AT, RISING, RISING, LEVEL).later(1.0, long)[0] == pytest.approx(expected)


def test_widening_leaves_the_middle() -> None:
    wide = Situations(AT, RISING, RISING, LEVEL).widened(2.0)
    assert wide.first(1.0) == pytest.approx((2.0, 0.6, 0.4))
    assert wide.later(1.0, 1.0) == pytest.approx((10.0, 2.0, 2.0))


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(0, 0, 1.0), (0.5, 0, 2.0), (0.5, 0.5, 2.5), (1, 1, 4.0), (-9, 9, 2.0), (9, 9, 4.0)]
)
def test_a_grid_is_straight_along_both_axes_and_level_beyond(x: float, y: float, expected: float) -> None:
    assert Grid((0.0, 1.0), (0.0, 1.0), ((1.0, 2.0), (3.0, 4.0)))(x, y) == pytest.approx(expected)
