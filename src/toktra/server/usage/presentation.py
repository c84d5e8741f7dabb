"""The Overview in words, labels and drawings: everything its templates would otherwise have to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from markupsafe import Markup

from toktra.server.costs import money
from toktra.server.usage.overview import ChartDay, Newest, Overview, Standing
from toktra.server.usage.period import Period
from toktra.server.web import charts, figures
from toktra.server.web.figures import Change, Direction, Interval
from toktra.server.web.language import _, ngettext

SHOWN_PROVIDERS: Final = 10


@dataclass(frozen=True, slots=True)
class PeriodLink:
    """One choice of period."""

    href: str
    label: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One total of the strip."""

    value: str
    now: Interval
    before: Interval | None
    top: float
    trend: Change


@dataclass(frozen=True, slots=True)
class Exactly:
    """A counted number as a bar from zero."""

    high: float
    low: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """The page as its templates need it; `of` holds the figures themselves."""

    of: Overview
    periods: list[PeriodLink]
    label_now: str
    label_before: str
    freshness: str
    coverage: str
    cost: Tile | None
    tokens: Tile
    exchanges: Tile
    people: Tile | None
    axis: charts.Axis
    chart: Markup
    chart_days: Markup
    has_doubtful: bool
    compares: bool
    top_provider: float
    more_providers: int
    said: str

    @property
    def is_empty(self) -> bool:
        return self.of.standing is not Standing.FIGURES

    @property
    def standing(self) -> str:
        """The name of the empty state, for the template."""
        return self.of.standing.name


def present(found: Overview) -> Presentation:
    """Words and drawings for these figures."""
    before = found.totals_before
    compared = found.span.dates_before if found.is_comparable else None
    tokens = _tile(
        figures.tokens(found.totals.tokens), found.totals.tokens, before.tokens if before else None, compared
    )
    cost = None
    if found.totals.cost is not None:
        shown = money.amount_range(found.totals.cost, found.totals.currency)
        cost = _tile(shown, found.totals.cost, before.cost if before else None, compared)
    exchanges = _counted_tile(found.totals.exchanges, before.exchanges if before else None, compared)
    return Presentation(
        of=found,
        periods=_periods(found),
        label_now=_label(found, of_now=True),
        label_before=_label(found, of_now=False),
        freshness=_freshness(found.newest, found.made_at),
        coverage=_coverage(found),
        cost=cost,
        tokens=tokens,
        exchanges=exchanges,
        people=None
        if found.people is None
        else _counted_tile(found.people, found.people_before, compared, least_top=found.people_known),
        axis=(axis := _axis(found)),
        chart=charts.timeline(
            [_point(day) for day in found.days],
            found.middles_before,
            [day.coverage.is_low for day in found.days],
            axis,
            label=_summary(found),
            hatch="low-days",
        ),
        chart_days=charts.time_axis(_day_labels(found.days)),
        has_doubtful=any(day.coverage.is_low for day in found.days),
        compares=any(middle is not None for middle in found.middles_before),
        top_provider=max((provider.tokens.high for provider in found.providers), default=0),
        more_providers=max(0, len(found.providers) - SHOWN_PROVIDERS),
        said=_said(tokens, cost, found),
    )


def _tile(value: str, now: Interval, before: Interval | None, compared: str | None) -> Tile:
    top = max(now.high, before.high if before else 0) * 1.04
    change = figures.change(now, before) if before else None
    return Tile(value=value, now=now, before=before, top=top, trend=_trend(change, compared))


def _counted_tile(now: int, before: int | None, compared: str | None, *, least_top: int = 0) -> Tile:
    top = max(now, before or 0, least_top) * 1.04
    change = figures.counted_change(now, before) if before is not None else None
    return Tile(
        value=figures.count(now),
        now=Exactly(now),
        before=Exactly(before) if before is not None else None,
        top=top,
        trend=_trend(change, compared),
    )


