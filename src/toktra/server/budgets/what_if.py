"""What a budget would have told in periods that are over: on which day each threshold would have been reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Final

from toktra.server.budgets.entering import Entered
from toktra.server.budgets.periods import Every, Stretch
from toktra.server.budgets.spending import Growth, Ledger, NotShown
from toktra.server.costs.currency import NoExchangeRate
from toktra.server.costs.ranges import Interval

_PERIODS: Final = {Every.MONTH: 12, Every.QUARTER: 8, Every.YEAR: 2, Every.ROLLING: 6}


@dataclass(frozen=True, slots=True)
class Past:
    """One period that is over."""

    stretch: Stretch
    spent: Interval | None
    """None when it is not shown: fewer than five people."""
    reached: tuple[tuple[int, date | None], ...]
    """Each threshold with the day by whose end the upper end of the range had reached it; None for never."""
    fault: str = ""


async def what_if(ledger: Ledger, entered: Entered) -> list[Past]:
    """The newest periods first, none that began before the first use."""
    first = await ledger.first_day()
    if first is None:
        return []
    over = entered.rhythm.ended_between(first, ledger.today - timedelta(days=1))
    return [await _past(ledger, entered, one) for one in islice(over, _PERIODS[entered.rhythm.every])]


async def _past(ledger: Ledger, entered: Entered, stretch: Stretch) -> Past:
    version = entered.version
    try:
        spent_by = await ledger.growth(entered.subject, entered.unit, version.currency, stretch)
        whole = spent_by(stretch.last)
    except NotShown:
        return Past(stretch, None, ())
    except NoExchangeRate as fault:
        return Past(stretch, None, (), str(fault))
    targets = [(threshold, float(version.amount) * threshold / 100) for threshold in version.thresholds]
    return Past(
        stretch,
        whole,
        tuple((threshold, reached_on(spent_by, stretch, target)) for threshold, target in targets),
    )


def reached_on(spent_by: Growth, stretch: Stretch, target: float) -> date | None:
    """The first day by whose end the upper end had reached `target`. It only rises, so it is found by halving."""
    if spent_by(stretch.last).high < target:
        return None
    low, high = 0, stretch.days - 1
    while low < high:
        middle = (low + high) // 2
        if spent_by(stretch.first + timedelta(days=middle)).high >= target:
            high = middle
        else:
            low = middle + 1
    return stretch.first + timedelta(days=low)
