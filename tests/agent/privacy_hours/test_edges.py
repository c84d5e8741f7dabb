"""Named days on which clocks change, with the answers worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from toktra.agent.privacy_hours.edges import occurrence
from toktra.agent.privacy_hours.windows import parse_window

BERLIN_SPRING = ("Europe/Berlin", "2027-03-28")  # 02:00 → 03:00 at 01:00Z
BERLIN_AUTUMN = ("Europe/Berlin", "2027-10-31")  # 03:00 → 02:00 at 01:00Z


@pytest.mark.parametrize(
    ("where", "hours", "start", "end"),
    [
        # spring: nothing doubtful about edges outside the skipped hour
        (BERLIN_SPRING, "00:30-04:00", "03-27T23:30", "03-28T02:00"),
        (BERLIN_SPRING, "22:00-06:00", "03-28T20:00", "03-29T04:00"),
        (("Europe/Berlin", "2027-03-27"), "22:00-06:00", "03-27T21:00", "03-28T04:00"),
        (BERLIN_SPRING, "03:00-04:00", "03-28T01:00", "03-28T02:00"),
        (BERLIN_SPRING, "01:00-03:00", "03-28T00:00", "03-28T01:00"),
        # a start in it: from half an hour before the change; an end in it: until half an hour after
        (BERLIN_SPRING, "02:30-04:00", "03-28T00:30", "03-28T02:00"),
        (BERLIN_SPRING, "01:00-02:30", "03-28T00:00", "03-28T01:30"),
        # wholly in it: as either clock would have it
        (BERLIN_SPRING, "02:15-02:45", "03-28T00:15", "03-28T01:45"),
        (BERLIN_SPRING, "02:00-03:00", "03-28T00:00", "03-28T02:00"),
        # autumn: first showing of the start, second showing of the end
        (BERLIN_AUTUMN, "02:00-03:00", "10-31T00:00", "10-31T02:00"),
        (BERLIN_AUTUMN, "02:30-04:00", "10-31T00:30", "10-31T03:00"),
        (BERLIN_AUTUMN, "01:00-02:30", "10-30T23:00", "10-31T01:30"),
        (BERLIN_AUTUMN, "00:00-02:00", "10-30T22:00", "10-31T01:00"),
        (("Europe/Berlin", "2027-10-30"), "22:00-06:00", "10-30T20:00", "10-31T05:00"),
        (BERLIN_AUTUMN, "00:00-24:00", "10-30T22:00", "10-31T23:00"),
        # half an hour: Lord Howe, 02:00 → 02:30 and 02:00 → 01:30
        (("Australia/Lord_Howe", "2027-10-03"), "02:10-02:20", "10-02T15:10", "10-02T15:50"),
        (("Australia/Lord_Howe", "2027-04-04"), "01:40-01:50", "04-03T14:40", "04-03T15:20"),
        # the first Sunday of Ramadan ends summer time in Casablanca: 03:00 → 02:00
        (("Africa/Casablanca", "2027-02-07"), "02:30-02:40", "02-07T01:30", "02-07T02:40"),
        # a zone that never changes, a quarter of an hour off
        (("Asia/Kathmandu", "2027-03-28"), "12:00-13:00", "03-28T06:15", "03-28T07:15"),
        # year's end and leap day
        (("America/New_York", "2027-12-31"), "22:00-02:00", "01-01T03:00", "01-01T07:00"),
        (("UTC", "2028-02-28"), "23:00-22:00", "02-28T23:00", "02-29T22:00"),
    ],
)
def test_from_the_earliest_start_to_the_latest_end_that_could_be_meant(
    where: tuple[str, str], hours: str, start: str, end: str
) -> None:
    zone, day = where
    span = occurrence(parse_window(f"{day} {hours}"), date.fromisoformat(day), ZoneInfo(zone))
    written = [datetime.fromtimestamp(edge, UTC).strftime("%m-%dT%H:%M") for edge in span]
    assert written == [start, end]


def test_a_day_that_never_was_is_private_on_both_sides_of_where_it_would_have_been() -> None:
    """Samoa went from 29 December 2011, 23:59 to 31 December, 00:00."""
    span = occurrence(parse_window("2011-12-30"), date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
    assert datetime.fromtimestamp(span.start_s, UTC) == datetime(2011, 12, 29, 10, tzinfo=UTC)
    assert datetime.fromtimestamp(span.end_s, UTC) == datetime(2011, 12, 31, 10, tzinfo=UTC)
