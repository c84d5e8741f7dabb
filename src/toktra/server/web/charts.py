"""Charts drawn on the server as SVG: they need no script, they print, and every length is an attribute (strict CSP)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from markupsafe import Markup, escape

from toktra.server.web import figures
from toktra.server.web.figures import NBSP, Interval

_HIDDEN: Final = 'aria-hidden="true" focusable="false"'
_WIDTH: Final = 1000
_HEIGHT: Final = 240
_LINE_GAP: Final = 17.0
"""Between two lines of small text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One day of a chart: an estimate with its range."""

    low: float
    middle: float
    high: float


def whisker(interval: Interval, top: float, kind: str, *, exact: bool = False) -> Markup:
    """A range as a bar between two caps; an exact number as a bar from zero. `kind` is now or prev."""
    start, end = _per_cent(interval.low, top), _per_cent(interval.high, top)
    if exact:
        body = f'<rect class="w-{kind}" x="0" y="3.5" width="{end:.1f}%" height="5"/>'
    else:
        width = max(end - start, 0.8)
        caps = "".join(f'<line class="w-cap-{kind}" x1="{x:.1f}%" x2="{x:.1f}%" y1="1" y2="11"/>' for x in (start, end))
        body = (
            '<line class="w-base" x1="0" x2="100%" y1="6" y2="6"/>'
            f'<rect class="w-{kind}" x="{start:.1f}%" y="3.5" width="{width:.1f}%" height="5"/>{caps}'
        )
    return _svg(f"<svg {_HIDDEN}>{body}</svg>")


def ranges(now: Interval, before: Interval | None, top: float) -> Markup:
    """Two ranges in one table cell: this period over the one it is compared with."""
    parts = ['<line class="w-base" x1="0" x2="100%" y1="8" y2="8"/>']
    for interval, kind, y, height in ((now, "now", 2, 5), (before, "prev", 10, 3)):
        if interval is not None:
            start = _per_cent(interval.low, top)
            width = max(_per_cent(interval.high, top) - start, 1)
            parts.append(f'<rect class="w-{kind}" x="{start:.1f}%" y="{y}" width="{width:.1f}%" height="{height}"/>')
    return _svg(f'<svg class="cellw" {_HIDDEN}>{"".join(parts)}</svg>')


def bar(interval: Interval, top: float) -> Markup:
    """Solid to the low end, pale to the high end."""
    low, high = _per_cent(interval.low, top), _per_cent(interval.high, top)
    return _svg(
        f'<svg class="bar__g" {_HIDDEN}><rect class="b-track" width="100%" height="10"/>'
        f'<rect class="b-low" width="{low:.1f}%" height="10"/>'
        f'<rect class="b-range" x="{low:.1f}%" width="{high - low:.1f}%" height="10"/>'
        f'<line class="b-cap" x1="{high:.1f}%" x2="{high:.1f}%" y1="0" y2="10"/></svg>'
    )


def coverage(share: float) -> Markup:
    """How much of what could report did."""
    return _svg(
        f'<svg class="cov" {_HIDDEN}><rect class="cov__t" width="100%" height="6"/>'
        f'<rect class="cov__v" width="{_per_cent(share, 1):.0f}%" height="6"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis: its top, and labels from the top down to 0. The unit stands once, at the top."""

    top: float
    labels: tuple[str, ...]

    @classmethod
    def reaching(
        cls, most: float, units: Sequence[tuple[int, str, int]] = figures.COUNT_UNITS, currency: str = ""
    ) -> Axis:
        """Four round steps that reach at least `most`, in `units`, with the sign of a `currency`."""
        least_step = Decimal(str(max(most, 4))) / 4
        power = Decimal(10) ** least_step.adjusted()
        multiples = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
        step = next(multiple * power for multiple in multiples if multiple * power >= least_step)
        top = step * 4
        power_of_unit, unit = next(((power, name) for power, name, least in units if top >= 10**least), (0, ""))
        values = [figures.shortest((step * place).scaleb(-power_of_unit)) for place in (4, 3, 2, 1, 0)]
        if unit:
            values[0] = f"{values[0]}{NBSP}{unit}"
        if currency:
            values[0] = figures.with_currency(values[0], currency)
        return cls(float(top), tuple(values))


BYTE_UNITS: Final = ((12, "TB", 12), (9, "GB", 9), (6, "MB", 6), (3, "kB", 3), (0, "B", 0))
"""Power of ten, its name, and the power from which an axis is written with it: as figures.size does."""


