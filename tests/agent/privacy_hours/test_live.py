"""The gate of an agent at work: what passes on both edges of private time, who changes it, and what survives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.agent.privacy_hours.machine import NOON, Agent, Machine

from toktra.agent.control_messages import (
    Add,
    Answer,
    ConfirmClock,
    HoursRequest,
    PauseFor,
    PauseUntil,
    Refused,
    Remove,
    RemoveAll,
    Resume,
    Show,
    Told,
)
from toktra.agent.privacy_hours.device import DeviceZone, clock_reader
from toktra.agent.privacy_hours.windows import parse_window
from toktra.wire.schedule import MAX_WINDOWS

ALICE, BOB = 1000, 1001


def windows(*texts: str) -> Add:
    return Add(windows=tuple(parse_window(text) for text in texts))


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def agent(machine: Machine, tmp_path: Path) -> Iterator[Agent]:
    running = Agent(machine, tmp_path)
    yield running
    running.end()


def told(agent: Agent, uid: int = ALICE, request: HoursRequest | None = None) -> Told:
    answer = agent.ask(uid, request or Show())
    assert isinstance(answer, Told), answer
    return answer


def refused(answer: Answer) -> str:
    assert isinstance(answer, Refused), answer
    return answer.because


# -- edges ----------------------------------------------------------------------------------------------------------


def test_an_exchange_in_progress_is_cut_at_both_edges_of_a_window(agent: Agent, machine: Machine) -> None:
    agent.ask(ALICE, windows("mon 12:30-13:00"))
    agent.run_for(1799)
    before = machine.send(ALICE)
    assert agent.run_for(0.75) == [before]  # cut a quarter of a second early
    assert not machine.watching
    machine.send(ALICE)
    agent.run_for(0.5)
    machine.send(ALICE)
    assert agent.run_for(1799.75) == []
    assert machine.watching
    after = machine.send(ALICE)
    machine.finish(ALICE)
    assert agent.look() == [after]


def test_an_agent_that_comes_late_drops_what_reaches_into_private_time(agent: Agent, machine: Machine) -> None:
    agent.ask(ALICE, windows("mon 12:30-13:00"))
    agent.run_for(1000)
    whole = machine.send(ALICE)
    machine.finish(ALICE)
    machine.send(ALICE)
    machine.monotonic += 900  # asleep over the edge
    machine.send(ALICE)
    assert agent.look() == [whole]


def test_a_window_that_passed_unseen_is_not_counted(agent: Agent, machine: Machine) -> None:
    agent.ask(ALICE, windows("mon 12:30-13:00"))
    agent.run_for(1000)
    machine.send(ALICE)
    machine.monotonic += 900
    machine.send(ALICE)
    machine.monotonic += 2000
    assert agent.look() == []
    after = machine.send(ALICE)
    machine.finish(ALICE)
    assert agent.look() == [after]


def test_a_pause_begins_when_it_is_answered_and_loses_nothing_before(agent: Agent, machine: Machine) -> None:
    before = machine.send(ALICE)
    agent.ask(ALICE, PauseFor(minutes=30))
    machine.send(ALICE)
    agent.ask(ALICE, Resume())
    after = machine.send(ALICE)
    recorded = agent.stop()
    assert [event.request_bytes for event in agent.events] == [1 << before, 1 << after]
    assert recorded == [after]


def test_a_start_within_private_time_observes_nothing(agent: Agent, machine: Machine) -> None:
    agent.ask(ALICE, PauseUntil())
    agent.stop()
    machine.watching = True
    machine.send(ALICE)
    agent.start()
    assert not machine.watching
    assert agent.run_for(5) == agent.stop() == []


# -- whose time it is -----------------------------------------------------------------------------------------------


def test_while_another_is_observed_only_the_private_part_is_dropped(agent: Agent, machine: Machine) -> None:
    first = machine.send(BOB)
    machine.finish(BOB)
    assert agent.look() == [first]
    agent.ask(ALICE, PauseUntil())
    assert machine.watching
    machine.send(ALICE)
    machine.finish(ALICE)
    of_bob = machine.send(BOB)
    machine.finish(BOB)
    assert agent.look() == [of_bob]
    machine.send(ALICE)
    agent.ask(ALICE, Resume())
    after = machine.send(ALICE)
    assert agent.stop() == [after]


def test_nothing_is_attached_and_nothing_sent_once_nobody_is_to_be_observed(agent: Agent, machine: Machine) -> None:
    machine.send(BOB)
    machine.finish(BOB)
    agent.look()
    agent.ask(ALICE, PauseUntil())
    assert (machine.watching, agent.gate.may_send()) == (True, True)
    agent.ask(BOB, PauseUntil())
    assert (machine.watching, agent.gate.may_send()) == (False, False)
    agent.ask(BOB, Resume())
    assert (machine.watching, agent.gate.may_send()) == (True, True)


def test_an_account_that_was_not_there_for_a_day_is_not_waited_for(agent: Agent, machine: Machine) -> None:
    machine.send(BOB)
    machine.finish(BOB)
    agent.look()
    machine.monotonic += 86_401
    agent.ask(ALICE, PauseUntil())
    assert not machine.watching


def test_what_is_nobodys_is_dropped_while_anybody_is_private(agent: Agent, machine: Machine) -> None:
    machine.send(BOB)
    machine.finish(BOB)
    agent.look()
    known = machine.send(None)
    machine.finish(None)
    assert agent.look() == [known]
    agent.ask(ALICE, PauseUntil())
    machine.send(None)
    machine.finish(None)
    assert agent.look() == []


def test_an_account_reads_and_changes_only_its_own(agent: Agent) -> None:
    agent.ask(ALICE, windows("mon-fri 12:00-13:00"))
    assert told(agent, ALICE).private
    assert not told(agent, BOB).private
    assert "not a window of yours" in refused(agent.ask(BOB, Remove(windows=windows("mon-fri 12:00-13:00").windows)))
    for request in (RemoveAll(), Resume(), ConfirmClock(), windows("sat")):
        agent.ask(BOB, request)
    schedule = told(agent, ALICE).schedule
    assert told(agent, ALICE).private
    assert schedule is not None
    assert schedule.windows == windows("mon-fri 12:00-13:00").windows


# -- in doubt -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("set_by_s", [-365 * 86_400, 365 * 86_400, -7200, 7200])
def test_a_clock_that_was_set_is_private_from_the_last_look_on(agent: Agent, machine: Machine, set_by_s: int) -> None:
    agent.ask(ALICE, windows("daily 10:00-11:59", "daily 12:05-14:00"))
    early = machine.send(ALICE)
    machine.finish(ALICE)
    agent.run_for(2)
    machine.monotonic += 0.5
    machine.set_by = set_by_s
    machine.send(ALICE)
    machine.finish(ALICE)
    assert agent.look() == []
    assert told(agent).private
    assert [event.request_bytes for event in agent.events] == [1 << early]
    machine.set_by = 0
    agent.look()
    after = machine.send(ALICE)
    machine.finish(ALICE)
    assert agent.look() == [after]


def test_the_owner_may_say_that_the_clock_is_right(agent: Agent, machine: Machine) -> None:
    agent.ask(ALICE, windows("2027-01-05"))
    machine.set_by = 2 * 365 * 86_400
    assert told(agent).private
    assert "confirm-clock" in told(agent).note
    assert not told(agent, request=ConfirmClock()).private


def test_doubt_about_the_clock_survives_a_restart(agent: Agent, machine: Machine) -> None:
    agent.ask(ALICE, windows("daily 10:00-11:59"))
    machine.set_by = -365 * 86_400
    assert told(agent).private
    agent.stop()
    agent.start()
    assert told(agent).private


def test_a_zone_that_the_device_cannot_tell_is_private(agent: Agent, machine: Machine) -> None:
    agent.ask(ALICE, windows("sat"))
    assert machine.watching
    agent.zone = None
    assert told(agent).private
    assert not machine.watching


# -- on the disk ----------------------------------------------------------------------------------------------------


def test_all_of_it_survives_a_restart_and_is_readable_to_the_agent_alone(agent: Agent, tmp_path: Path) -> None:
    agent.ask(ALICE, windows("sat", "mon 12:30-13:00"))
    before = told(agent)
    agent.stop()
    agent.start()
    assert told(agent) == before
    files = sorted(tmp_path.glob("privacy-hours*"))
    assert [path.name for path in files] == [f"privacy-hours.{ALICE}", "privacy-hours.clocks"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_wishes_that_are_damaged_or_gone_are_private_until_the_owner_begins_anew(agent: Agent, tmp_path: Path) -> None:
    wishes = tmp_path / f"privacy-hours.{ALICE}"
    agent.ask(ALICE, windows("sat"))
    intact = wishes.read_bytes()
    for content in (None, b"", intact[:-2], intact.replace(b"sat", b"sun")):
        agent.stop()
        wishes.unlink() if content is None else wishes.write_bytes(content)
        agent.start()
        assert (told(agent).private, told(agent).schedule) == (True, None)
        assert "remove --all" in told(agent).note
        assert "remove --all" in refused(agent.ask(ALICE, Resume()))
        assert "remove --all" in refused(agent.ask(ALICE, Remove(windows=windows("sat").windows)))
        assert not told(agent, BOB).private
        assert not told(agent, request=RemoveAll()).private
        agent.ask(ALICE, windows("sat"))


def test_a_lost_trust_in_the_clock_is_private_until_the_owner_says_it_is_right(agent: Agent, tmp_path: Path) -> None:
    clocks = tmp_path / "privacy-hours.clocks"
    agent.ask(ALICE, windows("sat"))
    for content in (None, b"", clocks.read_bytes()[:-9]):
        agent.stop()
        clocks.unlink() if content is None else clocks.write_bytes(content)
        agent.start()
        assert told(agent).private
        assert not told(agent, request=ConfirmClock()).private


def test_a_disk_that_takes_nothing_keeps_no_promise_but_a_pause(agent: Agent, tmp_path: Path) -> None:
    agent.state.chmod(0o500)
    draft = tmp_path / f".privacy-hours.{ALICE}.draft"
    draft.mkdir()  # root is not kept out by modes
    (tmp_path / ".privacy-hours.clocks.draft").mkdir()
    assert "nothing was changed" in refused(agent.ask(ALICE, windows("mon 11:00-13:00")))
    assert not told(agent).private
    paused = told(agent, request=PauseFor(minutes=5))
    assert paused.private
    assert "restart" in paused.note
    agent.state.chmod(0o700)


# -- what is asked --------------------------------------------------------------------------------------------------


def test_windows_are_added_once_and_removed_as_they_stand(agent: Agent) -> None:
    agent.ask(ALICE, windows("sat", "mon 12:30-13:00"))
    schedule = told(agent, request=windows("sat", "sun")).schedule
    assert schedule is not None
    assert schedule.windows == windows("sat", "mon 12:30-13:00", "sun").windows
    schedule = told(agent, request=Remove(windows=windows("sun", "sat").windows)).schedule
    assert schedule is not None
    assert schedule.windows == windows("mon 12:30-13:00").windows


def test_a_schedule_has_one_zone(agent: Agent) -> None:
    berlin = Add(windows=windows("sat").windows, zone="Europe/Berlin")
    agent.ask(ALICE, berlin)
    schedule = told(agent, request=windows("sun")).schedule
    assert schedule is not None
    assert schedule.zone == "Europe/Berlin"
    elsewhere = Add(windows=windows("mon").windows, zone="Europe/Athens")
    assert "Europe/Berlin" in refused(agent.ask(ALICE, elsewhere))
    assert "Mars/Olympus" in refused(agent.ask(BOB, Add(windows=berlin.windows, zone="Mars/Olympus")))


def test_a_schedule_has_an_end(agent: Agent) -> None:
    many = [
        f"2027-01-{day + 1:02} {hour:02}:{minute:02}-{hour:02}:59"
        for day in range(28)
        for hour in range(12, 24)
        for minute in (0, 10, 20)
    ]
    agent.ask(ALICE, windows(*many[:MAX_WINDOWS]))
    assert str(MAX_WINDOWS) in refused(agent.ask(ALICE, windows("sat")))


@pytest.mark.parametrize("later_s", [-60, 0, 32 * 86_400])
def test_a_pause_until_a_time_that_is_none_is_refused(agent: Agent, later_s: int) -> None:
    until = datetime.fromtimestamp(NOON + later_s, UTC)
    assert "44640 minutes" in refused(agent.ask(ALICE, PauseUntil(until=until)))
    assert not told(agent).private


def test_a_pause_ends_by_itself(agent: Agent, machine: Machine) -> None:
    until = datetime.fromtimestamp(NOON + 90, UTC)
    assert told(agent, request=PauseUntil(until=until)).until == until
    agent.run_for(89.5)
    assert not machine.watching
    agent.run_for(0.5)
    assert machine.watching


# -- the device -----------------------------------------------------------------------------------------------------


def test_the_zone_is_the_one_local_time_links_to(tmp_path: Path) -> None:
    local_time = tmp_path / "localtime"
    zone = DeviceZone(local_time)
    assert zone() is ZoneInfo("Etc/UTC")  # without the file the system's clock shows UTC
    local_time.symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert zone() is ZoneInfo("Europe/Berlin")
    local_time.unlink()
    local_time.symlink_to("../usr/share/zoneinfo/Mars/Olympus")
    assert zone() is None
    local_time.unlink()
    local_time.write_bytes(b"TZif2")
    assert zone() is None


def test_a_copy_of_a_zone_in_the_place_of_the_link_is_known_by_its_content(tmp_path: Path) -> None:
    local_time = tmp_path / "localtime"
    zone = DeviceZone(local_time)
    whole = Path("/usr/share/zoneinfo/Asia/Kathmandu").read_bytes()
    local_time.write_bytes(whole)
    found = zone()
    assert found is not None
    assert found.utcoffset(datetime(2027, 1, 1, tzinfo=found)) == timedelta(hours=5, minutes=45)
    for unknown in (whole[:-1], whole + b"\n", b"", b"x" * 100_000):
        local_time.unlink()
        local_time.write_bytes(unknown)
        assert zone() is None
    local_time.unlink()
    local_time.mkdir()
    assert zone() is None


def test_the_clocks_run_alike_and_name_their_run() -> None:
    read = clock_reader()
    first, second = read(), read()
    assert first.boot == second.boot != ""
    assert 0 <= second.monotonic_s - first.monotonic_s < 5
    assert abs((second.wall_s - first.wall_s) - (second.monotonic_s - first.monotonic_s)) < 0.1
