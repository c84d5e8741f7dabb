"""The acts of the owner, what a server may do, and what damage on the disk does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.agent.privacy_hours.windows import parse_window
from toktra.agent.privacy_hours.wishes import (
    MAX_ADDED,
    MAX_PAUSE_MINUTES,
    Damaged,
    TooManyAdded,
    Wishes,
    add,
    from_disk,
    pause_for,
    pause_until,
    plan,
    resume,
    to_disk,
)
from toktra.agent.privacy_hours.zones import UnknownZone
from toktra.wire.schedule import Pause, Resumption, Schedule

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def schedule(*windows: str, zone: str = "UTC") -> Schedule:
    return Schedule(zone=zone, windows=tuple(parse_window(text) for text in windows))


LUNCH = Wishes(schedule=schedule("mon 11:00-13:00", "mon 11:30-14:00", "mon 13:00-15:00"))


def test_a_pause_ends_after_its_minutes_rounded_to_the_later_second() -> None:
    assert pause_for(LUNCH, 30, NOON.replace(microsecond=1)).pause == Pause(
        until=NOON + timedelta(minutes=30, seconds=1)
    )
    assert pause_until(LUNCH, None).pause == Pause(until=None)


def test_a_shorter_pause_never_shortens_a_longer_one() -> None:
    hour = pause_for(LUNCH, 60, NOON)
    assert pause_for(hour, 30, NOON) == hour
    assert pause_for(pause_until(hour, None), 30, NOON).pause == Pause()
    assert pause_for(hour, 90, NOON).pause == Pause(until=NOON + timedelta(minutes=90))


@pytest.mark.parametrize("minutes", [0, -5, MAX_PAUSE_MINUTES + 1])
def test_a_pause_of_no_time_or_of_more_than_a_month_is_refused(minutes: int) -> None:
    with pytest.raises(ValueError, match="minutes"):
        pause_for(LUNCH, minutes, NOON)


def test_resuming_ends_the_pause_and_what_runs_but_nothing_that_begins_later() -> None:
    resumed = resume(pause_for(LUNCH, 600, NOON), NOON, UTC_ZONE)
    assert resumed.pause is None
    assert resumed.resumption == Resumption(at=NOON, until=NOON + timedelta(hours=2))


def test_resuming_outside_any_window_ends_the_pause_alone() -> None:
    evening = NOON + timedelta(hours=8)
    assert resume(pause_for(LUNCH, 60, evening), evening, UTC_ZONE) == LUNCH


def test_what_was_ended_counts_for_the_old_schedule_only() -> None:
    resumed = resume(LUNCH, NOON, UTC_ZONE)
    assert plan(resumed, schedule("mon 11:00-18:00")).resumption is None


def test_a_server_only_adds() -> None:
    nights, weekends = schedule("daily 19:00-07:00"), schedule("sat-sun")
    once = add(LUNCH, nights)
    assert once.added == (nights,)
    assert add(once, nights) == once
    assert add(once, weekends).added == (nights, weekends)
    assert add(once, weekends).schedule == LUNCH.schedule


def test_there_is_room_for_so_many_added_schedules() -> None:
    wishes = LUNCH
    for hour in range(MAX_ADDED):
        wishes = add(wishes, schedule(f"daily {hour}:00-{hour + 1}:00"))
    with pytest.raises(TooManyAdded, match=str(MAX_ADDED)):
        add(wishes, schedule("daily"))


def test_a_schedule_in_an_unknown_zone_is_refused_before_it_is_kept() -> None:
    for act in (plan, add):
        with pytest.raises(UnknownZone):
            act(LUNCH, schedule("daily", zone="Mars/Olympus"))


FULL = add(
    resume(pause_for(LUNCH, 30, NOON), NOON, UTC_ZONE),
    schedule("2028-02-29", "fri-mon 22:00-6:00", zone="Asia/Kathmandu"),
)


def test_wishes_come_back_from_the_disk() -> None:
    assert from_disk(to_disk(FULL)) == FULL
    assert from_disk(to_disk(LUNCH)) == LUNCH


@given(st.data())
def test_any_damage_on_the_disk_is_noticed(data: st.DataObject) -> None:
    whole = to_disk(FULL)
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    lost = data.draw(st.integers(place + 1, len(whole)))
    for damaged in (bytes(flipped), whole[:place], whole[:place] + whole[lost:], whole + whole[place:]):
        with pytest.raises(Damaged, match="set them again"):
            from_disk(damaged)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00" * 4096, b'{"schedule":{"zone":"UTC"}}\n'])
def test_what_was_never_written_is_damage(content: bytes) -> None:
    with pytest.raises(Damaged):
        from_disk(content)


def test_a_whole_file_of_another_kind_is_damage_too() -> None:
    import hashlib

    body = b'{"schedule":{"zone":"UTC"},"observe":true}'
    with pytest.raises(Damaged, match="another kind"):
        from_disk(hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n")
