"""Personal mode: to which ledger an exchange belongs, decided by when it began. Clocks are read by the caller.

On, for an hour or by a schedule: that is a pause and windows as Privacy Hours know them, so the same rules decide. In
doubt it is on: when the clock was set, the zone is not known or the file is damaged, use that may be personal is not
shown to the organisation. Only the owner's acts change it; nothing a server says does.

Nothing is cut when it changes. An exchange that began in one mode ends in it, also the part that came after it was
first reported, and also when it was cut for Privacy Hours in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

from toktra.agent.control_messages import HoursRequest, Refused, Show, Told
from toktra.agent.privacy_hours.clock import Reading
from toktra.agent.privacy_hours.gate import Reason
from toktra.agent.privacy_hours.live import LiveHours
from toktra.agent.privacy_hours.look import Look
from toktra.agent.privacy_hours.store import Store

CLOCKS_APART_S: Final = 0.01
"""The clocks of an exchange and ours are read one after the other."""
MOST_CHANGES: Final = 4_000
"""Remembered for each account while the agent runs; beyond them the oldest time counts as personal."""
MOST_EDGES_AT_ONCE: Final = 10_000


class Ledger(Enum):
    """Where an exchange is recorded."""

    CORPORATE = "corporate"
    PERSONAL = "personal"
    NEITHER = "neither"
    """Its account is not known, and somebody who may have been the one was in personal mode when it began."""


class Past:
    """When one account's mode changed, on the monotonic clock."""

    def __init__(self, *, personal: bool) -> None:
        self._changes: list[tuple[float, bool]] = [(-math.inf, personal)]

    def note(self, at_s: float, *, personal: bool) -> None:
        """How it is from a moment on; not before an earlier note."""
        if self._changes[-1][1] != personal:
            self._changes.append((at_s, personal))
        if len(self._changes) > MOST_CHANGES:
            del self._changes[0]
            self._changes[0] = (-math.inf, True)

    def personal_within(self, first_s: float, last_s: float) -> bool:
        """Whether it was on at any moment between two."""
        ends = [at for at, _ in self._changes[1:]] + [math.inf]
        return any(
            personal and begins <= last_s and ends_s > first_s
            for (begins, personal), ends_s in zip(self._changes, ends, strict=True)
        )


class Modes:
    """The personal mode of every account of this device. For the agent's own thread."""

    def __init__(self, store: Store, read: Callable[[], Reading], zone: Callable[[], ZoneInfo | None]) -> None:
        self._read = read
        self._zone = zone
        self._windows = LiveHours(store, read, zone)
        self._last = self._windows.look()
        self._pasts = {uid: Past(personal=self._last.is_private(uid)) for uid in self._last.decisions}

    def look(self, by_owner: frozenset[int] = frozenset()) -> None:
        """Reads the clocks and notes every change since the last look, at its own time. `by_owner`: who just acted."""
        reading = self._read()
        for _ in range(MOST_EDGES_AT_ONCE):
            edge = self._next_edge()
            if edge is None or edge.monotonic_s > reading.monotonic_s:
                break
            self._note(self._windows.look_at(edge), by_owner=frozenset(self._pasts))
        self._note(self._windows.look_at(reading), by_owner)

    def ledger(self, uid: int | None, first: float, last: float) -> Ledger:
        """Where an exchange belongs that began between two moments, in seconds since 1970."""
        at_1970_s = self._last.reading.monotonic_s - self._last.reading.wall_s
        first_s, last_s = first + at_1970_s - CLOCKS_APART_S, last + at_1970_s + CLOCKS_APART_S
        if uid is None:
            anybody = any(past.personal_within(first_s, last_s) for past in self._pasts.values())
            return Ledger.NEITHER if anybody else Ledger.CORPORATE
        past = self._pasts.get(uid)
        return Ledger.PERSONAL if past and past.personal_within(first_s, last_s) else Ledger.CORPORATE

    def is_on(self, uid: int) -> bool:
        """At the last look."""
        return uid in self._last.decisions and self._last.is_private(uid)

    def cannot_be_read(self, uid: int) -> bool:
        """What was kept of it is damaged, so it counts as on."""
        decision = self._last.decisions.get(uid)
        return decision is not None and decision.reason is Reason.DAMAGED

    def act(self, uid: int, request: HoursRequest) -> str | Refused:
        """Does what an owner asks, in the words of Privacy Hours. A note to them, or why nothing was changed."""
        self.look()
        note = self._windows.act(uid, request)
        self.look(by_owner=frozenset((uid,)))
        return note

    def told(self, uid: int) -> Told:
        """How it stands with one account, in the words of Privacy Hours: private stands for personal."""
        answer = self._windows.tell(uid, self._last, self._windows.act(uid, Show()))
        assert isinstance(answer, Told)  # noqa: S101 - showing changes nothing, so it is never refused
        return answer

    def zone(self) -> ZoneInfo:
        """The one this device is in; UTC when it cannot tell."""
        return self._zone() or ZoneInfo("UTC")

    def forget(self, uid: int) -> None:
        """The account left: off, without windows. What began before stays what it was. Raises OSError."""
        self.look()
        self._windows.forget(uid)
        self.look(by_owner=frozenset((uid,)))

    def _next_edge(self) -> Reading | None:
        """The first moment after the last look at which a decision changes by itself."""
        last = self._last.reading
        ends = [decision.until.timestamp() for decision in self._last.decisions.values() if decision.until]
        first = min((end for end in ends if end > last.wall_s), default=None)
        if first is None:
            return None
        return Reading(wall_s=first, monotonic_s=last.monotonic_s + first - last.wall_s, boot=last.boot)

    def _note(self, look: Look, by_owner: frozenset[int]) -> None:
        before_s, now_s = self._last.reading.monotonic_s, look.reading.monotonic_s
        for uid in self._pasts.keys() | look.decisions.keys():
            personal = uid in look.decisions and look.is_private(uid)
            past = self._pasts.setdefault(uid, Past(personal=False))
            surprised = personal and uid not in by_owner  # the clock or the zone was set since the last look
            past.note(before_s if surprised else now_s, personal=personal)
        self._last = look
