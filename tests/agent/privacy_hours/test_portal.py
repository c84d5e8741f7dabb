"""What a server says only adds; what it takes away waits for the owner, and the owner's own is not touched."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.agent.privacy_hours.test_gate import SCHEDULES

from toktra.agent.privacy_hours.clock import Reading, trust_at_first
from toktra.agent.privacy_hours.gate import Gate, State
from toktra.agent.privacy_hours.portal import (
    TooManyWindows,
    Waiting,
    confirm,
    keep,
    receive_agreement,
    receive_week,
    standing,
    waiting,
)
from toktra.agent.privacy_hours.windows import format_window, parse_window
from toktra.agent.privacy_hours.wishes import MAX_ADDED, TooManyAdded, Wishes, from_disk, plan, to_disk
from toktra.agent.privacy_hours.zones import UnknownZone
from toktra.wire.schedule import MAX_WINDOWS, Schedule

EMPTY = Wishes(schedule=Schedule(zone="Europe/Berlin"), used=False)


def week(*windows: str, zone: str = "Europe/Berlin") -> Schedule:
    return Schedule(zone=zone, windows=tuple(parse_window(text) for text in windows))


def texts(wishes: Wishes) -> list[str]:
    return [format_window(window) for window in wishes.schedule.windows]


def removes(wishes: Wishes) -> list[str]:
    waits = waiting(wishes)
    return [] if waits is None else [format_window(window) for window in waits.removes]


def test_a_first_week_holds_at_once() -> None:
    first = receive_week(EMPTY, 1, week("mon-fri 12:00-13:00", zone="Asia/Kathmandu"))
    assert (first.schedule.zone, texts(first)) == ("Asia/Kathmandu", ["mon-fri 12:00-13:00"])
    assert (waiting(first), standing(first), first.used) == (None, "applied", True)


def test_what_a_later_week_adds_holds_at_once_and_what_it_takes_out_waits() -> None:
    first = receive_week(EMPTY, 1, week("mon-fri 12:00-13:00", "sat"))
    second = receive_week(first, 2, week("mon,tue,thu,fri 12:00-13:00", "sun"))
    assert set(texts(second)) == {"mon-fri 12:00-13:00", "sat 00:00-24:00", "sun 00:00-24:00"}
    assert removes(second) == ["wed 12:00-13:00", "sat 00:00-24:00"]
    assert standing(second) == "waits"
    third = receive_week(second, 3, week("mon-fri 12:00-13:00", "sun"))  # Wednesday is back before anybody confirmed
    assert removes(third) == ["sat 00:00-24:00"]
    agreed = confirm(third)
    assert (set(texts(agreed)), waiting(agreed), standing(agreed)) == (
        {"mon-fri 12:00-13:00", "sun 00:00-24:00"},
        None,
        "applied",
    )


def test_a_longer_window_in_the_place_of_a_shorter_needs_no_confirmation() -> None:
    first = receive_week(EMPTY, 1, week("mon 12:00-13:00"))
    longer = receive_week(first, 2, week("mon 11:30-13:30"))
    assert (waiting(longer), standing(longer)) == (None, "applied")
    shorter = receive_week(longer, 3, week("mon 12:00-12:30"))
    assert removes(shorter) == ["mon 11:30-13:30", "mon 12:00-13:00"]
    assert texts(confirm(shorter)) == ["mon 12:00-12:30"]


def test_the_owners_windows_on_the_device_are_not_the_portals_to_remove() -> None:
    own = plan(EMPTY, week("daily 06:00-08:00"))
    both = receive_week(own, 1, week("sat"))
    assert set(texts(both)) == {"daily 06:00-08:00", "sat 00:00-24:00"}
    assert standing(both) == "differs"
    emptied = receive_week(both, 2, week())
    assert removes(emptied) == ["sat 00:00-24:00"]
    assert texts(confirm(emptied)) == ["daily 06:00-08:00"]


def test_what_the_owner_removed_on_the_device_does_not_come_back_with_the_next_week() -> None:
    first = receive_week(EMPTY, 1, week("mon 12:00-13:00", "sat"))
    removed = plan(first, week("mon 12:00-13:00"))
    next_week = receive_week(removed, 2, week("mon 12:00-13:00", "sat", "sun"))
    assert texts(next_week) == ["mon 12:00-13:00", "sun 00:00-24:00"]
    assert standing(next_week) == "differs"


def test_what_the_owner_says_on_the_device_settles_what_waits() -> None:
    waits = receive_week(receive_week(EMPTY, 1, week("sat", "sun")), 2, week())
    assert removes(keep(waits, (parse_window("sat"),))) == ["sun 00:00-24:00"]
    assert removes(plan(waits, week("sun"))) == ["sun 00:00-24:00"]
    assert waiting(plan(waits, week())) is None


def test_a_week_in_another_zone_holds_beside_the_owners_until_they_confirm() -> None:
    first = receive_week(EMPTY, 1, week("mon 12:00-13:00"))
    moved = receive_week(first, 2, week("mon 12:00-13:00", zone="America/New_York"))
    waits = waiting(moved)
    assert waits is not None
    assert waits.moves_to == week("mon 12:00-13:00", zone="America/New_York")
    gate = Gate(moved, trust_at_first(at(11)))
    assert [gate.decide(at(hour), ZoneInfo("Europe/Berlin")).state for hour in (11, 13, 17)] == [
        State.PRIVATE,
        State.OBSERVED,
        State.PRIVATE,
    ]
    assert confirm(moved).schedule == week("mon 12:00-13:00", zone="America/New_York")
    back = receive_week(moved, 3, week("mon 12:00-13:00", "tue"))
    assert set(texts(confirm(back))) == {"mon 12:00-13:00", "tue 00:00-24:00"}
    assert confirm(back).server.moved == ()


def at(hour: float) -> Reading:
    """A Monday, in UTC."""
    return Reading(
        wall_s=datetime(2027, 1, 4, tzinfo=UTC).timestamp() + 3600 * hour, monotonic_s=3600.0 * hour, boot="first"
    )


def test_an_agreement_is_added_and_its_end_waits_for_the_owner() -> None:
    nights, weekends = week("daily 19:00-07:00"), week("sat", "sun")
    agreed = receive_agreement(EMPTY, 1, nights)
    assert (agreed.added, agreed.used) == ((nights,), False)
    changed = receive_agreement(agreed, 2, weekends)
    assert changed.added == (nights, weekends)
    assert waiting(changed) == Waiting(agreements=(nights,))
    ended = receive_agreement(changed, 3, None)
    assert waiting(ended) == Waiting(agreements=(nights, weekends))
    assert confirm(changed).added == (weekends,)
    assert (confirm(ended).added, confirm(ended).used) == ((), False)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_replayed_or_older_message_says_nothing(version: int) -> None:
    newest = receive_agreement(receive_week(EMPTY, 2, week("sat", "sun")), 2, week("daily 19:00-07:00"))
    assert receive_week(newest, version, week()) == newest
    assert receive_agreement(newest, version, None) == newest


def test_a_message_that_cannot_be_taken_in_changes_nothing() -> None:
    minutes = [(number // 60, number % 60) for number in range(MAX_WINDOWS)]
    full = plan(EMPTY, week(*(f"mon {hour:02}:{minute:02}-23:59" for hour, minute in minutes)))
    with pytest.raises(TooManyWindows, match=str(MAX_WINDOWS)):
        receive_week(full, 1, week("sat"))
    for receive in (receive_week, receive_agreement):
        with pytest.raises(UnknownZone):
            receive(EMPTY, 1, week("sat", zone="Mars/Olympus"))
    wishes = plan(EMPTY, week("sat"))
    for version in range(1, MAX_ADDED + 1):
        wishes = receive_week(wishes, version, week(f"mon {version:02}:00-24:00", zone="UTC"))
        wishes = receive_agreement(wishes, version, week(f"tue {version:02}:00-24:00"))
    with pytest.raises(TooManyAdded):
        receive_week(wishes, 99, week("sun", zone="UTC"))
    with pytest.raises(TooManyAdded):
        receive_agreement(wishes, 99, week("sun"))


def test_a_file_of_an_earlier_version_is_read_as_its_owners() -> None:
    import hashlib

    body = b'{"schedule":{"zone":"UTC","windows":[]}}'
    found = from_disk(hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n")
    assert (found.used, found.server.version) == (True, 0)


MOMENTS = st.integers(0, 14 * 24 * 12).map(
    lambda fives: int(datetime(2027, 3, 22, tzinfo=UTC).timestamp()) + 300 * fives
)


@settings(max_examples=60)
@given(
    own=SCHEDULES,
    said=st.lists(st.tuples(st.booleans(), st.integers(0, 6), SCHEDULES), min_size=1, max_size=5),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York"]),
    moments=st.lists(MOMENTS, min_size=1, max_size=6),
)
def test_no_message_ever_takes_private_time_away(
    own: Schedule, said: list[tuple[bool, int, Schedule]], zone: str, moments: list[int]
) -> None:
    """Also around a change of the clock, and over the disk; whatever versions and zones the server makes up."""
    wishes = plan(EMPTY, own)
    for is_week, version, schedule in said:
        before, receive = wishes, receive_week if is_week else receive_agreement
        try:
            wishes = from_disk(to_disk(receive(wishes, version, schedule)))
        except (TooManyAdded, TooManyWindows):
            continue
        for moment in moments:
            if is_private(before, moment, zone):
                assert is_private(wishes, moment, zone), (before, wishes)


def is_private(wishes: Wishes, moment: int, zone: str) -> bool:
    reading = Reading(wall_s=float(moment), monotonic_s=0.0, boot="first")
    return Gate(wishes, trust_at_first(reading)).decide(reading, ZoneInfo(zone)).state is State.PRIVATE
