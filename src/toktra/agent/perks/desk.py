"""Answers what an account asks about its own Token Perks. For the agent's own thread, but for one question.

What the organisation says has to be asked of its server, which the sending thread does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec

from toktra.agent.control_messages import (
    Add,
    Answer,
    HoursRequest,
    PauseFor,
    PauseUntil,
    Refused,
    Remove,
    RemoveAll,
    Resume,
    Told,
)
from toktra.agent.perks import words
from toktra.agent.perks.account_file import Membership
from toktra.agent.perks.age import NotAKey, Sealer
from toktra.agent.perks.members import UNREADABLE, Member, Members
from toktra.agent.perks.messages import (
    AskStanding,
    ChangeKey,
    Join,
    Leave,
    ModeRequest,
    PerksRequest,
    PerksTold,
    PersonalAdd,
    PersonalOff,
    PersonalOn,
    PersonalRemove,
)
from toktra.agent.perks.mode import Modes
from toktra.agent.perks.second_ledger import SecondLedger
from toktra.agent.perks.slots import hour_of, opening_day
from toktra.agent.perks.waiting import Counts, NotWritable
from toktra.agent.server_address import ServerAddressNotUsable, server_address
from toktra.wire.personal import UPLOAD_EVERY_S

_NOTHING: Final = Counts(records=0, dropped=0, tickets=0, due=0)


class PerksDesk:
    """One for all accounts; each is told and changes its own."""

    def __init__(
        self,
        members: Members,
        modes: Modes,
        ledger: SecondLedger,
        *,
        ask_standing: Callable[[int, Callable[[Answer], None]], None],
        wake: Callable[[], None],
        now: Callable[[], datetime],
        chance: Callable[[], float],
    ) -> None:
        """`ask_standing` has the server asked, and hands on what it says; `wake` tells the sending thread of news."""
        self._members = members
        self._modes = modes
        self._ledger = ledger
        self._ask_standing = ask_standing
        self._wake = wake
        self._now = now
        self._chance = chance

    def take(self, uid: int, request: PerksRequest, answer: Callable[[Answer], None]) -> None:
        """Does what an account asks, and calls `answer` once, now or later, in whatever thread."""
        if isinstance(request, AskStanding):
            self._ask_standing(uid, answer)
            return
        try:
            outcome = self._do(uid, request)
        except OSError as error:
            outcome = Refused(
                because=f"It could not be written to the disk ({error.strerror}), so nothing was changed."
            )
        answer(outcome if isinstance(outcome, Refused) else self._told(uid, outcome))

    def _do(self, uid: int, request: PerksRequest) -> str | Refused:
        match request:
            case Join():
                return self._join(uid, request)
            case ChangeKey(recipient=recipient):
                return self._change_key(uid, recipient)
            case Leave():
                return self._leave(uid)
            case PersonalOn() | PersonalOff() | PersonalAdd() | PersonalRemove():
                return self._switch(uid, request)
            case _:
                self._modes.look()
                return ""

    def _switch(self, uid: int, request: ModeRequest) -> str | Refused:
        member, turns_on = self._members.of(uid), isinstance(request, PersonalOn | PersonalAdd)
        if turns_on and (member is None or member.membership.leaving):
            return Refused(because=UNREADABLE if self._members.cannot_be_read(uid) else words.NO_KEY)
        self._modes.look()
        wants_all = isinstance(request, PersonalRemove) and not request.windows
        if self._modes.cannot_be_read(uid) and not wants_all:
            return Refused(because=words.DAMAGED)
        note = self._modes.act(uid, _as_hours(request))
        if not note and isinstance(request, PersonalOn) and request.minutes and self._modes.told(uid).until is None:
            return words.ON_ALREADY
        return note

    def _join(self, uid: int, request: Join) -> str | Refused:
        member = self._members.of(uid)
        if member is not None and member.membership.leaving:
            return Refused(
                because="You left, and your former mailbox is still to be deleted. Try again when `toktra perks status`"
                " says that you take no part."
            )
        if member is not None and member.membership.recipient != request.recipient:
            return Refused(
                because="This device seals for another key of yours already. To change it: toktra perks key change. To"
                " begin anew, without your records: toktra perks leave"
            )
        try:
            Sealer(request.recipient)
            service = server_address(request.service)
        except (NotAKey, ServerAddressNotUsable) as error:
            return Refused(because=f"That is not a key this device can seal for: {error}.")
        if member is None:
            self._members.join(uid, self._membership(request, service))
            self._wake()
        return ""

    def _membership(self, request: Join, service: str) -> Membership:
        now = self._now()
        today = hour_of(now.replace(hour=0, minute=0, second=0))
        return Membership(
            recipient=request.recipient,
            mailbox=request.mailbox,
            service=service,
            upload_second=int(UPLOAD_EVERY_S * self._chance()),
            opening_at=None if request.opened else opening_day(now, self._chance),
            filled_hour=today - 1 if request.opened else 0,
        )

    def _change_key(self, uid: int, recipient: str) -> str | Refused:
        member = self._members.of(uid)
        if member is None:
            return Refused(because=words.NO_KEY)
        try:
            sealer = Sealer(recipient)
        except NotAKey as error:
            return Refused(because=f"That is not a key this device can seal for: {error}.")
        member.change(lambda kept: msgspec.structs.replace(kept, recipient=recipient))
        member.sealer = sealer
        return ""

    def _leave(self, uid: int) -> str | Refused:
        member = self._members.of(uid)
        if member is None and not self._members.cannot_be_read(uid):
            return Refused(because="You take no part in Token Perks on this device; there is nothing to leave.")
        self._modes.forget(uid)
        self._ledger.forget(uid)
        if member is None:
            self._members.remove(uid)
            return (
                "What this device kept was damaged, your mailbox's name with it. Open your personal ledger with your"
                " key and delete it there; otherwise it lapses after 90 days."
            )
        member.change(lambda kept: msgspec.structs.replace(kept, leaving=True))
        with suppress(NotWritable):  # the whole file goes once the mailbox is deleted
            member.waiting.clear()
        self._wake()
        return ""

    def _told(self, uid: int, note: str) -> PerksTold:
        mode, member = self._modes.told(uid), self._members.of(uid)
        said = PerksTold(
            part="unreadable" if self._members.cannot_be_read(uid) else "none",
            personal=mode.private,
            until=mode.until,
            in_words=words.mode_in_words(mode, self._modes.zone()),
            reason=mode.reason,
            window=mode.window,
            schedule=mode.schedule,
            note=note,
            troubles=self._lost(uid, mode, member),
        )
        return said if member is None else _with_part(said, member, self._ledger.overflowed.get(uid, 0))

    def _lost(self, uid: int, mode: Told, member: Member | None) -> tuple[str, ...]:
        """What is wrong on this device itself."""
        troubles = [UNREADABLE] if self._members.cannot_be_read(uid) else []
        if mode.private and member is None and not troubles:
            troubles.append(
                "Personal mode is on, but this device has no key of yours to seal with, so what you use is not recorded"
                " anywhere. Give it your key: toktra perks join --key FILE. Or: toktra perks personal off"
            )
        unsealed = self._ledger.unsealed.get(uid, 0)
        if unsealed:
            troubles.append(f"{unsealed} uses could not be sealed since the agent started and were not recorded.")
        if member is not None and member.waiting.lost:
            troubles.append(
                "The file of sealed records was damaged and was begun anew: what waited in it is lost. Nobody could"
                " read it. What arrived at the service before is there."
            )
        return tuple(troubles)


def _as_hours(request: ModeRequest) -> HoursRequest:
    """The same in the words of Privacy Hours, whose rules hold."""
    match request:
        case PersonalOn(minutes=minutes):
            return PauseUntil(until=None) if minutes is None else PauseFor(minutes=minutes)
        case PersonalOff():
            return Resume()
        case PersonalAdd(windows=windows, zone=zone):
            return Add(windows=windows, zone=zone)
        case PersonalRemove(windows=()):
            return RemoveAll()
        case PersonalRemove(windows=windows):
            return Remove(windows=windows)


def _with_part(said: PerksTold, member: Member, overflowed: int) -> PerksTold:
    try:
        counts = member.waiting.counts()
    except NotWritable:
        counts = _NOTHING
    kept = member.membership
    terms = kept.terms
    return msgspec.structs.replace(
        said,
        part="leaving" if kept.leaving else "joined",
        service=kept.service,
        recipient=kept.recipient,
        opening_at=kept.opening_at,
        waiting=counts.records,
        dropped=counts.dropped + overflowed,
        tier=terms.tier if terms else "",
        month=terms.month if terms else "",
        tickets=terms.tickets if terms else 0,
        tickets_left=counts.tickets,
        tokens_per_ticket=terms.tokens_per_ticket if terms else 0,
        troubles=said.troubles + tuple(member.troubles.values()),
    )
