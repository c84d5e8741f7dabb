"""By when a request under a regulation must be confirmed and answered. Calendar days only; pure.

The day of receipt is not counted, and the period ends with the last hour of the day given here. A day due is never
moved later because it is a Saturday, a Sunday or a holiday, also where a rule would allow it (Regulation 1182/71
Art. 3(4)): who answers by the day given is on time under every reading.

GDPR      Art. 12(3): one month from receipt; two further months when that was told, with reasons, within the first.
          Months are counted as Regulation 1182/71 Art. 3(2)(c) does: to the same date, or to the last day of a month
          that has no such date. Our own promise is 30 days, so the earlier of the two is due.
UK GDPR   Art. 12A (in force from 5 February 2026): the same lengths. Counted as the Information Commissioner does, from
          the day of receipt to the same date of the next month, or to its last day.
CCPA      11 CCR § 7021: receipt is confirmed within 10 business days; the answer within 45 calendar days of receipt
          however long verification takes; 45 more when that was told. The first day is not counted (Cal. Code Civ.
          Proc. § 12).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from toktra.compliance.working_days import business_days_after, working_day_by

PROMISE_DAYS: Final = 30
_CCPA_CONFIRM_BUSINESS_DAYS: Final = 10
_CCPA_DAYS: Final = 45
_LAST_RECEIPT: Final = date(9000, 1, 1)


class Regulation(StrEnum):
    """Under which law a request is answered."""

    GDPR = "gdpr"
    UK_GDPR = "uk-gdpr"
    CCPA = "ccpa"


APPLIES_FROM: Final = MappingProxyType(
    {
        Regulation.GDPR: date(2018, 5, 25),  # Art. 99(2)
        Regulation.UK_GDPR: date(2021, 1, 1),  # end of the transition period; the GDPR itself applied until then
        Regulation.CCPA: date(2020, 1, 1),  # Cal. Civ. Code § 1798.198(a)
    }
)
"""The first day on which a request could be made under it."""


class DateOutOfRange(ValueError):
    """No deadline can be computed from this date. The message names the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Until the end of which days what has to be done."""

    regulation: Regulation
    received: date
    is_extended: bool
    confirm_by: date | None
    """Receipt is confirmed to the person; None where the law sets no day for it."""
    extend_by: date
    """The last day on which an extension can still be told, with its reasons."""
    due: date
    """The answer."""
    target: date
    """The last working day on or before `due`: when it should be done."""
    confirm_rule: str
    due_rule: str


def deadline(regulation: Regulation, received: date, *, is_extended: bool = False, country: str = "") -> Deadline:
    """The deadlines of a request received on a day.

    `country`, such as DE or DE-BY, says whose holidays the target avoids; without it the regulation's own are meant.
    Raises DateOutOfRange or working_days.UnknownCountry.
    """
    if received > _LAST_RECEIPT:
        raise DateOutOfRange(f"received: {received} is too far ahead; the last day that can be used is {_LAST_RECEIPT}")
    first = _due(regulation, received, is_extended=False)
    due = _due(regulation, received, is_extended=True) if is_extended else first
    is_ccpa = regulation is Regulation.CCPA
    return Deadline(
        regulation=regulation,
        received=received,
        is_extended=is_extended,
        confirm_by=business_days_after(received, _CCPA_CONFIRM_BUSINESS_DAYS) if is_ccpa else None,
        extend_by=first,
        due=due,
        target=working_day_by(due, country or _HOLIDAYS[regulation]),
        confirm_rule=_CONFIRM_RULES[regulation],
        due_rule=_DUE_RULES[regulation, is_extended],
    )


def months_after(day: date, months: int) -> date:
    """The same date so many months later, or the last day of a month that has no such date."""
    year, month_index = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month_index + 1, min(day.day, monthrange(year, month_index + 1)[1]))


def _due(regulation: Regulation, received: date, *, is_extended: bool) -> date:
    if regulation is Regulation.CCPA:
        return received + timedelta(days=_CCPA_DAYS * (2 if is_extended else 1))
    if is_extended:
        return months_after(received, 3)
    return min(months_after(received, 1), received + timedelta(days=PROMISE_DAYS))


_HOLIDAYS: Final = {Regulation.GDPR: "EU", Regulation.UK_GDPR: "GB", Regulation.CCPA: "US-CA"}

_CONFIRM_RULES: Final = {
    Regulation.GDPR: "GDPR sets no day by which receipt is confirmed",
    Regulation.UK_GDPR: "UK GDPR sets no day by which receipt is confirmed",
    Regulation.CCPA: (
        "11 CCR § 7021(a): 10 business days after receipt; a day is left out when it is a Saturday, a Sunday, or a "
        "holiday both of the United States and of California"
    ),
}
_DUE_RULES: Final = {
    (Regulation.GDPR, False): (
        "the earlier of one calendar month (GDPR Art. 12(3), counted by Regulation 1182/71 Art. 3) and 30 days"
    ),
    (Regulation.GDPR, True): (
        "three calendar months after receipt: one, and two further ones that were told with reasons within the first "
        "(GDPR Art. 12(3), counted by Regulation 1182/71 Art. 3)"
    ),
    (Regulation.UK_GDPR, False): "the earlier of one calendar month (UK GDPR Art. 12A) and 30 days",
    (Regulation.UK_GDPR, True): (
        "three calendar months after receipt: one, and two further ones that were told with reasons within the first "
        "(UK GDPR Art. 12A)"
    ),
    (Regulation.CCPA, False): "11 CCR § 7021(b): 45 calendar days after receipt, however long verification takes",
    (Regulation.CCPA, True): (
        "11 CCR § 7021(b): 90 calendar days after receipt, the second 45 told with reasons within the first"
    ),
}
