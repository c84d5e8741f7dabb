"""The chart of a view: its title, lines, axes and labels, and the same in words and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from toktra.server.costs import money
from toktra.server.costs.ranges import Interval
from toktra.server.usage.breakdown.buckets import Bucket
from toktra.server.usage.breakdown.lines import Amounts
from toktra.server.usage.breakdown.service import Breakdown
from toktra.server.usage.breakdown.view import Grain, Grouping, Measure, View
from toktra.server.web import charts, figures
from toktra.server.web.language import _, ngettext

_LABELS_AT_MOST: Final = 6


@dataclass(frozen=True, slots=True)
class PointRow:
    """A row of the chart's table: its time, each drawn line and all together; None where nothing can or may be said."""

    label: str
    values: tuple[str, ...] | None
    devices: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The chart as its template needs it."""

    title: str
    axis: charts.Axis
    svg: Markup
    times: Markup
    ends: Markup
    rows: list[PointRow]
    has_doubtful: bool
    is_blank: bool
    """Nothing of it may be shown, so there is no line and no axis."""


def draw(found: Breakdown) -> Drawing:
    """The chart of these figures."""
    lines = _points(found)
    axis = _axis(found.view.measure, max((point.high for line in lines for point in line if point), default=0.0), found)
    doubtful = [bucket.coverage.is_low for bucket in found.buckets]
    first, *more = lines or [[]]
    return Drawing(
        title=_title(found.view),
        axis=axis,
        svg=charts.timeline(first, [], doubtful, axis, label=_summary(found), hatch="low-coverage", more=more),
        times=charts.time_axis(_time_labels(found.buckets, found.view.grain)),
        ends=charts.line_ends(_ends(found, lines), axis.top),
        rows=_rows(found),
        has_doubtful=any(doubtful),
        is_blank=not any(point for line in lines for point in line),
    )


def measure_words() -> dict[Measure, str]:
    """What is drawn, in words."""
    return {
        Measure.TOKENS: _("Tokens"),
        Measure.COST: _("Cost"),
        Measure.EXCHANGES: _("Exchanges"),
        Measure.BYTES: _("Bytes"),
    }


def _title(view: View) -> str:
    each = _each()[view.grain] % {"measure": measure_words()[view.measure]}
    grouping = {
        Grouping.PROVIDER: _("by provider"),
        Grouping.KIND: _("by kind of tool"),
        Grouping.HOST: _("by host"),
        Grouping.DEPARTMENT: _("by department"),
    }
    return f"{each} {grouping[view.by]}"


def _points(found: Breakdown) -> list[list[charts.Point | None]]:
    """For each drawn line its points."""
    return [
        [
            None if bucket.amounts is None else _point(bucket.amounts[place], found.view.measure)
            for bucket in found.buckets
        ]
        for place in range(len(found.drawn))
    ]


def _point(amounts: Amounts, measure: Measure) -> charts.Point:
    match measure:
        case Measure.TOKENS:
            return charts.Point(low=amounts.tokens.low, middle=amounts.tokens_middle, high=amounts.tokens.high)
        case Measure.COST:
            cost = amounts.cost or Interval(0, 0)
            return charts.Point(low=cost.low, middle=(cost.low + cost.high) / 2, high=cost.high)
        case Measure.EXCHANGES:
            return charts.Point(low=amounts.exchanges, middle=amounts.exchanges, high=amounts.exchanges)
        case Measure.BYTES:
            return charts.Point(low=amounts.size, middle=amounts.size, high=amounts.size)


def _axis(measure: Measure, most: float, found: Breakdown) -> charts.Axis:
    if measure is Measure.BYTES:
        return charts.Axis.reaching(most, charts.BYTE_UNITS)
    return charts.Axis.reaching(most, currency=money.sign(found.currency) if measure is Measure.COST else "")


def _ends(found: Breakdown, lines: Sequence[Sequence[charts.Point | None]]) -> list[tuple[str, float]]:
    """Names at the right end, of the lines that reach it."""
    return [
        (line.name, points[-1].middle)
        for line, points in zip(found.drawn, lines, strict=True)
        if points and points[-1] is not None
    ]


def _rows(found: Breakdown) -> list[PointRow]:
    rows = []
    for bucket in found.buckets:
        values = None
        if bucket.amounts is not None and bucket.together is not None:
            every = (*bucket.amounts, bucket.together)
            values = tuple(value_of(one, found.view.measure, found.currency) for one in every)
        rows.append(PointRow(_label(bucket, found.view.grain), values, _reported(bucket)))
    return rows


def value_of(amounts: Amounts, measure: Measure, currency: str) -> str:
    """The measured amount in words."""
    match measure:
        case Measure.TOKENS:
            return figures.tokens(amounts.tokens)
        case Measure.COST:
            return cost_of(amounts, currency)
        case Measure.EXCHANGES:
            return figures.count(amounts.exchanges)
        case Measure.BYTES:
            return figures.size(amounts.size)


def cost_of(amounts: Amounts, currency: str) -> str:
    """The cost in words, or why there is none."""
    if amounts.cost is not None:
        return money.amount_range(amounts.cost, currency)
    if not amounts.exchanges:
        return "–"
    return _("paid by the seat") if amounts.by_seat else _("unpriced")


def _reported(bucket: Bucket) -> str:
    if not bucket.coverage.enrolled:
        return _("none enrolled")
    return _("%(n)s of %(all)s") % {
        "n": figures.count(bucket.coverage.reported),
        "all": figures.count(bucket.coverage.enrolled),
    }


def _label(bucket: Bucket, grain: Grain) -> str:
    match grain:
        case Grain.HOUR:
            return f"{figures.day(bucket.first)}, {figures.clock(bucket.start)}"
        case Grain.DAY:
            return figures.day(bucket.first)
        case Grain.WEEK:
            return figures.days(bucket.first, bucket.last)
        case Grain.MONTH:
            return figures.month_of_year(bucket.first)


def _time_labels(buckets: Sequence[Bucket], grain: Grain) -> list[str]:
    """A few labels under the chart; the first and the last always."""
    every = max(1, -(-(len(buckets) - 1) // _LABELS_AT_MOST))
    last = len(buckets) - 1
    labels = []
    for place, bucket in enumerate(buckets):
        crowds_an_end = place not in (0, last) and min(place, last - place) < every
        if place not in (0, last) and (crowds_an_end or (last - place) % every):
            labels.append("")
        elif grain is Grain.HOUR and last < 2 * 24:
            labels.append(figures.clock(bucket.start))
        elif grain is Grain.MONTH:
            labels.append(figures.short_month_of_year(bucket.first))
        else:
            labels.append(figures.short_day(bucket.first))
    return labels


def _summary(found: Breakdown) -> str:
    """The chart in words, for those who hear it."""
    sentences = [f"{_title(found.view)}, {figures.days(found.view.first, found.view.last)}."]
    whole = [
        _("%(name)s: %(value)s.") % {"name": line.name, "value": value_of(line.now, found.view.measure, found.currency)}
        for line in found.drawn
    ]
    sentences += whole
    more = len(found.lines) - len(found.drawn)
    if more > 0:
        sentence = ngettext("%(n)s more is in the table.", "%(n)s more are in the table.", more)
        sentences.append(sentence % {"n": figures.count(more)})
    sentences.append(_("The table view has the same figures."))
    return " ".join(sentences)


def _each() -> dict[Grain, str]:
    return {
        Grain.HOUR: _("%(measure)s an hour"),
        Grain.DAY: _("%(measure)s a day"),
        Grain.WEEK: _("%(measure)s a week"),
        Grain.MONTH: _("%(measure)s a month"),
    }
