"""The closed structs of Privacy Hours: what they take, what they refuse and in which words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from toktra.wire.events import InvalidMessage, encode
from toktra.wire.schedule import (
    MAX_SCHEDULE_BYTES,
    MAX_WINDOWS,
    DatedWindow,
    Pause,
    Resumption,
    Schedule,
    WeeklyWindow,
    decode_schedule,
)

LUNCH: dict[str, Any] = {"every": "week", "days": ["mon", "fri"], "start_minute": 720, "end_minute": 780}
HOLIDAY: dict[str, Any] = {"every": "once", "on": "2027-12-24", "start_minute": 0, "end_minute": 1440}


def schedule(*windows: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({"zone": "Europe/Berlin", "windows": list(windows)} | changes).encode()


def test_a_schedule_survives_the_way_there_and_back() -> None:
    decoded = decode_schedule(schedule(LUNCH, HOLIDAY))
    assert decoded == Schedule(
        zone="Europe/Berlin",
        windows=(
            WeeklyWindow(days=("mon", "fri"), start_minute=720, end_minute=780),
            DatedWindow(on=date(2027, 12, 24), start_minute=0, end_minute=1440),
        ),
    )
    assert decode_schedule(encode(decoded)) == decoded


@pytest.mark.parametrize(
    ("window", "field", "value"),
    [
        (LUNCH, "days", []),
        (LUNCH, "days", ["mon", "mon"]),
        (LUNCH, "days", ["fri", "mon"]),
        (LUNCH, "days", ["Monday"]),
        (LUNCH, "start_minute", -1),
        (LUNCH, "start_minute", 1440),
        (LUNCH, "start_minute", 720.5),
        (LUNCH, "end_minute", 0),
        (LUNCH, "end_minute", 1441),
        (LUNCH, "end_minute", 720),
        (HOLIDAY, "on", "2027-02-29"),
        (HOLIDAY, "on", "1969-12-31"),
        (HOLIDAY, "on", "2200-01-01"),
        (HOLIDAY, "end_minute", None),
    ],
)
def test_a_wrong_value_is_refused_by_name(window: dict[str, Any], field: str, value: object) -> None:
    with pytest.raises(InvalidMessage) as refused:
        decode_schedule(schedule(LUNCH, window | {field: value}))
    assert refused.value.field.startswith("windows[1]")
    assert field in str(refused.value)


def test_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(InvalidMessage) as refused:
        decode_schedule(schedule(LUNCH | {"label": "lunch"}))
    assert refused.value.field == "windows[0].label"
    with pytest.raises(InvalidMessage, match="observe"):
        decode_schedule(schedule(observe=True))
    with pytest.raises(InvalidMessage):
        decode_schedule(schedule(LUNCH | {"every": "never"}))
    with pytest.raises(InvalidMessage):
        decode_schedule(schedule(LUNCH | {"on": "2027-12-24"}))


@pytest.mark.parametrize("zone", ["", "../etc/passwd", "/etc/localtime", "Europe/Berlin\n", "Europe//Berlin", "a" * 65])
def test_what_cannot_be_the_name_of_a_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidMessage, match="zone"):
        decode_schedule(schedule(zone=zone))


def test_a_thousand_windows_fit_and_one_more_does_not() -> None:
    longest = LUNCH | {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "start_minute": 1438,
        "end_minute": 1439,
    }
    assert len(decode_schedule(schedule(*[longest] * MAX_WINDOWS)).windows) == MAX_WINDOWS
    with pytest.raises(InvalidMessage, match="1000"):
        decode_schedule(schedule(*[LUNCH] * (MAX_WINDOWS + 1)))
    with pytest.raises(ValueError, match="1000"):
        Schedule(zone="UTC", windows=(WeeklyWindow(days=("mon",), start_minute=0, end_minute=1),) * (MAX_WINDOWS + 1))
    with pytest.raises(InvalidMessage, match=str(MAX_SCHEDULE_BYTES)):
        decode_schedule(b" " * (MAX_SCHEDULE_BYTES + 1))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"zone":"UTC","windows":{}}', b"[" * 100_000])
def test_what_is_no_schedule_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode_schedule(body)


@pytest.mark.parametrize(
    ("start_minute", "end_minute", "length"), [(720, 780, 60), (1320, 360, 480), (0, 1440, 1440), (1, 0 + 1440, 1439)]
)
def test_an_end_before_the_start_lies_on_the_next_day(start_minute: int, end_minute: int, length: int) -> None:
    window = WeeklyWindow(days=("mon",), start_minute=start_minute, end_minute=end_minute)
    assert window.length_minutes == length


@pytest.mark.parametrize(("start_minute", "end_minute"), [(-1, 5), (1440, 5), (5, 0), (5, 1441), (5, 5)])
def test_a_window_made_in_code_is_held_to_the_same_bounds(start_minute: int, end_minute: int) -> None:
    with pytest.raises(ValueError, match="_minute: "):
        DatedWindow(on=date(2027, 1, 1), start_minute=start_minute, end_minute=end_minute)


NOON = datetime(2027, 3, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment",
    [
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=1))),
        NOON.replace(microsecond=1),
        NOON.replace(year=1969),
        NOON.replace(year=2200),
    ],
)
def test_a_pause_ends_at_a_whole_second_of_utc(moment: datetime) -> None:
    with pytest.raises(ValueError, match="until: "):
        Pause(until=moment)
    with pytest.raises(ValueError, match="at: "):
        Resumption(at=moment, until=NOON)


def test_a_resumption_ends_after_it_begins() -> None:
    with pytest.raises(ValueError, match="later than at"):
        Resumption(at=NOON, until=NOON)


def test_pauses_are_closed_too() -> None:
    assert msgspec.json.decode(b'{"until":null}', type=Pause) == Pause()
    with pytest.raises(msgspec.ValidationError, match="by"):
        msgspec.json.decode(b'{"by":"administrator"}', type=Pause)
    with pytest.raises(msgspec.ValidationError, match="at"):
        msgspec.json.decode(b'{"until":"2027-03-28T12:00:00Z"}', type=Resumption)
