"""Deadlines against cases computed by hand. Where the law or an authority gives an example, it is named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.compliance.deadlines import DateOutOfRange, Regulation, deadline, months_after
from toktra.compliance.working_days import UnknownCountry, working_day_by

DAYS = st.dates(date(2020, 1, 1), date(2100, 12, 31))


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize("regulation", [Regulation.GDPR, Regulation.UK_GDPR])
@pytest.mark.parametrize(
    ("received", "due"),
    [
        # A month has no such date: its last day (Regulation 1182/71 Art. 3(2)(c), second sentence).
        ("2027-01-31", "2027-02-28"),
        ("2027-01-30", "2027-02-28"),
        ("2027-01-29", "2027-02-28"),
        ("2027-01-28", "2027-02-27"),  # 28 February is a month, 27 February are 30 days
        ("2028-01-31", "2028-02-29"),  # a leap year
        ("2028-01-30", "2028-02-29"),  # both rules say the same
        ("2028-01-29", "2028-02-28"),
        ("2100-01-31", "2100-02-28"),  # a century that is no leap year
        ("2026-08-31", "2026-09-30"),  # EDPB Guidelines 01/2022, 31 August → 30 September
        ("2026-03-31", "2026-04-30"),  # ICO, 31 March → 30 April
        # A received month of 31 days: 30 days end one day before the month does.
        ("2026-03-05", "2026-04-04"),  # EDPB Guidelines 01/2022 name 5 April for the month alone
        ("2026-12-31", "2027-01-30"),
        ("2026-10-19", "2026-11-18"),
        # A month of 30 days: the same day by both.
        ("2026-09-03", "2026-10-03"),  # ICO, 3 September → 3 October; a Saturday
        ("2026-04-30", "2026-05-30"),
        # February is shorter than 30 days: the month ends first.
        ("2027-02-05", "2027-03-05"),
        ("2028-02-05", "2028-03-05"),
        ("2028-02-29", "2028-03-29"),  # a leap day
        ("2027-02-28", "2027-03-28"),
        # Received or due on a weekend or holiday: nothing moves.
        ("2026-11-25", "2026-12-25"),
        ("2026-11-22", "2026-12-22"),  # received on a Sunday
        ("2026-12-02", "2027-01-01"),
    ],
)
def test_a_month_or_thirty_days_whichever_ends_first(regulation: Regulation, received: str, due: str) -> None:
    found = deadline(regulation, day(received))
    assert found.due == day(due)
    assert found.extend_by == day(due)
    assert found.confirm_by is None


@pytest.mark.parametrize("regulation", [Regulation.GDPR, Regulation.UK_GDPR])
@pytest.mark.parametrize(
    ("received", "due", "extend_by"),
    [
        ("2026-10-19", "2027-01-19", "2026-11-18"),
        ("2027-01-31", "2027-04-30", "2027-02-28"),  # from receipt, not from 28 February
        ("2026-11-30", "2027-02-28", "2026-12-30"),
        ("2027-11-30", "2028-02-29", "2027-12-30"),
        ("2028-02-29", "2028-05-29", "2028-03-29"),
        ("2026-12-31", "2027-03-31", "2027-01-30"),
    ],
)
def test_two_further_months_are_counted_from_receipt(
    regulation: Regulation, received: str, due: str, extend_by: str
) -> None:
    found = deadline(regulation, day(received), is_extended=True)
    assert (found.due, found.extend_by) == (day(due), day(extend_by))


@pytest.mark.parametrize(
    ("received", "confirm_by", "due", "extended"),
    [
        # 13–16, 19–23 and 26 October. Columbus Day, the day of receipt, is no holiday of the state anyway.
        ("2026-10-12", "2026-10-26", "2026-11-26", "2027-01-10"),
        # Only federal holidays that California shares are left out: Columbus Day, 12 October, counts.
        ("2026-10-09", "2026-10-23", "2026-11-23", "2027-01-07"),
        # Thanksgiving is left out; the Friday after it, a holiday of the state alone, counts.
        ("2026-11-20", "2026-12-07", "2027-01-04", "2027-02-18"),
        # Christmas and New Year's Day, both Fridays.
        ("2026-12-21", "2027-01-06", "2027-02-04", "2027-03-21"),
        # 4 July 2026 is a Saturday, kept on Friday the 3rd.
        ("2026-06-26", "2026-07-13", "2026-08-10", "2026-09-24"),
        # Received on a Saturday, a Sunday and the Monday: the first to count are Monday, Monday and Tuesday.
        ("2026-04-11", "2026-04-24", "2026-05-26", "2026-07-10"),
        ("2026-04-12", "2026-04-24", "2026-05-27", "2026-07-11"),
        ("2026-04-13", "2026-04-27", "2026-05-28", "2026-07-12"),
        # Over a leap day: 45 calendar days from 20 January 2028 are 5 March, from 20 January 2027 6 March.
        ("2028-01-20", "2028-02-03", "2028-03-05", "2028-04-19"),
        ("2027-01-20", "2027-02-03", "2027-03-06", "2027-04-20"),
    ],
)
def test_ccpa_counts_business_days_to_confirm_and_calendar_days_to_answer(
    received: str, confirm_by: str, due: str, extended: str
) -> None:
    found = deadline(Regulation.CCPA, day(received))
    assert (found.confirm_by, found.due) == (day(confirm_by), day(due))
    longer = deadline(Regulation.CCPA, day(received), is_extended=True)
    assert (longer.confirm_by, longer.due, longer.extend_by) == (day(confirm_by), day(extended), day(due))


@pytest.mark.parametrize(
    ("regulation", "received", "country", "target"),
    [
        (Regulation.GDPR, "2027-01-31", "", "2027-02-26"),  # due on a Sunday
        (Regulation.GDPR, "2026-11-25", "", "2026-12-24"),  # due on Christmas Day, a Friday
        (Regulation.GDPR, "2026-11-28", "", "2026-12-28"),  # a Monday; only the United Kingdom has a substitute day
        (Regulation.GDPR, "2026-12-02", "", "2026-12-31"),  # due on New Year's Day
        (Regulation.GDPR, "2026-03-05", "", "2026-04-02"),  # due on Holy Saturday, after Good Friday
        (Regulation.GDPR, "2026-09-03", "DE", "2026-10-02"),  # German Unity Day, and a Saturday
        (Regulation.GDPR, "2026-12-07", "DE", "2027-01-06"),
        (Regulation.GDPR, "2026-12-07", "DE-BY", "2027-01-05"),  # Epiphany is a holiday in Bavaria
        (Regulation.UK_GDPR, "2026-11-28", "", "2026-12-24"),  # Boxing Day's substitute, Monday 28 December
        (Regulation.UK_GDPR, "2026-10-31", "GB-SCT", "2026-11-27"),  # St Andrew's Day, Monday 30 November
        (Regulation.UK_GDPR, "2026-10-31", "", "2026-11-30"),
        (Regulation.CCPA, "2026-10-12", "", "2026-11-25"),  # Thanksgiving
        (Regulation.CCPA, "2026-11-20", "", "2027-01-04"),  # a Monday like others
    ],
)
def test_the_target_is_the_last_working_day_on_or_before_the_day_due(
    regulation: Regulation, received: str, country: str, target: str
) -> None:
    assert deadline(regulation, day(received), country=country).target == day(target)


@given(received=DAYS, regulation=st.sampled_from(Regulation), is_extended=st.booleans())
def test_nothing_is_ever_later_than_the_law_or_our_promise(
    received: date, regulation: Regulation, is_extended: bool
) -> None:
    found = deadline(regulation, received, is_extended=is_extended)
    longest = {(False, False): 30, (False, True): 92, (True, False): 45, (True, True): 90}
    is_ccpa = regulation is Regulation.CCPA
    assert received < found.target <= found.due <= received + timedelta(days=longest[is_ccpa, is_extended])
    assert found.target.weekday() < 5
    if found.confirm_by:
        assert received + timedelta(days=12) <= found.confirm_by < found.due


@given(received=DAYS, months=st.integers(1, 36))
def test_months_keep_the_date_or_end_with_the_month(received: date, months: int) -> None:
    found = months_after(received, months)
    assert (found.year * 12 + found.month) - (received.year * 12 + received.month) == months
    assert found.day == received.day or (found.day < received.day and (found + timedelta(days=1)).day == 1)


@pytest.mark.parametrize("place", ["XX", "DE-XX", "Germany", "", "de", "../DE"])
def test_a_place_without_known_holidays_is_refused_by_name(place: str) -> None:
    with pytest.raises(UnknownCountry, match="country: "):
        working_day_by(date(2026, 1, 1), place)


def test_a_date_past_all_calendars_is_refused() -> None:
    with pytest.raises(DateOutOfRange, match="received: 9999-12-31"):
        deadline(Regulation.GDPR, date(9999, 12, 31))
