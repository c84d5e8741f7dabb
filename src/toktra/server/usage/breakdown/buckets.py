"""The points of the chart: a period cut into hours, days, weeks or months, each with what it rests on. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from toktra.server.usage.breakdown.lines import Amounts, Line, Summing, key_of, parted
from toktra.server.usage.breakdown.view import Grain, View
from toktra.server.usage.coverage import Coverage
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


@dataclass(frozen=True, slots=True)
class Uses:
    """A period's rows by day. Their sum is read from the whole, of which there is a fraction of the parts."""

    whole: Sequence[HostDay]
    parts: Sequence[HostDay]
    """The same use, divided as the view asks."""

    @classmethod
    def undivided(cls, rows: Sequence[HostDay]) -> Self:
        """Of a view that divides by what each row says itself."""
        return cls(rows, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a period: by day, and for a view by hours those of the days that may be shown so."""

    of_days: Uses
    of_hours: Mapping[datetime, Sequence[HostDay]]
    withheld: frozenset[date]
    """Days whose hours stay unsaid."""


def cut(rows: Rows, coverage: Sequence[Coverage], drawn: Sequence[Line], window: Window, of: Cutting) -> list[Bucket]:
    """The period's buckets in order. `coverage` has every day of the window."""
    of_day = {day.day: day for day in coverage}
    if of.view.grain is Grain.HOUR:
        whole = parts = dict(rows.of_hours)
    else:
        whole, parts = (_by_bucket(own, of.view.grain, window) for own in (rows.of_days.whole, rows.of_days.parts))
    used = {use.day for use in rows.of_days.whole}  # a device may report a day later
    buckets = []
    for start, days in _spans(of.view.grain, window):
        standing = _together([of_day[day] for day in days])
        is_unsaid = days[0] in rows.withheld or not (standing.reported or used.intersection(days))
        by_line = parted(parts.get(start, ()), key_of(of.view.by))
        buckets.append(
            Bucket(
                start=start,
                first=days[0],
                last=days[-1],
                coverage=standing,
                amounts=None if is_unsaid else tuple(of.sum(by_line.get(line.key, [])) for line in drawn),
                together=None if is_unsaid else of.sum(whole.get(start, [])),
            )
        )
    return buckets


def _by_bucket(rows: Sequence[HostDay], grain: Grain, window: Window) -> dict[datetime, Sequence[HostDay]]:
    found: dict[datetime, list[HostDay]] = defaultdict(list)
    starts = {day: _start_of(day, grain, window) for day in window.days}
    for use in rows:
        found[starts[use.day]].append(use)
    return dict(found)


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
