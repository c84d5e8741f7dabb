"""What may be said about a device's reports: days that are over, and no minute. Pure.

Last report is given by day, and today's counts only tomorrow: on a page that showed it at once, anyone could watch for
the minute in which a device begins to report, and would know when its owner's Privacy Hours end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

SILENT_AFTER: Final = timedelta(days=7)
"""Longer than a weekend, a public holiday and a short leave; shorter than nobody noticing."""


@dataclass(frozen=True, slots=True)
class Reports:
    """One device's reports as they may be shown on `today`."""

    enrolled_on: date
    reported_on: date | None
    """The newest day before today with a report."""
    today: date

    @property
    def silent_days(self) -> int:
        """Whole days since the last with a report, or since enrolment, yesterday included."""
        return max(0, (self.today - timedelta(days=1) - (self.reported_on or self.enrolled_on)).days)

    @property
    def is_silent(self) -> bool:
        return self.silent_days > SILENT_AFTER.days

    @property
    def is_too_new(self) -> bool:
        """Enrolled today: its first day is not over."""
        return self.reported_on is None and self.enrolled_on >= self.today


def silent_before(today: date) -> date:
    """A device whose last day lies before this one is silent."""
    return today - SILENT_AFTER - timedelta(days=1)
