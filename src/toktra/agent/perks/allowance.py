"""Asks the organisation's server for one account's allowance, and has its tickets issued, about once a day.

A step machine beside `uplink`, for the same thread. It says nothing about use: what is asked for is all that is left of
the month, whether any of it was used or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import msgspec

from toktra.agent.errors import AgentError
from toktra.agent.perks.account_file import Terms
from toktra.agent.perks.members import Member, Topic
from toktra.agent.perks.personal_service import PersonalService
from toktra.agent.perks.tickets import TicketsNotGood, draw, finish
from toktra.agent.perks.uplink import ANSWER_WITHIN_S
from toktra.agent.problem import read_problem
from toktra.agent.transport import Post, Unreachable
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.personal import MOST_TICKETS_AT_ONCE, Allowance, AllowanceAsked, TicketKeys

PERKS_PATH: Final = "/ingest/v1/perks"
DAY_S: Final = 24 * 3600.0
SOON_S: Final = 1800.0
"""Between two questions of one day, by chance."""
RETRY_S: Final = 3600.0

_allowances: Final = msgspec.json.Decoder(Allowance)
_keys: Final = msgspec.json.Decoder(TicketKeys)

_NOT_ENROLLED: Final = (
    "Your organisation says that you do not take part any more, so there are no new tickets. What you use in personal"
    " mode is recorded for you as before. To end it: toktra perks leave"
)


class NotAnswered(AgentError):
    """The organisation's server gave no answer that helps."""


def ask_allowance(post: Post, account: str, blinded: tuple[bytes, ...] = ()) -> Allowance:
    """How an account stands. Raises NotAnswered."""
    try:
        answer = post(PERKS_PATH, encode(AllowanceAsked(account=account, blinded=blinded)), ANSWER_WITHIN_S)
    except Unreachable as error:
        raise NotAnswered(str(error)) from None
    if answer.status == 404:
        raise NotAnswered("Your organisation's server knows no Token Perks. It may have to be updated.")
    if answer.status != 200:
        said = read_problem(answer.body).sentence
        clock = " Check this device's clock." if answer.status == 401 else " It is tried again on its own."
        raise NotAnswered(
            f"Your organisation's server says nothing about your allowance ({answer.status}"
            f"{': ' + said if said else ''}).{clock}"
        )
    try:
        return decode(answer.body, _allowances)
    except InvalidMessage as error:
        raise NotAnswered(
            f"What your organisation's server says about your allowance cannot be read ({error})."
        ) from None


def terms_of(allowance: Allowance) -> Terms:
    """What of it is kept."""
    return Terms(
        programme=allowance.programme,
        tier=allowance.tier,
        month=allowance.month,
        tokens_per_ticket=allowance.tokens_per_ticket,
        tickets=allowance.tickets,
    )


class AllowanceKeeper:
    """One account's. For one thread."""

    def __init__(
        self,
        member: Member,
        service: PersonalService,
        post: Post,
        *,
        account: str,
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """`account` is the name the account's events carry; `chance` draws evenly from [0, 1)."""
        self._member = member
        self._service = service
        self._post = post
        self._account = account
        self._monotonic = monotonic
        self._chance = chance
        self._left = 0
        self._due = monotonic() + SOON_S * chance()

    def step(self) -> float:
        """Does what is due, and returns in how many seconds something is due again. Raises what the disk raises."""
        if self._member.membership.leaving:
            return math.inf
        now = self._monotonic()
        if now >= self._due:
            self._due = now + self._next_in_s()
        return max(0.0, self._due - self._monotonic())

    def _next_in_s(self) -> float:
        terms, keys_month = self._member.membership.terms, self._member.membership.keys_month
        try:
            if self._left and terms is not None and keys_month != terms.month:
                self._fetch_keys(terms)
            elif self._left and terms is not None:
                self._draw_tickets(terms)
            else:
                self._ask()
        except NotAnswered as error:
            self._member.say(Topic.SERVER, str(error))
            return RETRY_S * (0.5 + 0.5 * self._chance())
        except TicketsNotGood as error:
            self._left = 0
            self._member.say(Topic.TICKETS, str(error))
            return DAY_S
        return SOON_S * self._chance() if self._left else DAY_S * (0.75 + 0.5 * self._chance())

    def _ask(self) -> None:
        self._left = self._take(ask_allowance(self._post, self._account))

    def _draw_tickets(self, terms: Terms) -> None:
        public_key = self._member.membership.ticket_keys.get(terms.tier)
        if public_key is None:
            raise TicketsNotGood(
                f"The personal service has no key for the tier {terms.tier}. Your organisation has to set it up; until"
                " then there are no tickets. What you use is recorded all the same."
            )
        drawn = draw(min(self._left, MOST_TICKETS_AT_ONCE))
        allowance = ask_allowance(self._post, self._account, drawn.blinded)
        left = self._take(allowance)
        if allowance.evaluated and terms_of(allowance) == terms:
            self._member.waiting.add_tickets(finish(drawn, allowance.evaluated, public_key, terms))
            self._member.say(Topic.TICKETS, "")
        self._left = left if allowance.evaluated else 0

    def _take(self, allowance: Allowance) -> int:
        """Notes what was said; how many tickets can still be had."""
        membership = self._member.membership
        if allowance.standing != "enrolled":
            raise NotAnswered(_NOT_ENROLLED)
        if allowance.service.rstrip("/") != membership.service:
            raise NotAnswered(
                f"Your organisation's server now names another personal service, {allowance.service[:200]}. This device"
                f" stays with {membership.service}, which you joined. If the new one is right: toktra perks leave, then"
                " toktra perks join"
            )
        terms = terms_of(allowance)
        self._member.change(lambda kept: msgspec.structs.replace(kept, terms=terms))
        self._member.say(Topic.SERVER, "")
        return allowance.left

    def _fetch_keys(self, terms: Terms) -> None:
        try:
            answer = self._service.ticket_keys(terms.programme, terms.month, ANSWER_WITHIN_S)
            shown = decode(answer.body, _keys) if answer.status == 200 else None
        except (Unreachable, InvalidMessage) as error:
            raise NotAnswered(f"The keys of the month's tickets are not to be had ({error}).") from None
        if shown is None or shown.month != terms.month:
            raise NotAnswered(f"The personal service shows no keys for {terms.month} ({answer.status}).")
        self._member.change(
            lambda kept: msgspec.structs.replace(kept, ticket_keys=dict(shown.keys), keys_month=shown.month)
        )
