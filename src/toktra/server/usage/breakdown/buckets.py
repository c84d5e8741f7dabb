"""The points of the chart: a period cut into hours, days, weeks or months, each with what it rests on. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from toktra.server.usage.breakdown.lines import Amounts, Line, Summing, key_of, parted
from toktra.server.usage.breakdown.view import Grain, View
from toktra.server.usage.overview import Coverage
from toktra.server.usage.period import Window
from toktra.server.usage.totals import HostDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One point of the chart, and how many of the devices reported in it.

    `amounts` (of each drawn line) and `together` (of all lines) are None where no device reported, and where hours
    are withheld; absence is not zero.
    """

    start: datetime
    first: date
    last: date
    coverage: Coverage
    amounts: tuple[Amounts, ...] | None
    together: Amounts | None


@dataclass(frozen=True, slots=True)
class Cutting:
    """How rows are divided and summed."""

    view: View
    sum: Summing


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a period: by day, and for a view by hours those of the days that may be shown so."""

    of_days: Sequence[HostDay]
    of_hours: Mapping[datetime, Sequence[HostDay]]
    withheld: frozenset[date]
    """Days whose hours stay unsaid."""


def cut(rows: Rows, coverage: Sequence[Coverage], drawn: Sequence[Line], window: Window, of: Cutting) -> list[Bucket]:
    """The period's buckets in order. `coverage` has every day of the window."""
    of_day = {day.day: day for day in coverage}
    found: dict[datetime, list[HostDay]] = defaultdict(list)
    if of.view.grain is Grain.HOUR:
        found.update({hour: list(own) for hour, own in rows.of_hours.items()})
    else:
        for use in rows.of_days:
            found[_start_of(use.day, of.view.grain, window)].append(use)
    used = {use.day for use in rows.of_days}  # a device may report a day later
    buckets = []
    for start, days in _spans(of.view.grain, window):
        standing = _together([of_day[day] for day in days])
        own = found.get(start, [])
        is_unsaid = days[0] in rows.withheld or not (standing.reported or used.intersection(days))
        parts = parted(own, key_of(of.view.by))
        buckets.append(
            Bucket(
                start=start,
                first=days[0],
                last=days[-1],
                coverage=standing,
                amounts=None if is_unsaid else tuple(of.sum(parts.get(line.key, [])) for line in drawn),
                together=None if is_unsaid else of.sum(own),
            )
        )
    return buckets


def _together(days: Sequence[Coverage]) -> Coverage:
    """The coverage of several days: device-days that reported, of those that could have."""
    if len(days) == 1:
        return days[0]
    return Coverage(days[0].day, sum(day.reported for day in days), sum(day.enrolled for day in days))


def _spans(grain: Grain, window: Window) -> list[tuple[datetime, list[date]]]:
    """The start of every bucket of the window, and the days it lies in."""
    if grain is Grain.HOUR:
        hours = (window.end - window.start) // timedelta(hours=1)
        starts = [window.start + timedelta(hours=place) for place in range(hours)]
        return [(start, [start.date()]) for start in starts]
    spans: dict[datetime, list[date]] = defaultdict(list)
    for day in window.days:
        spans[_start_of(day, grain, window)].append(day)
    return list(spans.items())


def _start_of(day: date, grain: Grain, window: Window) -> datetime:
    """The bucket a day falls into; the first bucket begins with the period, not before it."""
    if grain is Grain.WEEK:
        day = max(day - timedelta(days=day.weekday()), window.first_day)
    elif grain is Grain.MONTH:
        day = max(day.replace(day=1), window.first_day)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
