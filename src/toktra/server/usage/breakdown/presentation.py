"""The usage page in words: everything its template would otherwise have to compute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from toktra.catalogue.providers import Kind
from toktra.server.costs import money
from toktra.server.usage.breakdown.drawing import Drawing, cost_of, draw, measure_words
from toktra.server.usage.breakdown.lines import Line, catalogue
from toktra.server.usage.breakdown.service import Breakdown
from toktra.server.usage.breakdown.view import Against, Grain, Grouping, Measure, Period, View, of_period
from toktra.server.usage.coverage import LOW_COVERAGE
from toktra.server.usage.kinds import KIND_WORDS
from toktra.server.web import figures
from toktra.server.web.figures import Change
from toktra.server.web.language import _


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing a reader can choose."""

    value: str
    label: str
    is_current: bool
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table in words."""

    line: Line
    href: str
    """The view of this line alone; empty where there is nothing to divide further."""
    change: Change | None
    cost: str
    is_priced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """The page as its template needs it; `of` holds the figures themselves."""

    of: Breakdown
    title: str
    crumbs: list[Choice]
    dates: str
    dates_against: str
    periods: list[Choice]
    againsts: list[Choice]
    measures: list[Choice]
    groupings: list[Choice]
    grains: list[Choice]
    kinds: list[Choice]
    departments: list[Choice]
    drawing: Drawing
    rows: list[Row]
    total: Row
    top: float
    coverage: str
    coverage_share: float
    is_low: bool
    forecast: str
    first_seen: list[str]

    @property
    def view(self) -> View:
        return self.of.view


def present(found: Breakdown, today: date) -> Presentation:
    """Words and drawings for these figures."""
    view = found.view
    reported = sum(day.reported for day in found.coverage)
    enrolled = sum(day.enrolled for day in found.coverage)
    against = found.window_against
    return Presentation(
        of=found,
        title=_title(found),
        crumbs=_crumbs(found),
        dates=figures.days(view.first, view.last),
        dates_against=figures.days(against.first_day, against.last_day) if against else "",
        periods=_periods(view, today),
        againsts=_againsts(found),
        measures=[Choice(one, measure_words()[one], one is view.measure) for one in Measure],
        groupings=[Choice(one, _groupings()[one], one is view.by) for one in Grouping],
        grains=[Choice(one, _grains()[one], one is view.grain) for one in Grain],
        kinds=[
            Choice("", _("All kinds"), view.kind is None),
            *(Choice(one, words, one is view.kind) for one, words in KIND_WORDS.items()),
        ],
        departments=[
            Choice("", _("All departments"), not view.department),
            *(Choice(name, name, name == view.department) for name in found.departments),
        ],
        drawing=draw(found),
        rows=[_row(found, line) for line in found.lines],
        total=_total(found),
        top=max(
            (one.tokens.high for line in found.lines for one in (line.now, line.before) if one is not None), default=0
        ),
        coverage=_coverage(reported, enrolled),
        coverage_share=reported / enrolled if enrolled else 0.0,
        is_low=enrolled > 0 and reported < LOW_COVERAGE * enrolled,
        forecast=_forecast(found),
        first_seen=found.first_seen,
    )


def _groupings() -> dict[Grouping, str]:
    return {
        Grouping.PROVIDER: _("Provider"),
        Grouping.KIND: _("Kind of tool"),
        Grouping.HOST: _("Host"),
        Grouping.DEPARTMENT: _("Department"),
    }


def _grains() -> dict[Grain, str]:
    return {
        Grain.HOUR: _("Hours"),
        Grain.DAY: _("Days"),
        Grain.WEEK: _("Weeks"),
        Grain.MONTH: _("Months"),
    }


def _title(found: Breakdown) -> str:
    view = found.view
    if view.provider:
        return _("Usage of %(name)s") % {"name": _provider_name(found)}
    if view.department:
        return _("Usage by %(name)s") % {"name": view.department}
    match view.by:
        case Grouping.PROVIDER:
            return _("Usage by provider")
        case Grouping.KIND:
            return _("Usage by kind of tool")
        case Grouping.HOST:
            return _("Usage by host")
        case Grouping.DEPARTMENT:
            return _("Usage by department")


def _provider_name(found: Breakdown) -> str:
    return next((one.name for one in catalogue().providers if one.id == found.view.provider), found.view.provider)


def _crumbs(found: Breakdown) -> list[Choice]:
    view = found.view
    if not view.provider:
        return []
    everything = view.with_(provider="", by=Grouping.PROVIDER)
    return [
        Choice("", _("All providers"), is_current=False, href=everything.href),
        Choice("", _provider_name(found), is_current=True),
    ]


def _periods(view: View, today: date) -> list[Choice]:
    labels = {
        Period.SEVEN_DAYS: _("7 days"),
        Period.THIRTY_DAYS: _("30 days"),
        Period.THIS_MONTH: figures.month(today),
    }
    return [Choice(one, label, one is view.period, of_period(view, one, today).href) for one, label in labels.items()]


def _againsts(found: Breakdown) -> list[Choice]:
    labels = {
        Against.BEFORE: _("The time before"),
        Against.YEAR: _("The same days a year before"),
        Against.NOTHING: _("Nothing"),
    }
    return [Choice(one, label, one is found.view.against) for one, label in labels.items()]


def _row(found: Breakdown, line: Line) -> Row:
    change = figures.change(line.now.tokens, line.before.tokens) if line.before is not None else None
    cost = cost_of(line.now, found.currency)
    return Row(
        line=line, href=_further(found.view, line), change=change, cost=cost, is_priced=line.now.cost is not None
    )


def _further(view: View, line: Line) -> str:
    """The same period for this line alone."""
    match view.by:
        case Grouping.PROVIDER:
            return view.with_(provider=line.key, by=Grouping.HOST).href
        case Grouping.KIND:
            return view.with_(kind=Kind(line.key), by=Grouping.PROVIDER).href if line.key in set(Kind) else ""
        case Grouping.HOST:
            return ""
        case Grouping.DEPARTMENT:
            return view.with_(department=line.key, by=Grouping.PROVIDER).href if line.key else ""


def _total(found: Breakdown) -> Row:
    line = Line(key="", name=_("All together"), hosts=(), now=found.total, before=found.total_before)
    change = figures.change(line.now.tokens, line.before.tokens) if line.before is not None else None
    return Row(
        line=line,
        href="",
        change=change,
        cost=cost_of(found.total, found.currency),
        is_priced=found.total.cost is not None,
    )


def _coverage(reported: int, enrolled: int) -> str:
    share = figures.percent(reported / enrolled) if enrolled else _("None")
    return _("%(share)s of device-days have a report") % {"share": share}


def _forecast(found: Breakdown) -> str:
    expected = found.forecast
    if expected is None:
        return ""
    shown = (
        money.amount_range(expected.total, found.currency)
        if found.view.measure is Measure.COST
        else _("%(tokens)s tokens") % {"tokens": figures.tokens(expected.total)}
    )
    return _("By %(day)s it will be %(amount)s if it goes on as on the last %(n)s days.") % {
        "day": figures.short_day(expected.last),
        "amount": shown,
        "n": expected.rests_on_days,
    }
