"""How a budget's running period grew, as a chart and as the same figures in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from markupsafe import Markup

from toktra.server.budgets import wording
from toktra.server.budgets.budget import Budget, SubjectKind
from toktra.server.budgets.spending import Ledger
from toktra.server.budgets.standing import Standing
from toktra.server.costs import money
from toktra.server.web import charts, figures
from toktra.server.web.charts import Axis, Point
from toktra.server.web.language import _

_MOST_POINTS: Final = 62
"""A month and a quarter's weeks are drawn day by day; longer periods in steps of some days."""
_LABELS: Final = 4


@dataclass(frozen=True, slots=True)
class Course:
    """The chart, and its figures from the newest day back."""

    svg: Markup
    axis: Axis
    times: Markup
    rows: Sequence[tuple[str, str]]


async def course_of(ledger: Ledger, budget: Budget, found: Standing) -> Course | None:
    """What had been spent by the end of each day of the period so far. Of a person nothing is drawn.

    None also on the first day, when there is no course yet. Raises NotShown or NoExchangeRate.
    """
    stretch, upto = found.stretch, found.spent.upto
    if budget.subject.kind is SubjectKind.PERSON or upto <= stretch.first:
        return None
    step = -(-stretch.days // _MOST_POINTS)
    days = [stretch.first + timedelta(days=place) for place in range(0, stretch.days, step)]
    days = [*(day for day in days if day < upto), upto, *(day for day in days if day > upto)]
    grown = await ledger.growth(budget.subject, budget.unit, found.version.currency, stretch)
    spent = {day: grown(day) for day in days if day <= upto}
    amount, currency = float(found.version.amount), found.version.currency
    most = max(amount, *(interval.high for interval in spent.values()))
    axis = Axis.reaching(most * 1.05, currency=money.sign(currency) if currency else "")
    points = [
        Point(low=spent[day].low, middle=(spent[day].low + spent[day].high) / 2, high=spent[day].high)
        if day in spent
        else None
        for day in days
    ]
    label = _("Spent since %(day)s: %(spent)s by %(last)s, of %(amount)s.") % {
        "day": figures.short_day(stretch.first),
        "spent": wording.amount_range(spent[upto], currency),
        "last": figures.short_day(upto),
        "amount": wording.exact(amount, currency),
    }
    return Course(
        charts.timeline(points, [amount] * len(days), [False] * len(days), axis, label=label, hatch="b-hatch"),
        axis,
        charts.time_axis(_labels(days)),
        [(figures.day(day), wording.amount_range(interval, currency)) for day, interval in reversed(spent.items())],
    )


def _labels(days: Sequence[date]) -> list[str]:
    every = max(1, len(days) // _LABELS)
    last = len(days) - 1
    return [
        figures.short_day(day) if place == last or (place % every == 0 and last - place >= every / 2) else ""
        for place, day in enumerate(days)
    ]
