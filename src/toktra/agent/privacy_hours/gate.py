"""May this moment be observed? From wishes, clocks and zone to `observed` or `private`, and when that changes next.

Pure: the caller reads clocks and zone and writes what has to outlive it. In doubt, private: a schedule that cannot be
read, a clock that was set, a zone nobody knows.

Travel: the owner's windows and the added ones are read in the zone they were written in and in the zone the device is
in, and private is what either reading covers. A private stretch that runs while the zone changes runs on to its end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

from toktra.agent.privacy_hours.calendar import Calendar
from toktra.agent.privacy_hours.clock import Reading, Trust, slack, trust_after, trust_confirmed
from toktra.agent.privacy_hours.timeline import FIRST_S, LAST_S, NO_SLACK, Slack, Timeline
from toktra.agent.privacy_hours.wishes import Wishes, end_pause, pause_for, pause_until, resume
from toktra.agent.privacy_hours.zones import UnknownZone, find_zone
from toktra.wire.schedule import Resumption, Window


class State(Enum):
    """One of the three states people see; personal mode is decided elsewhere."""

    OBSERVED = "observed"
    PRIVATE = "private"


class Reason(Enum):
    """Why a moment is observed or private. Where several hold, the first that does."""

    DAMAGED = "the Privacy Hours on this device cannot be read"
    ZONE = "the time zone is not known"
    CLOCK = "the clock was set"
    PAUSE = "the owner paused"
    ZONE_CHANGE = "the window ran when the time zone changed"
    WINDOW = "a window of the owner"
    ADDED = "a window that was added"
    NOTHING_PLANNED = "no window and no pause covers it"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one instant; it stays right until `until`, as long as nothing else changes."""

    state: State
    until: datetime | None
    """UTC. The first instant with the other state, over adjoining windows and pauses; None: none is in sight."""
    reason: Reason
    window: Window | None = None
    """The window meant by WINDOW and ADDED."""
    in_doubt: bool = False
    """The window covers this instant only because the clock changes near by."""


_NOTHING_PLANNED: Final = Decision(State.OBSERVED, None, Reason.NOTHING_PLANNED)
_DAMAGED: Final = Decision(State.PRIVATE, None, Reason.DAMAGED)
_ZONE: Final = Decision(State.PRIVATE, None, Reason.ZONE)
_CLOCK: Final = Decision(State.PRIVATE, None, Reason.CLOCK)


@dataclass(frozen=True, slots=True)
class _Held:
    """A decision and the instants for which it holds word for word."""

    decision: Decision
    slack: Slack
    from_s: int
    until_s: float

    def answers(self, now_s: int, slack: Slack) -> bool:
        return self.from_s <= now_s < self.until_s and self.slack == slack


def decide_at(timeline: Timeline, now_s: int, slack: Slack = NO_SLACK) -> Decision:
    """The decision for a Unix second, by a timeline of windows alone."""
    return _decision(timeline, now_s, slack).decision


def _decision(timeline: Timeline, now_s: int, slack: Slack) -> _Held:
    stretch = timeline.stretch(now_s, slack)
    until = None if stretch.until_s is None else datetime.fromtimestamp(stretch.until_s, UTC)
    until_s = math.inf if stretch.until_s is None else stretch.until_s
    if not stretch.private:
        return _Held(Decision(State.OBSERVED, until, Reason.NOTHING_PLANNED), slack, now_s, until_s)
    named = timeline.covering(now_s)
    if named is None:  # not private by this clock, but by another that may be right
        named_from_s = timeline.next_private(now_s) or math.inf
        return _Held(Decision(State.PRIVATE, until, Reason.CLOCK), slack, now_s, min(until_s, named_from_s))
    reason = Reason.ADDED if named.added else Reason.WINDOW
    decision = Decision(State.PRIVATE, until, reason, named.window, named.in_doubt)
    ordinary = named.span.end_s - named.span.start_s == 60 * named.window.length_minutes
    named_until_s = named.span.end_s if ordinary else now_s - now_s % 60 + 60  # doubt begins and ends on a minute
    return _Held(decision, slack, now_s, min(until_s, named_until_s))


