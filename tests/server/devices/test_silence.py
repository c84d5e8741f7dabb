"""What may be said about a device's reports: days that are over, and silence that is not zero."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from toktra.server.devices.silence import Reports, silent_before

TODAY = date(2026, 11, 22)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("enrolled", "reported", "silent_days", "is_silent"),
    [
        (30, 1, 0, False),
        (30, 3, 2, False),
        (30, 8, 7, False),
        (30, 9, 8, True),
        (30, None, 29, True),
        (8, None, 7, False),
        (9, None, 8, True),
        (0, None, 0, False),
    ],
)
def test_silence_is_counted_in_days_that_are_over(
    enrolled: int, reported: int | None, silent_days: int, is_silent: bool
) -> None:
    reports = Reports(ago(enrolled), None if reported is None else ago(reported), TODAY)
    assert (reports.silent_days, reports.is_silent) == (silent_days, is_silent)
    last = reports.reported_on or reports.enrolled_on
    assert (last < silent_before(TODAY)) == is_silent, "the filter agrees with the word"


def test_a_device_enrolled_today_is_neither_silent_nor_never() -> None:
    assert Reports(TODAY, None, TODAY).is_too_new
    assert not Reports(ago(1), None, TODAY).is_too_new
