"""The thread of the second ledger: carries every account's away, and asks the organisation's server how one stands.

It is not the thread of the corporate uplink, so neither's delays show in the other's times. It writes no log: what its
owners have to know they are told, and nobody else is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from toktra.agent.control_messages import Answer, Refused
from toktra.agent.errors import AgentError
from toktra.agent.perks.allowance import AllowanceKeeper, NotAnswered, ask_allowance
from toktra.agent.perks.members import Member, Members, Topic
from toktra.agent.perks.messages import Standing
from toktra.agent.perks.personal_service import PersonalService
from toktra.agent.perks.uplink import PersonalUplink
from toktra.agent.transport import Post

LONGEST_PAUSE_S: Final = 3600.0
AFTER_A_FAULT_S: Final = 600.0
CLOSE_WITHIN_S: Final = 1.0
PORTAL_PATH: Final = "/me/token-perks"


@dataclass(slots=True)
class _Carrier:
    """What one account's steps are taken by, for as long as it is the same member."""

    member: Member
    uplink: PersonalUplink
    allowance: AllowanceKeeper
    not_before: float = 0.0


class Sending:
    """Runs from `start` to `close`."""

    def __init__(
        self,
        members: Members,
        post: Post,
        *,
        server: str,
        name: Callable[[int], str],
        ca_file: Path | None,
        chance: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`post` signs as the device, to the organisation's `server`; `name` is what an account's events carry."""
        self._members = members
        self._post = post
        self._server = server
        self._name = name
        self._ca_file = ca_file
        self._chance = chance
        self._now = now
        self._monotonic = monotonic
        self._carriers: dict[int, _Carrier] = {}
        self._questions: deque[tuple[int, Callable[[Answer], None]]] = deque()
        self._news = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="second-ledger", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do. Any thread may call it."""
        self._news.set()

    def ask_standing(self, uid: int, answer: Callable[[Answer], None]) -> None:
        """Has the organisation's server asked; `answer` is called in this thread. Any thread may call it."""
        self._questions.append((uid, answer))
        self._news.set()

    def close(self) -> None:
        """A request under way may outlast it; it changes nothing that is not whole."""
        self._ending = True
        self._news.set()
        self._thread.join(CLOSE_WITHIN_S)

    def step(self) -> float:
        """Does all that is due, and returns in how many seconds something is due again."""
        while self._questions:
            uid, answer = self._questions.popleft()
            answer(self._standing(uid))
        return min((self._carry(member) for member in self._members.all()), default=LONGEST_PAUSE_S)

    def _work(self) -> None:
        while not self._ending:
            pause_s = self.step()
            self._news.wait(min(pause_s, LONGEST_PAUSE_S))
            self._news.clear()

    def _carry(self, member: Member) -> float:
        carrier = self._carriers.get(member.uid)
        now = self._monotonic()
        if carrier is not None and carrier.member is member and now < carrier.not_before:
            return carrier.not_before - now
        try:
            if carrier is None or carrier.member is not member:
                carrier = self._carriers[member.uid] = self._carrier(member)
            return self._steps(carrier)
        except (AgentError, OSError) as error:  # the disk, or a certificate authority that cannot be used
            member.say(Topic.DISK, f"{error} What is sealed waits here; it is tried again on its own.")
            if carrier is not None:
                carrier.not_before = now + AFTER_A_FAULT_S
            return AFTER_A_FAULT_S

    def _steps(self, carrier: _Carrier) -> float:
        pause_s = min(carrier.uplink.step(), carrier.allowance.step())
        if not carrier.uplink.left:
            return pause_s
        self._members.remove(carrier.member.uid)
        del self._carriers[carrier.member.uid]
        return LONGEST_PAUSE_S

    def _carrier(self, member: Member) -> _Carrier:
        service = PersonalService(member.membership.service, self._ca_file)
        return _Carrier(
            member,
            PersonalUplink(member, service, now=self._now, monotonic=self._monotonic, chance=self._chance),
            AllowanceKeeper(
                member,
                service,
                self._post,
                account=self._name(member.uid),
                monotonic=self._monotonic,
                chance=self._chance,
            ),
        )

    def _standing(self, uid: int) -> Answer:
        try:
            said = ask_allowance(self._post, self._name(uid))
        except NotAnswered as error:
            return Refused(because=str(error))
        return Standing(
            standing=said.standing,
            service=said.service,
            tier=said.tier,
            month=said.month,
            tickets=said.tickets,
            tokens_per_ticket=said.tokens_per_ticket,
            portal=self._server.rstrip("/") + PORTAL_PATH,
        )