class Gate:
    """Decides for one account on one device; `decide` is meant to be asked often and answers from what it found last.

    `wishes` None: what is on the disk cannot be read. After a restart, `wishes` and `trust` bring back all but the
    private stretch kept over a change of zone.
    """

    def __init__(self, wishes: Wishes | None, trust: Trust) -> None:
        self._wishes = wishes
        self._trust = trust
        self._zone: ZoneInfo | None = None
        self._kept_private_before_s = -math.inf
        self._timelines: dict[bool, Timeline | None] = {}
        self._held: _Held | None = None

    @property
    def wishes(self) -> Wishes | None:
        return self._wishes

    @property
    def trust(self) -> Trust:
        """To be kept on disk, at least when doubt begins or ends and every few minutes."""
        return self._trust

    def obey_owner(self, wishes: Wishes) -> None:
        """The owner decided something, on the device."""
        self._wishes = wishes
        self._kept_private_before_s = -math.inf
        self._forget()

    def pause_for(self, minutes: int, reading: Reading) -> None:
        """The owner pauses. While the clock is in doubt, from the latest time it can be; without bound, until resumed.

        Raises ValueError for less than a minute or more than 31 days.
        """
        if self._wishes is None:
            return None
        self._trust = trust_after(self._trust, reading)
        allowance = slack(self._trust, reading)
        if allowance is None:
            return self.obey_owner(pause_until(self._wishes, None))
        latest = datetime.fromtimestamp(reading.wall_s + allowance.ahead_s, UTC)
        return self.obey_owner(pause_for(self._wishes, minutes, latest))

    def resume(self, reading: Reading) -> None:
        """The owner ends a pause, and the windows of their own that run now. Those stay while the clock is in doubt."""
        if self._wishes is None:
            return None
        self._trust = trust_after(self._trust, reading)
        if slack(self._trust, reading) != NO_SLACK or self._zone is None:
            return self.obey_owner(end_pause(self._wishes))
        try:
            return self.obey_owner(resume(self._wishes, datetime.fromtimestamp(reading.wall_s, UTC), self._zone))
        except UnknownZone:
            return self.obey_owner(end_pause(self._wishes))

    def take_in(self, wishes: Wishes) -> None:
        """A server added private time: `wishes` are ours and what `portal` or `wishes.add` put to them."""
        if self._wishes is not None:  # while nothing can be read, all time is private already
            self._wishes = wishes
            self._forget()

    def confirm_clock(self, reading: Reading) -> None:
        """The owner says that the clock is right."""
        self._trust = trust_confirmed(reading)

    def decide(self, reading: Reading, zone: ZoneInfo | None) -> Decision:
        """The decision at this reading, in the zone the device is in (None: it cannot tell)."""
        self._trust = trust_after(self._trust, reading)
        if self._wishes is None:
            return _DAMAGED
        if nothing_planned(self._wishes):
            return _NOTHING_PLANNED
        allowance = slack(self._trust, reading)
        if allowance is None or not FIRST_S <= reading.wall_s < LAST_S:
            return _CLOCK
        now_s = math.floor(reading.wall_s)
        if zone is not self._zone:
            self._arrive_in(zone, now_s)
        if self._held is None or not self._held.answers(now_s, allowance):
            self._held = self._decide(self._wishes, now_s, allowance)
        return self._held.decision

    def _decide(self, wishes: Wishes, now_s: int, allowance: Slack) -> _Held:
        timeline = self._timeline(wishes, now_s, allowance)
        if timeline is None:
            return _Held(_ZONE, allowance, now_s, math.inf)
        held = _decision(timeline, now_s, allowance)
        paused_before_s = _paused_before_s(wishes)
        for before_s, reason in ((paused_before_s, Reason.PAUSE), (self._kept_private_before_s, Reason.ZONE_CHANGE)):
            if now_s < before_s:
                decision = Decision(State.PRIVATE, held.decision.until, reason)
                return _Held(decision, allowance, now_s, before_s)
        return held

    def _timeline(self, wishes: Wishes, now_s: int, allowance: Slack) -> Timeline | None:
        """The timeline that holds now. What the owner ended stays ended only while it is sure what time it is."""
        resumption = wishes.resumption
        lifts = resumption is not None and allowance == NO_SLACK and now_s >= resumption.at.timestamp()
        if lifts not in self._timelines:
            self._timelines[lifts] = self._build(wishes, resumption if lifts else None)
        return self._timelines[lifts]

    def _build(self, wishes: Wishes, lifted: Resumption | None) -> Timeline | None:
        """None when a zone is unknown: the device's own, or one that its time zone database lost."""
        if self._zone is None:
            return None
        try:
            calendars = [
                Calendar(schedule, zone, added=added, lifted=None if added else lifted)
                for schedules, added in ((wishes.own, False), (wishes.added, True))
                for schedule in schedules
                for zone in {find_zone(schedule.zone), self._zone}
            ]
        except UnknownZone:
            return None
        return Timeline(calendars, private_before_s=max(_paused_before_s(wishes), self._kept_private_before_s))

    def _arrive_in(self, zone: ZoneInfo | None, now_s: int) -> None:
        """Moves to another zone. What is private now stays so for as long as the zone left behind said."""
        left = self._timeline(self._wishes, now_s, NO_SLACK) if self._wishes and self._zone else None
        if left is not None:
            stretch = left.stretch(now_s)
            if stretch.private:
                self._kept_private_before_s = math.inf if stretch.until_s is None else stretch.until_s
        self._zone = zone
        self._forget()

    def _forget(self) -> None:
        self._timelines = {}
        self._held = None


def nothing_planned(wishes: Wishes) -> bool:
    """No window and no pause: all time is observed, whatever clock and zone say."""
    return wishes.pause is None and not any(schedule.windows for schedule in (*wishes.own, *wishes.added))


def _paused_before_s(wishes: Wishes) -> float:
    if wishes.pause is None:
        return -math.inf
    return math.inf if wishes.pause.until is None else wishes.pause.until.timestamp()
