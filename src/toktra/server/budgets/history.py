"""A budget's periods that are over, as a file for spreadsheets: numbers plain, both ends of each range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from toktra.server.budgets.budget import Budget, SubjectKind
from toktra.server.budgets.service import Closed
from toktra.server.web.spreadsheets import as_csv

COLUMNS: Final = ("period_first", "period_last", "unit", "budget", "spent_low", "spent_high", "not_shown")


def history_file(budget: Budget, closed: Sequence[Closed]) -> bytes:
    """One row for each period, oldest first. Of a person no figure is in it: those are opened with a reason."""
    is_person = budget.subject.kind is SubjectKind.PERSON
    return as_csv(COLUMNS, [_row(one, is_person=is_person) for one in reversed(closed)])


def _row(one: Closed, *, is_person: bool) -> list[str]:
    shown = None if is_person else one.interval
    decimals = 0 if one.currency is None else 2
    return [
        one.stretch.first.isoformat(),
        one.stretch.last.isoformat(),
        one.currency or "tokens",
        f"{one.amount:.{decimals}f}",
        f"{shown.low:.{decimals}f}" if shown else "",
        f"{shown.high:.{decimals}f}" if shown else "",
        "person" if is_person else one.fault or "",
    ]
