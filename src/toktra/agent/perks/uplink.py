"""Carries one account's second ledger away: its hourly uploads, the opening of its mailbox, and tickets to be spent.

A step machine like `agent.uplink`: `step` does the one thing that is due and says when to call it again. It knows no
use and no mode: an upload leaves for every hour, of one size, with a record that may hold nothing. Tickets are spent
at moments drawn by chance, by requests that name no mailbox. What fails is tried again, later each time.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from toktra.agent.perks.members import Member, Topic
from toktra.agent.perks.personal_service import PersonalService
from toktra.agent.perks.slots import day_of, hour_of, next_hour, opening_day, opens_now, seconds_to_next
from toktra.agent.problem import read_problem
from toktra.agent.transport import Answer, Unreachable
from toktra.agent.uplink import seconds_to_wait
from toktra.wire.personal import PersonalRecord, encode_upload

ANSWER_WITHIN_S: Final = 8.0
FIRST_RETRY_S: Final = 60.0
LONGEST_RETRY_S: Final = 3600.0
CATCH_UP_WITHIN_S: Final = 20.0
"""Between two uploads for hours that were missed, by chance."""
SPEND_WITHIN_S: Final = 2400.0
"""Between an upload and the ticket that may be spent after it, by chance."""
MOST_TO_SPEND: Final = 48
"""Uploads after which no ticket was spent yet, remembered."""
MOST_MISSED: Final = 2
"""Mondays on which a mailbox was to be opened and its device was off."""

_clock: Final = (
    "The personal service says that the clock of this device is off by days. Set it; until then your records wait here,"
    " sealed."
)


class PersonalUplink:
    """One account's. For one thread."""

    def __init__(
        self,
        member: Member,
        service: PersonalService,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """`chance` draws evenly from [0, 1)."""
        self._member = member
        self._service = service
        self._now = now
        self._monotonic = monotonic
        self._chance = chance
        self._failures = 0
        self._not_before = -math.inf
        self._may_spend = 0
        self._spend_at = math.inf
        self.left = False
        """The owner opted out, and the service has nothing of theirs any more."""

    def step(self) -> float:
        """Does what is due, and returns in how many seconds something may be due again. Raises what the disk raises."""
        now = self._monotonic()
        if now < self._not_before:
            return self._not_before - now
        membership = self._member.membership
        if membership.leaving:
            self._delete()
        elif membership.opening_at is not None:
            self._open(membership.opening_at)
        elif self._monotonic() >= self._spend_at:
            self._spend()
        else:
            self._upload()
        return max(0.0, self._wait_s())

    def _wait_s(self) -> float:
        now, membership = self._monotonic(), self._member.membership
        if now < self._not_before:
            return self._not_before - now
        if self.left:
            return math.inf
        if membership.leaving:
            return 0.0
        if membership.opening_at is not None:
            return max(1.0, (membership.opening_at - self._now()).total_seconds())
        next_s = seconds_to_next(self._now(), membership.upload_second)
        if next_hour(membership.filled_hour, self._now(), membership.upload_second) is not None:
            next_s = CATCH_UP_WITHIN_S * self._chance()
        return min(next_s, self._spend_at - now)

    def _upload(self) -> None:
        member = self._member
        parcel = member.waiting.parcel()
        if parcel is None:
            hour = next_hour(member.membership.filled_hour, self._now(), member.membership.upload_second)
            if hour is None:
                return
            parcel = member.waiting.pack(hour, lambda sealed: self._sealed_up(hour, sealed))
        answer = self._asked(lambda: self._service.upload(member.membership.mailbox, parcel.body, ANSWER_WITHIN_S))
        if answer is None:
            return
        match answer.status:
            case 200:
                member.waiting.delivered()
                member.change(lambda kept: msgspec.structs.replace(kept, filled_hour=parcel.hour))
                self._done()
                self._may_spend = min(MOST_TO_SPEND, self._may_spend + 1)
                self._plan_to_spend()
            case 404:
                member.waiting.unpack()
                self._mailbox_gone()
            case 409:  # the day is not one that the service takes
                member.waiting.unpack()
                self._try_again(_clock)
            case _:
                self._refused(answer)

    def _sealed_up(self, hour: int, sealed: bytes | None) -> bytes:
        """The body of an upload; nobody can tell whether there was a record for it."""
        nothing = self._member.sealer.seal(PersonalRecord())  # made every time, so that it takes as long
        return encode_upload(str(uuid.uuid4()), day_of(hour), nothing if sealed is None else sealed)

    def _open(self, opening_at: datetime) -> None:
        now = self._now()
        if now < opening_at:
            return
        if not opens_now(opening_at, now):
            self._missed_the_day()
            return
        ticket = self._member.waiting.any_ticket()
        if ticket is None:
            self._try_again(
                "Your mailbox cannot be opened: this device has no ticket of yours. Your records wait here, sealed."
            )
            return
        answer = self._asked(
            lambda: self._service.open_mailbox(self._member.membership.mailbox, ticket, ANSWER_WITHIN_S)
        )
        if answer is None:
            return
        if answer.status in (200, 201, 403, 409, 410):
            self._member.waiting.spent(ticket)
        if answer.status not in (200, 201):
            self._refused(answer)
            return
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
        self._member.change(
            lambda kept: msgspec.structs.replace(
                kept, opening_at=None, filled_hour=max(kept.filled_hour, hour_of(midnight) - 1)
            )
        )
        self._done()

    def _mailbox_gone(self) -> None:
        self._open_later()
        self._member.say(
            Topic.SERVICE,
            "Your mailbox is not there: it is not opened yet, you deleted it, or the service lost it. It is opened next"
            " Monday, and your records wait here until then, sealed. To end your part altogether: toktra perks leave",
        )

    def _missed_the_day(self) -> None:
        """The device was off. After the second time, on the next day it is on: some never work on a Monday."""
        missed = self._member.membership.missed_openings + 1
        now = self._now()
        opening_at = now if missed >= MOST_MISSED else opening_day(now, self._chance)
        self._member.change(lambda kept: msgspec.structs.replace(kept, opening_at=opening_at, missed_openings=missed))

    def _open_later(self) -> None:
        opening_at = opening_day(self._now(), self._chance)
        self._member.change(lambda kept: msgspec.structs.replace(kept, opening_at=opening_at))

    def _plan_to_spend(self) -> None:
        self._member.waiting.owe(self._member.take_owed())
        if self._spend_at == math.inf and self._may_spend and self._member.waiting.ticket_due() is not None:
            self._spend_at = self._monotonic() + SPEND_WITHIN_S * self._chance()

    def _spend(self) -> None:
        self._spend_at = math.inf
        ticket = self._member.waiting.ticket_due()
        if ticket is None:
            return
        try:
            answer = self._service.redeem(ticket, ANSWER_WITHIN_S)
        except Unreachable:
            return  # after the next upload that gets through
        if answer.status in (200, 403, 409, 410):  # spent, now or before, or of no use to anybody
            self._member.waiting.spent(ticket)
            self._may_spend -= 1
            self._plan_to_spend()

    def _delete(self) -> None:
        answer = self._asked(lambda: self._service.delete_mailbox(self._member.membership.mailbox, ANSWER_WITHIN_S))
        if answer is None:
            return
        if answer.status in (200, 204, 404):
            self.left = True
            self._done()
        else:
            self._refused(answer)

    def _asked(self, ask: Callable[[], Answer]) -> Answer | None:
        try:
            return ask()
        except Unreachable as error:
            self._try_again(f"{error} Your records wait here, sealed.")
            return None

    def _refused(self, answer: Answer) -> None:
        said = read_problem(answer.body).sentence
        self._try_again(
            f"The personal service takes nothing now ({answer.status}{': ' + said if said else ''}). It is tried again"
            " on its own; your records wait here, sealed.",
            retry_after_s=seconds_to_wait(answer.retry_after, self._now()),
        )

    def _done(self) -> None:
        self._failures = 0
        self._member.say(Topic.SERVICE, "")

    def _try_again(self, because: str, *, retry_after_s: float = 0.0) -> None:
        """Later: exponential backoff, half of it by chance, on top of what the service asked for."""
        longest = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._failures, 20))
        self._failures += 1
        self._not_before = self._monotonic() + retry_after_s + longest * (0.5 + 0.5 * self._chance())
        self._member.say(Topic.SERVICE, because)
