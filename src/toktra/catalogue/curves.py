"""The shapes the estimator's tables take: piecewise-linear functions in logarithms, looked up without any library."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain

Triple = tuple[float, float, float]


def _rises(at: Sequence[float], values: Sequence[tuple[float, ...]]) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple((after - before) / (at[i + 1] - at[i]) for before, after in zip(values[i], values[i + 1], strict=True))
        for i in range(len(at) - 1)
    )


class Curves:
    """Three piecewise-linear functions over the same knots: a logarithm, and how far its interval reaches each way.

    Level beyond their ends, but for the first, which may rise with `slope_beyond`.
    """

    __slots__ = ("_at", "_last", "_rises", "_slope_beyond", "_values")

    def __init__(self, at: Sequence[float], values: Sequence[Triple], slope_beyond: float = 0.0) -> None:
        self._at = tuple(at)
        self._values = tuple(values)
        self._last = at[-1]
        self._slope_beyond = slope_beyond
        self._rises = _rises(at, values)

    def widened(self, factor: float) -> Curves:
        """The same middle, with reaches `factor` times as long."""
        wider = [(middle, low * factor, high * factor) for middle, low, high in self._values]
        return Curves(self._at, wider, self._slope_beyond)

    def __call__(self, x: float) -> Triple:
        at = self._at
        if x >= self._last:
            middle, low, high = self._values[-1]
            return middle + self._slope_beyond * (x - self._last), low, high
        place = bisect_right(at, x) - 1
        if place < 0:
            return self._values[0]
        middle, low, high = self._values[place]
        middle_rise, low_rise, high_rise = self._rises[place]
        along = x - at[place]
        return (
            middle + middle_rise * along,
            low + low_rise * along,
            high + high_rise * along,
        )


class Situations:
    """Curves for three situations over the same knots: first request of a connection, later short one, later long one.

    A later request between short and long gets the average of their curves, weighted by how long it is.
    """

    __slots__ = (
        "_first",
        "_later_at",
        "_long",
        "_rises",
        "_short",
        "_slope_beyond",
        "_values",
    )

    def __init__(
        self,
        at: Sequence[float],
        first: Sequence[Triple],
        short: Sequence[Triple],
        long: Sequence[Triple],
        slope_beyond: float = 0.0,
    ) -> None:
        self._first = Curves(at, first, slope_beyond)
        self._short, self._long = tuple(short), tuple(long)
        self._later_at = tuple(at)
        self._values = tuple(tuple(chain(*pair)) for pair in zip(short, long, strict=True))
        self._rises = _rises(at, self._values)
        self._slope_beyond = slope_beyond

    def widened(self, factor: float) -> Situations:
        """The same middles, with reaches `factor` times as long."""
        first, short, long = (
            [(middle, low * factor, high * factor) for middle, low, high in triples]
            for triples in (self._first._values, self._short, self._long)
        )
        return Situations(self._later_at, first, short, long, self._slope_beyond)

    def first(self, x: float) -> Triple:
        """A first request's."""
        return self._first(x)

    def later(self, x: float, long: float) -> Triple:
        """A later request's, `long` being 0 for a short one, 1 for a long one."""
        at, last, beyond = self._later_at, len(self._later_at) - 1, 0.0
        place = bisect_right(at, x) - 1
        if place < 0:
            place, along = 0, 0.0
        elif place >= last:
            place, along, beyond = (
                last - 1,
                at[last] - at[last - 1],
                self._slope_beyond * (x - at[last]),
            )
        else:
            along = x - at[place]
        value, rise, short = self._values[place], self._rises[place], 1.0 - long
        return (
            short * (value[0] + rise[0] * along) + long * (value[3] + rise[3] * along) + beyond,
            short * (value[1] + rise[1] * along) + long * (value[4] + rise[4] * along),
            short * (value[2] + rise[2] * along) + long * (value[5] + rise[5] * along),
        )


class Grid:
    """A surface over two axes, straight between its knots and level beyond them."""

    __slots__ = ("_across", "_down", "_values")

    def __init__(
        self,
        down: Sequence[float],
        across: Sequence[float],
        values: Sequence[Sequence[float]],
    ) -> None:
        self._down, self._across = tuple(down), tuple(across)
        self._values = tuple(tuple(row) for row in values)

    def __call__(self, x: float, y: float) -> float:
        row, down = _place(self._down, x)
        column, across = _place(self._across, y)
        above, below = self._values[row], self._values[row + 1]
        return (1 - down) * ((1 - across) * above[column] + across * above[column + 1]) + down * (
            (1 - across) * below[column] + across * below[column + 1]
        )


def _place(at: tuple[float, ...], x: float) -> tuple[int, float]:
    """The interval of `at` that x is in, and how far along it, from 0 to 1."""
    if x <= at[0]:
        return 0, 0.0
    if x >= at[-1]:
        return len(at) - 2, 1.0
    place = bisect_right(at, x) - 1
    return place, (x - at[place]) / (at[place + 1] - at[place])
