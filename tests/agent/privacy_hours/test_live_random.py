"""Any sequence of traffic, edges, acts, jumps of the clock, late looks and restarts: no private byte is in any event.

What is private is said by a gate of its own for each account, asked at the very moment of each sending.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.agent.privacy_hours.machine import ZONE, Agent, Machine

from toktra.agent.control_messages import Add, ConfirmClock, PauseFor, RemoveAll, Resume, Show, Told
from toktra.agent.privacy_hours.clock import trust_at_first
from toktra.agent.privacy_hours.gate import Gate, State
from toktra.agent.privacy_hours.windows import parse_window
from toktra.agent.privacy_hours.wishes import Wishes, plan
from toktra.wire.portal import AccountWeek, WeeksAnswer
from toktra.wire.schedule import Schedule

ACCOUNTS = (1000, 1001)
accounts = st.sampled_from(ACCOUNTS)
windows = st.sampled_from(
    ["mon 12:00-12:01", "daily 12:02-12:04", "mon 12:04-13:00", "mon 12:10-12:11", "daily 13:00-11:59", "2027-01-04"]
)


class Device(RuleBasedStateMachine):
    """An agent on a machine with two accounts, beside what each of them wished."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Path(tempfile.mkdtemp(prefix="toktra-hours-"))
        self.machine = Machine()
        self.agent = Agent(self.machine, self.state)
        self.recorded: list[int] = []
        self.judged = 0
        self.private: dict[int, bool] = {}
        """By the number of a sending."""
        first = Wishes(schedule=Schedule(zone=ZONE.key))
        self.wished = {uid: Gate(first, trust_at_first(self.machine.read())) for uid in ACCOUNTS}
        self.seen = True
        """Whether the agent has looked since the clock was last set."""

    def teardown(self) -> None:
        self.agent.end()
        shutil.rmtree(self.state)

    def look(self) -> None:
        self.recorded += self.agent.look()
        self.seen = True

    def traffic(self) -> None:
        for uid in ACCOUNTS:
            self.private[self.machine.send(uid)] = self.decides(uid)

    @rule(uid=accounts)
    def an_exchange_ends(self, uid: int) -> None:
        self.machine.finish(uid)

    @rule(seconds=st.sampled_from([0.5, 2, 5]))
    def time_passes_with_a_punctual_agent(self, seconds: float) -> None:
        self.seen = True
        for _ in range(int(4 * seconds)):
            self.traffic()
            self.recorded += self.agent.run_for(0.25)

    @rule(seconds=st.sampled_from([0.1, 2, 29, 57, 60, 125, 3600]))
    def time_passes_while_the_agent_is_stopped(self, seconds: float) -> None:
        self.traffic()
        self.machine.monotonic += seconds
        self.traffic()

    @rule()
    def the_agent_looks(self) -> None:
        self.look()

    @precondition(lambda self: self.seen)
    @rule(set_by=st.sampled_from([0.0, 90.0, -90.0, 3600.0, -86_400.0]))
    def the_clock_is_set(self, set_by: float) -> None:
        """Not twice without a look between: what was never seen by anybody cannot be judged afterwards."""
        self.machine.set_by = set_by
        self.seen = False
        self.traffic()

    @rule(uid=accounts, minutes=st.sampled_from([1, 3, 60]))
    def an_owner_pauses(self, uid: int, minutes: int) -> None:
        self.settle()
        answer = self.agent.ask(uid, PauseFor(minutes=minutes))
        self.wished[uid].pause_for(minutes, self.machine.read())
        assert isinstance(answer, Told)
        assert answer.private
        self.traffic()

    @rule(uid=accounts)
    def an_owner_ends_it(self, uid: int) -> None:
        self.settle()
        self.agent.ask(uid, Resume())
        self.wished[uid].resume(self.machine.read())

    @rule(uid=accounts, window=windows)
    def an_owner_adds_a_window(self, uid: int, window: str) -> None:
        self.settle()
        gate, new = self.wished[uid], parse_window(window)
        self.agent.ask(uid, Add(windows=(new,)))
        assert gate.wishes is not None
        there = gate.wishes.schedule.windows
        gate.obey_owner(plan(gate.wishes, Schedule(zone=ZONE.key, windows=tuple(dict.fromkeys((*there, new))))))

    @rule(uid=accounts)
    def an_owner_removes_all(self, uid: int) -> None:
        self.settle()
        self.agent.ask(uid, RemoveAll())
        gate = self.wished[uid]
        assert gate.wishes is not None
        gate.obey_owner(plan(gate.wishes, Schedule(zone=ZONE.key)))

    @rule(uid=accounts)
    def an_owner_believes_the_clock(self, uid: int) -> None:
        self.settle()
        if uid in self.has_wished():
            self.wished[uid].confirm_clock(self.machine.read())
        self.agent.ask(uid, ConfirmClock())

    @rule(account=accounts, window=st.one_of(windows, st.none()), version=st.integers(1, 9))
    def the_server_sends_a_week(self, account: int, window: str | None, version: int) -> None:
        """In any order and as often as it likes; None is an empty one. It is held to what it must not do alone."""
        week = Schedule(zone=ZONE.key, windows=() if window is None else (parse_window(window),))
        self.settle()
        self.hear(
            WeeksAnswer(
                agreement_version=0, weeks=(AccountWeek(account=f"user{account}", version=version, schedule=week),)
            )
        )

    @rule(window=st.one_of(windows, st.none()), version=st.integers(1, 9))
    def the_server_tells_of_an_agreement(self, window: str | None, version: int) -> None:
        agreement = None if window is None else Schedule(zone=ZONE.key, windows=(parse_window(window),))
        self.settle()
        self.hear(WeeksAnswer(agreement_version=version, agreement=agreement))

    def hear(self, answer: WeeksAnswer) -> None:
        """Who was private stays so, whatever it said; what the owners wished counts as before."""
        was = {uid: self.told(uid).private for uid in ACCOUNTS}
        self.recorded += self.agent.hear(answer)
        for uid in ACCOUNTS:
            assert self.told(uid).private >= was[uid]
        self.traffic()

    def told(self, uid: int) -> Told:
        told = self.agent.ask(uid, Show())
        assert isinstance(told, Told)
        return told

    @rule(killed=st.booleans())
    def the_agent_starts_anew(self, killed: bool) -> None:
        if killed:
            self.machine.pause()  # its program goes with it, and what was not recorded is lost
        else:
            self.recorded += self.agent.stop()
        self.agent.start()
        for uid in set(ACCOUNTS) - self.has_wished():  # a new run knows the clock only from now on
            self.wished[uid] = Gate(Wishes(schedule=Schedule(zone=ZONE.key)), trust_at_first(self.machine.read()))
        self.seen = True

    @invariant()
    def nothing_private_is_recorded_and_nothing_twice(self) -> None:
        for number in self.recorded[self.judged :]:
            assert not self.private[number], f"sending {number} of {self.machine.sendings[number]}"
        assert len(set(self.recorded)) == len(self.recorded)
        self.judged = len(self.recorded)

    def settle(self) -> None:
        """Both sides know the time before an owner acts on it."""
        self.look()
        for uid in ACCOUNTS:
            self.decides(uid)

    def decides(self, uid: int) -> bool:
        return self.wished[uid].decide(self.machine.read(), ZONE).state is State.PRIVATE

    def has_wished(self) -> set[int]:
        return {int(path.suffix[1:]) for path in self.state.iterdir() if path.suffix[1:].isdecimal()}


TestDevice = Device.TestCase
TestDevice.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
