"""Asking for weeks: in its time, of one size, and nothing that goes wrong is more than a line in the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.privacy_hours.machine import Agent, Machine

from toktra.agent.control_messages import Add, ConfirmPortal, PauseFor, RemoveAll, Resume, Show, Told
from toktra.agent.privacy_hours.look import EVERYBODY
from toktra.agent.privacy_hours.weeks import WEEKS_PATH, Asking
from toktra.agent.privacy_hours.windows import format_window, parse_window
from toktra.agent.timetable import Timetable
from toktra.agent.transport import Answer, Unreachable
from toktra.wire.events import encode
from toktra.wire.portal import QUESTION_BYTES, AccountWeek, WeeksAnswer, WeeksQuestion, decode_question
from toktra.wire.schedule import Schedule

ALICE, BOB, CAROL = 1000, 1001, 1002


class Server:
    """What is posted to it, and what it answers."""

    def __init__(self) -> None:
        self.questions: list[WeeksQuestion] = []
        self.sizes: set[int] = set()
        self.answer: Answer | Exception = Unreachable("away")

    def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        assert (path, timeout_s) == (WEEKS_PATH, 5.0)
        self.questions.append(decode_question(body))
        self.sizes.add(len(body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def says(self, answer: WeeksAnswer) -> None:
        self.answer = Answer(status=200, body=encode(answer))


class Device:
    """An agent that asks every quarter of an hour."""

    def __init__(self, state: Path) -> None:
        self.agent, self.server, self.clock = Agent(Machine(), state), Server(), 0.0
        self.asking = self._first_question()

    def _first_question(self) -> Asking:
        return Asking(
            self.agent.inbox,
            self.server.post,
            agent_version="1.0",
            timetable=Timetable(every_s=900, spread_s=0, monotonic=lambda: self.clock, chance=lambda: 0.0),
            monotonic=lambda: self.clock,
        )

    def restarts(self) -> None:
        self.agent.start()
        self.asking = self._first_question()

    def asks(self) -> WeeksQuestion:
        assert self.asking.step(5.0) == 900
        self.clock += 900
        self.agent.look()
        return self.server.questions[-1]

    def told(self, uid: int = ALICE) -> Told:
        told = self.agent.ask(uid, Show())
        assert isinstance(told, Told)
        return told

    def windows(self, uid: int = ALICE) -> list[str]:
        schedule = self.told(uid).schedule
        assert schedule is not None
        return [format_window(window) for window in schedule.windows]


def week(*windows: str) -> Schedule:
    return Schedule(zone="Etc/UTC", windows=tuple(parse_window(text) for text in windows))


def said(version: int, *windows: str, uid: int = ALICE) -> WeeksAnswer:
    return WeeksAnswer(
        agreement_version=0, weeks=(AccountWeek(account=f"user{uid}", version=version, schedule=week(*windows)),)
    )


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path)
    yield device
    device.agent.end()


def test_it_asks_in_its_time_alone_and_says_how_it_stands_the_next_time(device: Device) -> None:
    device.server.says(said(3, "sat"))
    first = device.asks()
    assert (first.in_use, first.standings) == (False, ())
    device.clock -= 10
    assert device.asking.step(5.0) == 10
    device.clock += 10
    second = device.asks()
    assert second.in_use
    [standing] = second.standings
    assert (standing.account, standing.version, standing.standing) == (f"user{ALICE}", 3, "applied")
    assert device.server.sizes == {QUESTION_BYTES}


def test_a_removal_waits_until_the_owner_agrees_to_what_they_were_shown(device: Device) -> None:
    device.server.says(said(1, "sat", "sun"))
    device.asks()
    device.server.says(said(2, "sun"))
    device.asks()
    waits = device.told().waiting
    assert waits is not None
    assert device.told().note.endswith("toktra privacy-hours confirm")
    device.server.says(said(3))
    device.asks()
    refused = device.agent.ask(ALICE, ConfirmPortal(waiting=waits))
    assert "has changed since it was shown" in str(refused)
    other = device.agent.ask(BOB, ConfirmPortal(waiting=waits))
    assert "has changed" in str(other)
    assert device.windows() == ["sat,sun 00:00-24:00"]
    now = device.told().waiting
    assert now is not None
    device.agent.ask(ALICE, ConfirmPortal(waiting=now))
    assert (device.windows(), device.told().waiting) == ([], None)
    assert device.asks().standings[0].standing == "applied"


def test_a_week_is_for_the_account_it_names_and_stays_over_a_restart(device: Device) -> None:
    device.agent.ask(BOB, Add(windows=(parse_window("mon"),)))
    device.server.says(said(1, "sat"))
    device.asks()
    device.agent.stop()
    device.restarts()
    assert (device.windows(ALICE), device.windows(BOB)) == (["sat 00:00-24:00"], ["mon 00:00-24:00"])
    assert device.told(CAROL).schedule == Schedule(zone="Etc/UTC")


def test_an_agreement_holds_for_every_account_also_for_one_that_comes_later(device: Device) -> None:
    machine = device.agent.machine
    device.agent.ask(BOB, Add(windows=(parse_window("sat"),)))
    device.server.says(WeeksAnswer(agreement_version=1, agreement=week("mon 12:00-12:30")))
    assert device.asks().in_use  # Bob's
    assert not machine.watching
    for uid in (ALICE, BOB, CAROL):
        assert device.told(uid).private
    machine.send(CAROL)
    assert device.agent.run_for(5) == []
    device.agent.ask(CAROL, PauseFor(minutes=1))
    device.agent.ask(CAROL, Resume())
    assert device.told(CAROL).private  # resuming ends nothing that was added
    device.agent.ask(CAROL, RemoveAll())
    assert device.told(CAROL).private
    device.agent.stop()
    device.restarts()
    assert all(device.told(uid).private for uid in (ALICE, BOB, CAROL))
    device.agent.run_for(1800)
    assert machine.watching


def test_an_agreement_that_was_damaged_on_the_disk_makes_everybody_private_until_they_look(
    device: Device, tmp_path: Path
) -> None:
    device.server.says(WeeksAnswer(agreement_version=1, agreement=week("sat")))
    device.asks()
    device.agent.stop()
    kept = tmp_path / f"privacy-hours.{EVERYBODY}"
    kept.write_bytes(kept.read_bytes()[:-3])
    device.restarts()
    assert device.told(ALICE).private
    assert device.told(BOB).private
    device.agent.ask(ALICE, RemoveAll())
    assert (device.told(ALICE).private, device.told(BOB).private) == (False, True)
    device.asks()
    assert device.told(ALICE).added == (week("sat"),)


def test_an_agreement_alone_is_no_use_of_privacy_hours(device: Device) -> None:
    device.server.says(WeeksAnswer(agreement_version=1, agreement=week("sat")))
    for _ in range(2):
        assert not device.asks().in_use
    device.agent.ask(ALICE, Show())
    assert not device.asks().in_use
    device.agent.ask(ALICE, PauseFor(minutes=1))
    assert device.asks().in_use
    device.agent.ask(ALICE, Resume())
    assert device.asks().in_use  # it is not taken back


@pytest.mark.parametrize(
    "answer",
    [
        Unreachable("The server does not answer."),
        Answer(status=404, body=b"not here"),
        Answer(status=500, body=b""),
        Answer(status=200, body=b"<html>"),
        Answer(status=200, body=b'{"agreement_version":1,"observe":true}'),
        Answer(
            status=200,
            body=b'{"agreement_version":1,"agreement":{"zone":"Mars/Olympus","windows":[]},"weeks":'
            b'[{"account":"user1000","version":9,"schedule":{"zone":"Mars/Olympus","windows":[]}}]}',
        ),
    ],
)
def test_an_answer_that_is_none_changes_nothing(device: Device, answer: Answer | Exception) -> None:
    device.server.says(said(1, "sat"))
    device.asks()
    device.server.answer = answer
    device.asks()
    assert device.windows() == ["sat 00:00-24:00"]
    device.server.says(said(2, "sat", "sun"))
    device.asks()
    assert len(device.windows()) == 2
