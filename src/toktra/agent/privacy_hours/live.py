"""The Privacy Hours of every account of this device, by its clocks, as they are now and as their owners change them.

For one thread. Nothing an account asks for reaches the Privacy Hours of another.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from toktra.agent.control_messages import (
    Add,
    Answer,
    ConfirmClock,
    ConfirmPortal,
    HoursRequest,
    PauseFor,
    PauseUntil,
    Refused,
    Remove,
    RemoveAll,
    Resume,
    Show,
    Told,
    in_utc,
)
from toktra.agent.privacy_hours.clock import WRITTEN_S, Reading, Settled, Trust, slack, trust_after, trust_at_first
from toktra.agent.privacy_hours.gate import Gate, Reason, State, nothing_planned
from toktra.agent.privacy_hours.look import EVERYBODY, Look
from toktra.agent.privacy_hours.portal import (
    TooManyWindows,
    confirm,
    keep,
    receive_agreement,
    receive_week,
    standing,
    waiting,
)
from toktra.agent.privacy_hours.store import Kept, Store
from toktra.agent.privacy_hours.timeline import NO_SLACK
from toktra.agent.privacy_hours.windows import format_window
from toktra.agent.privacy_hours.wishes import MAX_PAUSE_MINUTES, TooManyAdded, Wishes, pause_until, plan
from toktra.agent.privacy_hours.words import because, sentence
from toktra.agent.privacy_hours.zones import UnknownZone, find_zone
from toktra.wire.portal import Standing, WeeksAnswer
from toktra.wire.schedule import MAX_WINDOWS, Schedule, Window

KEEP_TRUST_EVERY_S: Final = 300.0
_UTC: Final = ZoneInfo("UTC")
_NOT_ON_DISK: Final = (
    "It holds now, but could not be written to the disk ({}): after a restart of the agent it would not."
)

_WHAT_TO_DO: Final = {
    Reason.DAMAGED: "Begin anew: toktra privacy-hours remove --all, then add your windows.",
    Reason.CLOCK: "If this device's clock is right: toktra privacy-hours confirm-clock",
}

_WAITS: Final = "Private time was taken out elsewhere and stays until you agree: toktra privacy-hours confirm"

_log: Final = logging.getLogger(__name__)


class _NotPossible(Exception):
    """For the owner: what is wrong with what they asked for."""


class LiveHours:
    """Holds a gate for each account that has ever set Privacy Hours."""

    def __init__(self, store: Store, read: Callable[[], Reading], zone: Callable[[], ZoneInfo | None]) -> None:
        self._store = store
        self._read = read
        self._zone = zone
        self._gates = {uid: _gate(kept) for uid, kept in store.read().items()}
        self._clock = trust_at_first(read())
        """What this run has seen of the clock: an account's first wish meets the doubt there already is."""
        self._kept_trust: dict[int, Trust] = {}
        self._keep_trust_at = -math.inf

    def look(self) -> Look:
        """Reads the clocks and decides for everybody."""
        return self.look_at(self._read())

    def look_at(self, reading: Reading) -> Look:
        """Decides for everybody at a reading of the clocks, no earlier than the last."""
        zone = self._zone()
        self._clock = trust_after(self._clock, reading)
        decisions = {uid: gate.decide(reading, zone) for uid, gate in self._gates.items()}
        if self._gates:
            self._keep_trust_in_time(reading)
        return Look(reading, decisions)

    def has_plans(self) -> set[int]:
        """The accounts with a window, a pause, or Privacy Hours that cannot be read."""
        return {
            uid
            for uid, gate in self._gates.items()
            if uid != EVERYBODY and (gate.wishes is None or not nothing_planned(gate.wishes))
        }

    def in_use(self) -> bool:
        """Whether any account ever used Privacy Hours; what a works agreement added is no use."""
        return any(uid != EVERYBODY and (gate.wishes is None or gate.wishes.used) for uid, gate in self._gates.items())

    def standings(self) -> dict[int, tuple[int, Standing]]:
        """How the newest week from the portal stands with each account that was sent one: its version, and how."""
        return {
            uid: (gate.wishes.server.version, standing(gate.wishes))
            for uid, gate in self._gates.items()
            if gate.wishes is not None and gate.wishes.server.version
        }

    def forget(self, uid: int) -> None:
        """This account never set anything. Raises OSError."""
        self._keep_trusts({one: trust for one, trust in self._trusts().items() if one != uid}, self._read())
        self._store.forget_wishes(uid)
        self._gates.pop(uid, None)

    def take_in(self, answer: WeeksAnswer, accounts: Callable[[str], Iterable[int]]) -> None:
        """What the server says. It can only add; `accounts` are the user ids that report under a name.

        What cannot be taken in is named in the log, and tried again with the next answer.
        """
        agreement = partial(receive_agreement, version=answer.agreement_version, agreement=answer.agreement)
        for uid in (EVERYBODY, *self._gates):
            self._grow(uid, agreement)
        for one in answer.weeks:
            for uid in accounts(one.account):
                self._grow(uid, partial(receive_week, version=one.version, week=one.schedule))

    def act(self, uid: int, request: HoursRequest) -> str | Refused:
        """Does what an owner asks, for the owner's account alone. A note to them, or why nothing was changed."""
        try:
            return self._act(uid, request)
        except (_NotPossible, UnknownZone) as error:
            return Refused(because=_as_sentence(str(error)))
        except OSError as error:
            return Refused(because=f"It could not be written to the disk ({error.strerror}), so nothing was changed.")

    def tell(self, uid: int, look: Look, note: str | Refused = "") -> Answer:
        """The state of one account in words."""
        if isinstance(note, Refused):
            return note
        gate = self._gates.get(uid)
        wishes = gate.wishes if gate else self._wishes_at_first()
        zone = self._zone() or (self._zone_of(wishes) if wishes else None) or _UTC
        decision = look.of(uid) or Gate(wishes, trust_at_first(look.reading)).decide(look.reading, zone)
        waits = waiting(wishes) if wishes else None
        return Told(
            private=decision.state is State.PRIVATE,
            until=decision.until,
            because=because(decision),
            in_words=sentence(decision, zone),
            schedule=wishes.schedule if wishes else None,
            added=wishes.added if wishes else (),
            pause=wishes.pause if wishes else None,
            note=note or _WHAT_TO_DO.get(decision.reason, "") or (_WAITS if waits else ""),
            reason=decision.reason,
            waiting=waits,
            window=decision.window,
        )

    def _act(self, uid: int, request: HoursRequest) -> str:
        if isinstance(request, Show):
            return ""
        reading = self._read()
        gate = self._gates.get(uid) or self._first(reading)
        match request:
            case Add(windows=windows):
                wishes = plan(gate.wishes or self._wishes_at_first(), self._with(gate, request))
                self._obey(uid, gate, keep(wishes, windows))
            case Remove(windows=windows):
                self._obey(uid, gate, _without(gate, windows))
            case RemoveAll():
                self._begin_anew(uid, gate)
            case PauseFor(minutes=minutes):
                _pause(gate, minutes, reading)
                return self._keep_for_now(uid, gate)
            case PauseUntil(until=until):
                _pause_until(gate, until, reading)
                return self._keep_for_now(uid, gate)
            case Resume():
                if gate.wishes is None:
                    raise _NotPossible(because(gate.decide(reading, self._zone())) + " " + _WHAT_TO_DO[Reason.DAMAGED])
                gate.resume(reading)
                return self._keep_for_now(uid, gate)
            case ConfirmClock() if uid in self._gates or EVERYBODY in self._gates:
                gate.confirm_clock(reading)
                if uid not in self._gates and gate.wishes is not None:  # no longer as everybody is, who may be in doubt
                    self._obey(uid, gate, gate.wishes)
                self._keep_trusts(self._trusts(), reading)
            case ConfirmPortal(waiting=agreed):
                if gate.wishes is None or waiting(gate.wishes) != agreed:
                    raise _NotPossible("what waits for you has changed since it was shown. Look again: `show`")
                self._obey(uid, gate, confirm(gate.wishes))
        return ""

    def _first(self, reading: Reading) -> Gate:
        """A gate for an account that has none yet; it counts once the account's first wish is kept."""
        self._clock = trust_after(self._clock, reading)
        return Gate(self._wishes_at_first(), self._clock)

    def _wishes_at_first(self) -> Wishes:
        """An empty schedule, and what a works agreement gave everybody."""
        schedule = Schedule(zone=self._device_zone().key)
        everybody = self._gates.get(EVERYBODY)
        if everybody is None or everybody.wishes is None:
            return Wishes(schedule=schedule, used=False)
        return msgspec.structs.replace(everybody.wishes, schedule=schedule)

    def _begin_anew(self, uid: int, gate: Gate) -> None:
        """No window of the owner's is left, wherever it was written. What was added by others stays."""
        before = gate.wishes or self._wishes_at_first()
        zone = self._zone_of(before) or self._device_zone()
        server = msgspec.structs.replace(before.server, leaving=(), moved=())
        self._obey(uid, gate, plan(msgspec.structs.replace(before, server=server), Schedule(zone=zone.key)))

    def _grow(self, uid: int, add: Callable[[Wishes], Wishes]) -> None:
        """Private time that a server adds for an account, also for one that has no Privacy Hours yet."""
        gate = self._gates.get(uid) or self._first(self._read())
        if gate.wishes is None:  # all time is private until the owner begins anew
            return
        try:
            wishes = add(gate.wishes)
            if wishes == gate.wishes:
                return
            self._keep_wishes(uid, gate, wishes)
        except (UnknownZone, TooManyAdded, TooManyWindows) as error:
            _log.warning("Private time from the server cannot be taken in: %s.", error)
            return
        except OSError as error:
            _log.warning("Private time from the server cannot be written to the disk (%s).", error.strerror)
            return
        gate.take_in(wishes)
        self._gates[uid] = gate

    def _obey(self, uid: int, gate: Gate, wishes: Wishes) -> None:
        """On the disk first: what cannot be kept is not promised."""
        self._keep_wishes(uid, gate, wishes)
        gate.obey_owner(wishes)
        self._gates[uid] = gate

    def _with(self, gate: Gate, request: Add) -> Schedule:
        before = gate.wishes.schedule if gate.wishes else None
        there = before.windows if before else ()
        zone = request.zone or (before.zone if before and there else self._device_zone().key)
        find_zone(zone)
        if before and there and zone != before.zone:
            raise _NotPossible(
                f"your windows are written in {before.zone}, and a schedule has one zone. Leave --zone away, or begin"
                " anew with `remove --all`"
            )
        windows = tuple(dict.fromkeys((*there, *request.windows)))
        if len(windows) > MAX_WINDOWS:
            raise _NotPossible(f"a schedule may hold {MAX_WINDOWS} windows, this would be {len(windows)}")
        return Schedule(zone=zone, windows=windows)

    def _keep_wishes(self, uid: int, gate: Gate, wishes: Wishes) -> None:
        """A new account is in the clocks' file first, so that losing its wishes will be noticed."""
        if uid not in self._kept_trust:
            self._keep_trusts({**self._trusts(), uid: gate.trust}, self._read())
        self._store.keep_wishes(uid, wishes)

    def _keep_for_now(self, uid: int, gate: Gate) -> str:
        """Pausing and ending a pause hold even when the disk takes nothing."""
        if gate.wishes is None:
            return ""
        self._gates[uid] = gate
        try:
            self._keep_wishes(uid, gate, gate.wishes)
        except OSError as error:
            return _NOT_ON_DISK.format(error.strerror)
        return ""

    def _keep_trust_in_time(self, reading: Reading) -> None:
        """When doubt begins or ends at once, otherwise every few minutes."""
        now_doubt = {uid: _doubt(gate.trust) for uid, gate in self._gates.items()}
        kept_doubt = {uid: _doubt(trust) for uid, trust in self._kept_trust.items()}
        if reading.monotonic_s < self._keep_trust_at and now_doubt == kept_doubt:
            return
        try:
            self._keep_trusts(self._trusts(), reading)
        except OSError as error:
            if reading.monotonic_s >= self._keep_trust_at:
                _log.warning("How far the clock is trusted cannot be written to the disk (%s).", error.strerror)
                self._keep_trust_at = reading.monotonic_s + KEEP_TRUST_EVERY_S

    def _trusts(self) -> dict[int, Trust]:
        return {uid: gate.trust for uid, gate in self._gates.items()}

    def _keep_trusts(self, trusts: dict[int, Trust], reading: Reading) -> None:
        self._store.keep_trusts(trusts)
        self._kept_trust, self._keep_trust_at = trusts, reading.monotonic_s + KEEP_TRUST_EVERY_S

    def _device_zone(self) -> ZoneInfo:
        return self._zone() or _UTC

    def _zone_of(self, wishes: Wishes) -> ZoneInfo | None:
        try:
            return find_zone(wishes.schedule.zone)
        except UnknownZone:
            return None


