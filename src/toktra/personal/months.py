"""Which months' tickets are good: the running one's, and the one's before for a few days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

GRACE_DAYS: Final = 7
"""How long into the next month a ticket may still be spent."""


def month_of(day: date) -> date:
    """Its first day."""
    return day.replace(day=1)


def name_of(month: date) -> str:
    """As in messages: 2026-11."""
    return f"{month:%Y-%m}"


def month_called(name: str) -> date:
    """The reverse of `name_of`."""
    return date.fromisoformat(f"{name}-01")


def open_months(now: datetime) -> tuple[date, ...]:
    """First days of the months whose tickets may be spent, the running one first. `now` is UTC."""
    running = month_of(now.date())
    return (running, before(running)) if now.day <= GRACE_DAYS else (running,)


def newest_closed(now: datetime) -> date:
    """The first day of the newest month that nothing can be added to any more."""
    return before(open_months(now)[-1])


def before(month: date) -> date:
    return month_of(month - timedelta(days=1))


def after(month: date) -> date:
    return month_of(month + timedelta(days=32))


def months_from(first: date, last: date) -> Iterator[date]:
    """Both included."""
    while first <= last:
        yield first
        first = after(first)
