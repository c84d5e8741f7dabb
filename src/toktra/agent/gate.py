"""The gate between what is observed and what is written: during an account's Privacy Hours nothing of it comes through.

Personal mode decides here too, and nowhere else: of what comes through, the exchanges that began in it are handed to
the account's second ledger, and whatever stands behind the gate never meets them. Privacy Hours come first.

Capture watches the whole machine, Privacy Hours belong to accounts. Whenever one account's private time begins or ends,
capture is stopped for a moment, which cuts every exchange in progress, and what is observed afterwards is counted from
zero. So all that capture yields between two cuts happened between them, and an account's part of it is either let
through or dropped. While nobody is to be observed, capture is not started again: no program is in a hook then.

A cut is made shortly before private time begins. Should the agent come late nevertheless, because the machine slept or
was busy, what may reach into private time is dropped whole.
"""

from __future__ import annotations

import math
import select
from collections.abc import Sequence
from typing import Final, Protocol

from toktra.agent.capture.linux.status import CaptureStatus
from toktra.agent.capture.observed import ObservedExchange
from toktra.agent.capture_source import LiveSource
from toktra.agent.control_messages import Answer, HoursRequest
from toktra.agent.privacy_hours.live import LiveHours
from toktra.agent.privacy_hours.look import EVERYBODY, Look

AHEAD_S: Final = 0.25
"""Private time is begun this much early."""
NOT_WORTH_OBSERVING_S: Final = 6.0
"""A stretch between private times that is shorter stays private: a clock put right by a few seconds makes such ones."""
CLOCKS_APART_S: Final = 0.01
"""The clocks of an exchange and ours are read one after the other."""
ACTIVE_FOR_S: Final = 24 * 3600.0
"""An account with an exchange within this time is one that is to be observed, unless it is private."""


class Question(Protocol):
    """What an account asks about its Privacy Hours; `desk.AskedHours` is one."""

    @property
    def uid(self) -> int:
        """Who asks; the kernel says so."""
        ...

    @property
    def request(self) -> HoursRequest:
        """What for."""
        ...

    def answer(self, answer: Answer) -> None:
        """To be called once."""
        ...


class Questions(Protocol):
    """Where accounts ask; `desk.Desk` is one."""

    @property
    def descriptor(self) -> int:
        """Readable while something waits to be answered."""
        ...

    def waiting(self) -> Sequence[Question]:
        """What was asked since the last call."""
        ...


class Letters(Protocol):
    """What a server says about private time; `privacy_hours.weeks.Inbox` is one."""

    def take_in(self) -> bool:
        """Gives what came since the last call to the Privacy Hours; whether anything did."""
        ...

    def note(self) -> None:
        """Something may have changed that the server is to be told."""
        ...


class Aside(Protocol):
    """Where personal use goes; `perks.second_ledger.SecondLedger` is one."""

    def divert(self, observed: list[ObservedExchange]) -> list[ObservedExchange]:
        """Takes what began in personal mode, and hands back the rest."""
        ...


