"""What an account is told of its own record: its events exactly as they left, nobody else's, nothing private."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.agent.device import DEVICE, Device
from tests.agent.privacy_hours.machine import NOON

from toktra.agent.control_client import AgentRefused, ask
from toktra.agent.control_messages import Left, Log, OwnToday, PauseFor, Resume, Today
from toktra.agent.own_record import OwnRecord, RecordNotReadable

ME = os.geteuid()
SOMEBODY_ELSE = 65_533
MIDNIGHT = datetime.fromtimestamp(NOON, UTC) - timedelta(hours=12)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    running = Device(tmp_path)
    yield running
    running.close()


def left(device: Device, **asked: object) -> Left:
    return ask(device.control_path, Log(**asked))  # type: ignore[arg-type]


def today(device: Device, since: datetime = MIDNIGHT) -> OwnToday:
    return ask(device.control_path, Today(since=since))


def test_an_event_waits_then_has_left_with_all_its_facts(device: Device) -> None:
    device.use(ME)
    assert (today(device).exchanges, today(device).waiting, left(device).events) == (1, 1, ())

    device.upload()

    (one,) = left(device).events
    assert today(device).waiting == 0
    assert (one.event.sequence, one.event.request_bytes, one.event.device) == (1, 1, DEVICE)
    assert MIDNIGHT < one.event.at <= one.sent_at
    figures = today(device)
    assert (figures.exchanges, figures.request_bytes, figures.link, figures.tenant) == (
        1,
        1,
        "connected",
        "Example Ltd",
    )
    assert 0 <= figures.tokens.low <= one.event.estimated_input_tokens <= figures.tokens.high


def test_nobody_elses_events_are_told_or_counted(device: Device) -> None:
    device.use(SOMEBODY_ELSE)
    device.use(ME)
    device.upload()
    device.use(SOMEBODY_ELSE)
    assert [one.event.request_bytes for one in left(device).events] == [2]
    assert (today(device).exchanges, today(device).waiting) == (1, 0)


def test_nothing_of_private_time_is_in_it(device: Device) -> None:
    device.use(ME)
    ask(device.control_path, PauseFor(minutes=5))
    device.use(ME)
    ask(device.control_path, Resume())
    device.use(ME)
    device.upload()
    assert [one.event.request_bytes for one in left(device).events] == [4, 1]
    assert today(device).request_bytes == 5


def test_it_is_told_in_pages_newest_first_and_found_by_host_and_time(device: Device) -> None:
    for _ in range(5):
        device.use(ME)
        device.upload()
    first = left(device, limit=3)
    assert ([one.event.sequence for one in first.events], first.more) == ([5, 4, 3], True)
    rest = left(device, limit=3, before=first.events[-1].place)
    assert ([one.event.sequence for one in rest.events], rest.more) == ([2, 1], False)
    assert len(left(device, host=" OpenAI ").events) == 5
    assert left(device, host="openai%").events == ()
    assert [one.event.sequence for one in left(device, since=first.events[0].sent_at).events] == [5]
    assert today(device, since=MIDNIGHT + timedelta(days=1)).exchanges == 0


def test_while_the_server_is_away_it_is_said_why(device: Device) -> None:
    device.server_answers = False
    device.use(ME)
    device.upload()
    assert (today(device).link, today(device).waiting) == ("unreachable", 1)
    assert "does not answer" in today(device).link_because


def test_a_record_that_cannot_be_read_is_refused_in_words(device: Device, tmp_path: Path) -> None:
    device.order(device._record.close)
    with pytest.raises(AgentRefused, match="cannot be read now"):
        left(device)
    with pytest.raises(RecordNotReadable):
        OwnRecord(tmp_path / "nothing.sqlite", str)