def _trend(change: Change | None, compared: str | None) -> Change:
    """The change as a sentence; `compared` names the period before, None when it cannot be compared with."""
    if change is None:
        return Change(Direction.LEVEL, _("Nothing before to compare with"))
    if compared is None:
        return Change(Direction.LEVEL, _("Too few devices to compare"))
    words = _("%(change)s from %(dates)s") if change.direction is Direction.LEVEL else _("%(change)s on %(dates)s")
    return Change(change.direction, words % {"change": change.words, "dates": compared})


def _periods(found: Overview) -> list[PeriodLink]:
    labels = {
        Period.SEVEN_DAYS: _("7 days"),
        Period.THIRTY_DAYS: _("30 days"),
        Period.THIS_MONTH: figures.month(found.made_at.date()),
    }
    return [PeriodLink(f"/?period={period}", label, period is found.span.period) for period, label in labels.items()]


def _label(found: Overview, *, of_now: bool) -> str:
    if found.span.period is Period.THIS_MONTH:
        window = found.span.current if of_now else found.span.before
        return figures.short_month(window.first_day)
    return _("Now") if of_now else _("Before")


def _freshness(newest: Newest | None, now: datetime) -> str:
    if newest is None:
        return _("no record yet")
    return figures.age(newest.at, now) if newest.at else figures.age_in_days(newest.day, now.date())


def _coverage(found: Overview) -> str:
    return ngettext("%(reported)s of %(n)s device", "%(reported)s of %(n)s devices", found.reporting.enrolled) % {
        "reported": figures.count(found.reporting.reported),
        "n": figures.count(found.reporting.enrolled),
    }


def _axis(found: Overview) -> charts.Axis:
    highs = [float(day.tokens.interval.high) for day in found.days if day.tokens]
    befores = [middle for middle in found.middles_before if middle is not None]
    return charts.Axis.reaching(max([*highs, *befores], default=0.0))


def _point(day: ChartDay) -> charts.Point | None:
    if day.tokens is None:
        return None
    interval = day.tokens.interval
    return charts.Point(low=interval.low, middle=day.tokens.middle, high=interval.high)


def _day_labels(days: Sequence[ChartDay]) -> list[str]:
    """At most seven labels, the first and the last with their month."""
    every = max(1, -(-(len(days) - 1) // 6))
    last = len(days) - 1
    labels = []
    for place, day in enumerate(days):
        if place in (0, last):
            labels.append(figures.short_day(day.coverage.day))
        else:
            crowds_an_end = min(place, last - place) < 1.5 * every
            labels.append("" if crowds_an_end or (last - place) % every else str(day.coverage.day.day))
    return labels


def _summary(found: Overview) -> str:
    """The chart in words, for those who hear it."""
    days = [day for day in found.days if day.tokens]
    sentences = [_("Estimated tokens a day, %(dates)s, with the 90 percent interval.") % {"dates": found.span.dates}]
    if days:
        most = max(days, key=lambda day: day.tokens.middle if day.tokens else 0)
        if most.tokens:
            sentences.append(
                _("Most on %(day)s: %(tokens)s.")
                % {"day": figures.day(most.coverage.day), "tokens": figures.tokens(most.tokens.interval)}
            )
    silent = sum(1 for day in found.days if day.tokens is None and day.coverage.enrolled and day.coverage.is_over)
    if silent:
        sentences.append(
            ngettext("No device reported on %(n)s day.", "No device reported on %(n)s days.", silent) % {"n": silent}
        )
    sentences.append(_("The table view has the same figures."))
    return " ".join(sentences)


def _said(tokens: Tile, cost: Tile | None, found: Overview) -> str:
    return _("Updated. Cost %(cost)s, tokens %(tokens)s, %(exchanges)s.") % {
        "cost": cost.value if cost else _("unpriced"),
        "tokens": tokens.value,
        "exchanges": figures.exchanges(found.totals.exchanges),
    }
