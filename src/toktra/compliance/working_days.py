"""Which days are working days where. Holidays come from the library `holidays`, never from a list of ours."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import holidays
from holidays import HolidayBase

_SATURDAY: Final = 5
_PLACE: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,6}))?")


class UnknownCountry(ValueError):
    """Nobody here knows the holidays of this place. The message names the remedy."""


def working_day_by(day: date, place: str) -> date:
    """The day itself when work is done on it, else the last one before it that is. Raises UnknownCountry."""
    calendar = _calendar(place)
    while day.weekday() >= _SATURDAY or day in calendar:
        day -= timedelta(days=1)
    return day


def business_days_after(day: date, count: int) -> date:
    """The count-th business day in California after a day that is not counted itself.

    No law says which holidays "business days" leave out: those of the state and of the federation differ. A day is left
    out only when it is a holiday of both, so the answer is on time whichever is meant.
    """
    state, federation = _calendar("US-CA"), _calendar("US")
    while count:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY and not (day in state and day in federation):
            count -= 1
    return day


def check_place(place: str) -> None:
    """Raises UnknownCountry."""
    _calendar(place)


@lru_cache(maxsize=64)
def _calendar(place: str) -> HolidayBase:
    """EU stands for the days on which the European Central Bank is closed: the Union itself has no holidays."""
    if place == "EU":
        return holidays.financial_holidays("XECB")
    match = _PLACE.fullmatch(place)
    try:
        if match is not None:
            return holidays.country_holidays(match[1], subdiv=match[2] or ("ENG" if place == "GB" else None))
    except NotImplementedError:
        pass
    raise UnknownCountry(f"country: {place!r} is not known; give a code of ISO 3166 such as DE, DE-BY or US-CA")