def _gate(kept: Kept) -> Gate:
    """The gate of an account after a restart; a trust that was lost was perhaps one in doubt."""
    lost = Trust(settled=Settled.WHEN_THE_OWNER_SAYS_SO, boot="", anchor_wall_s=WRITTEN_S, anchor_monotonic_s=0.0)
    return Gate(kept.wishes, kept.trust or lost)


def _without(gate: Gate, windows: tuple[Window, ...]) -> Wishes:
    if gate.wishes is None:
        raise _NotPossible("the Privacy Hours on this device cannot be read. `remove --all` begins anew")
    schedule = gate.wishes.schedule
    for window in windows:
        if window not in schedule.windows:
            raise _NotPossible(
                f"{format_window(window)!r} is not a window of yours. `show` lists them; write it as it stands there"
            )
    left = tuple(one for one in schedule.windows if one not in windows)
    return plan(gate.wishes, msgspec.structs.replace(schedule, windows=left))


def _pause(gate: Gate, minutes: int, reading: Reading) -> None:
    try:
        gate.pause_for(minutes, reading)
    except ValueError:  # the clock shows a year that no calendar has
        _pause_until(gate, None, reading)


def _pause_until(gate: Gate, until: datetime | None, reading: Reading) -> None:
    if gate.wishes is None:
        return
    if until is None:
        gate.obey_owner(pause_until(gate.wishes, None))
        return
    minutes = math.ceil((until.timestamp() - reading.wall_s) / 60)
    if not 1 <= minutes <= MAX_PAUSE_MINUTES:
        raise _NotPossible(
            f"a pause lasts 1 to {MAX_PAUSE_MINUTES} minutes. {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC is not within"
            " that; name a later or an earlier time, or pause until you resume"
        )
    if slack(trust_after(gate.trust, reading), reading) == NO_SLACK:
        gate.obey_owner(pause_until(gate.wishes, in_utc(until)))
    else:
        _pause(gate, minutes, reading)


def _doubt(trust: Trust) -> tuple[Settled, int, int]:
    """To the second: a clock in doubt that is slewed is not news all the time."""
    return trust.settled, round(trust.earliest_s), round(trust.latest_s)


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