class GatedSource:
    """A live source of which nobody's private time can be seen, and what the owners of that time ask.

    Personal use is not among what it yields.
    """

    def __init__(
        self, source: LiveSource, hours: LiveHours, control: Questions, letters: Letters, aside: Aside
    ) -> None:
        self._source = source
        self._aside = aside
        self._hours = hours
        self._control = control
        self._letters = letters
        source.wake_on(control.descriptor)
        self._active: dict[int, float] = {}
        """When an account was last observed, on the monotonic clock; not kept on the disk."""
        self._private: frozenset[int] = frozenset()
        """Who is private since the last cut."""
        self._resting = True
        source.pause()  # what was observed before anybody could be asked
        self._last = hours.look()
        self._begin(self._private_at(self._last), self._last)

    def may_send(self) -> bool:
        """Whether usage may leave this device: not while nobody is to be observed. Any thread may ask."""
        return not self._resting

    def poll(self, timeout_s: float) -> list[ObservedExchange]:
        """The exchanges that may be recorded. Returns early for a request, after it was answered, and at an edge."""
        passed = self._settle(self._wait(timeout_s))
        asked = self._control.waiting()
        if self._letters.take_in():  # at a look just taken: what was observed before it is not touched
            passed += self._settle([])
        if asked:
            notes = [self._hours.act(one.uid, one.request) for one in asked]
            self._letters.note()
            passed += self._settle([], by_owner=frozenset(one.uid for one in asked))
            for one, note in zip(asked, notes, strict=True):
                one.answer(self._hours.tell(one.uid, self._last, note))
        return passed

    def status(self) -> CaptureStatus | None:
        """The source's."""
        return self._source.status()

    def close(self) -> list[ObservedExchange]:
        """Ends the source, and yields what was still open and may be recorded."""
        now = self._hours.look()
        observed = self._source.close()
        return [] if self._resting else self._passed(observed, now)

    def _wait(self, timeout_s: float) -> list[ObservedExchange]:
        begins_in_s = self._next_private_s() - AHEAD_S - self._last.reading.monotonic_s
        timeout_s = max(0.0, min(timeout_s, begins_in_s))
        if not self._resting:
            return self._source.poll(timeout_s)
        ends_in_s = self._next_observed_s() - self._last.reading.monotonic_s
        select.select([self._control.descriptor], [], [], max(0.0, min(timeout_s, ends_in_s)))
        return []

    def _next_private_s(self) -> float:
        edges = (self._last.observed_before(uid) for uid in self._last.decisions if uid not in self._private)
        return min(edges, default=math.inf)

    def _next_observed_s(self) -> float:
        """When the next decision changes, as far as the last look can tell."""
        reading = self._last.reading
        ends = (decision.until for decision in self._last.decisions.values())
        return min((reading.monotonic_s + end.timestamp() - reading.wall_s for end in ends if end), default=math.inf)

    def _settle(
        self, observed: list[ObservedExchange], by_owner: frozenset[int] = frozenset()
    ) -> list[ObservedExchange]:
        """Looks at the clocks, cuts where private time began or ended, and lets through what may be recorded."""
        now = self._hours.look()
        private = self._private_at(now)
        if private == self._private and now.reading.monotonic_s < self._next_private_s():
            passed = self._passed(observed, now, by_owner)
        else:
            if not self._resting:
                observed = observed + self._source.pause()
            passed = self._passed(observed, now, by_owner)
            self._begin(private, now)
        self._last = now
        return passed

    def _begin(self, private: frozenset[int], now: Look) -> None:
        """After a cut: observes again, unless there is nobody to be observed."""
        self._private = private
        self._resting = not self._anybody_to_observe(now)
        if not self._resting:
            self._source.resume()

    def _anybody_to_observe(self, now: Look) -> bool:
        """True as long as nobody is private: then whoever comes is observed."""
        if not self._private:
            return True
        active = {uid for uid, at in self._active.items() if now.reading.monotonic_s - at < ACTIVE_FOR_S}
        return not all(self._is_private(uid, now) for uid in self._hours.has_plans() | active)

    def _is_private(self, uid: int, look: Look) -> bool:
        """Whether an account is private since the last cut, at which `look` or one like it was taken."""
        return (uid if uid in look.decisions else EVERYBODY) in self._private

    def _private_at(self, look: Look) -> frozenset[int]:
        """Who is private, or about to be."""
        return frozenset(uid for uid in look.decisions if look.is_private(uid) or self._is_about_to_be(uid, look))

    def _is_about_to_be(self, uid: int, look: Look) -> bool:
        ahead_s = NOT_WORTH_OBSERVING_S if uid in self._private else AHEAD_S
        return look.observed_before(uid) - look.reading.monotonic_s <= ahead_s

    def _passed(
        self, observed: list[ObservedExchange], now: Look, by_owner: frozenset[int] = frozenset()
    ) -> list[ObservedExchange]:
        """What may be recorded of all that was observed since the last cut."""
        passed = []
        monotonic_at_1970 = now.reading.monotonic_s - now.reading.wall_s
        for one in observed:
            if one.exchange.ended_at + monotonic_at_1970 + CLOCKS_APART_S < self._bound(one.uid, now, by_owner):
                passed.append(one)
                if one.uid is not None:
                    self._active[one.uid] = now.reading.monotonic_s
        return self._aside.divert(passed)

    def _bound(self, uid: int | None, now: Look, by_owner: frozenset[int]) -> float:
        """Up to when, on the monotonic clock, this account was certainly not private since the last cut."""
        if uid is None:  # anybody's
            return min((self._bound(one, now, by_owner) for one in now.decisions), default=math.inf)
        if self._is_private(uid, self._last):
            return -math.inf
        expected_s = self._last.observed_before(uid)
        if now.is_private(uid) and now.reading.monotonic_s < expected_s and uid not in by_owner:
            return self._last.reading.monotonic_s  # the clock or the zone was set since
        return expected_s