def timeline(
    points: Sequence[Point | None],
    before: Sequence[float | None],
    doubtful: Sequence[bool],
    axis: Axis,
    *,
    label: str,
    hatch: str,
    more: Sequence[Sequence[Point | None]] = (),
) -> Markup:
    """Days from left to right: the middle as a line, the range as a band, the period before as a dotted line.

    A day without any report is None: a gap, never a zero. Days that rest on few devices are `doubtful` and hatched.
    `hatch` is an id for that pattern, unique on the page. `more` are further lines, each with its own colour and dash.
    """
    lines = (points, *more)
    xs = _places(len(points))
    half = _WIDTH / max(1, len(points) - 1) / 2
    pattern = f'<pattern id="{escape(hatch)}" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform='
    parts = [f'<defs>{pattern}"rotate(45)"><path class="g-hatch" d="M0 0V8"/></pattern></defs>']
    for first, last in _stretches(doubtful):
        left, right = max(0.0, xs[first] - half), min(float(_WIDTH), xs[last] + half)
        box = f'x="{left:.0f}" y="0" width="{right - left:.0f}" height="{_HEIGHT}"'
        parts.append(f'<rect class="g-low" {box}/><rect fill="url(#{escape(hatch)})" {box}/>')
    parts += [f'<path class="g-grid" d="M0 {_HEIGHT * place // 4}H{_WIDTH}"/>' for place in range(4)]
    for number, line in enumerate(lines, 1):
        parts += [_band(run, axis.top, number) for run in _runs(line, xs) if _has_width(run)]
    for first, last in _stretches([value is not None for value in before]):
        known = [(xs[place], value) for place, value in enumerate(before[first : last + 1], first) if value is not None]
        parts.append(f'<path class="g-prev" d="{_path(known, axis.top)}"/>')
    for number, line in enumerate(lines, 1):
        for run in _runs(line, xs):
            middle = [(x, point.middle) for x, point in run]
            parts.append(f'<path class="g-line s{number} d{number}" d="{_path(middle, axis.top)}"/>')
            x, value = middle[-1]
            if x == xs[-1] or len(run) == 1:
                parts.append(f'<path class="g-dot s{number}" d="M{x:.0f} {_y(value, axis.top):.1f}h0.01"/>')
    parts.append(f'<path class="g-zero" d="M0 {_HEIGHT}H{_WIDTH}"/>')
    return _svg(
        f'<svg class="plot__svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def line_ends(names: Sequence[tuple[str, float]], top: float) -> Markup:
    """The name of each line at its right end, kept apart where ends are close; lower ends stand lower."""
    places: list[tuple[float, str]] = []
    for y, name in sorted((_y(value, top), name) for name, value in names):
        places.append((max(y, places[-1][0] + _LINE_GAP) if places else y, name))
    below = _HEIGHT + _LINE_GAP
    texts = []
    for y, name in reversed(places):
        below = min(y, below - _LINE_GAP)
        texts.append(f'<text x="2" y="{below / _HEIGHT * 100:.1f}%" dy="4">{escape(name)}</text>')
    return _svg(f"<svg {_HIDDEN}>{''.join(reversed(texts))}</svg>")


def time_axis(labels: Sequence[str]) -> Markup:
    """Labels under a timeline, each at its day; an empty text leaves its day without one."""
    texts = []
    for place, (x, text) in enumerate(zip(_places(len(labels)), labels, strict=True)):
        if text:
            anchor = "middle" if 0 < place < len(labels) - 1 else "start" if place == 0 < len(labels) - 1 else "end"
            anchor = "middle" if len(labels) == 1 else anchor
            texts.append(f'<text x="{x / _WIDTH * 100:.2f}%" y="12" text-anchor="{anchor}">{escape(text)}</text>')
    return _svg(f'<svg class="plot__days" {_HIDDEN}>{"".join(texts)}</svg>')


def _runs(points: Sequence[Point | None], xs: Sequence[float]) -> list[list[tuple[float, Point]]]:
    """The unbroken runs of a line, each point with its place."""
    return [
        [(xs[place], point) for place, point in enumerate(points[first : last + 1], first) if point]
        for first, last in _stretches([point is not None for point in points])
    ]


def _has_width(run: Sequence[tuple[float, Point]]) -> bool:
    """Whether there is a range to draw: counted numbers have none."""
    return any(point.high > point.low for _x, point in run)


def _band(run: Sequence[tuple[float, Point]], top: float, number: int) -> str:
    if len(run) == 1:
        x, point = run[0]
        high, low = _y(point.high, top), _y(point.low, top)
        left, right = max(0, x - 8), min(_WIDTH, x + 8)
        box = f'x="{left:.0f}" y="{high:.1f}" width="{right - left:.0f}" height="{max(low - high, 1):.1f}"'
        return f'<rect class="g-band f{number}" {box}/>'
    upper = _path([(x, point.high) for x, point in run], top)
    lower = _path([(x, point.low) for x, point in reversed(run)], top)
    return f'<path class="g-band f{number}" d="{upper} L{lower[1:]} Z"/>'


def _path(line: Sequence[tuple[float, float]], top: float) -> str:
    return "M" + " L".join(f"{x:.0f} {_y(value, top):.1f}" for x, value in line)


def _places(number: int) -> list[float]:
    return [_WIDTH / 2] if number == 1 else [place * _WIDTH / (number - 1) for place in range(number)]


def _stretches(marked: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last place of every unbroken run of marked places."""
    start: int | None = None
    for place, here in enumerate([*marked, False]):
        if here and start is None:
            start = place
        elif not here and start is not None:
            yield start, place - 1
            start = None


def _y(value: float, top: float) -> float:
    return _HEIGHT - value / top * _HEIGHT


def _per_cent(value: float, top: float) -> float:
    return min(100.0, max(0.0, value / top * 100)) if top > 0 else 0.0


def _svg(text: str) -> Markup:
    """Marks text as safe: every part is a number formatted here, a constant, or escaped above."""
    return Markup(text)  # noqa: S704
