"""Asks the server for the weeks that the owners of this device wrote in the portal, and hands on what it says.

Two threads meet here: that of the uplink asks, on a timetable that knows nothing of Privacy Hours, and the agent's own
takes in what came and says how it stands.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from toktra.agent.accounts import Accounts
from toktra.agent.privacy_hours.live import LiveHours
from toktra.agent.timetable import Timetable
from toktra.agent.transport import Post, Unreachable
from toktra.wire.events import InvalidMessage, encode
from toktra.wire.portal import (
    MOST_STANDINGS,
    QUESTION_BYTES,
    AccountStanding,
    WeeksAnswer,
    WeeksQuestion,
    decode_answer,
    filled,
)

WEEKS_PATH: Final = "/ingest/v1/weeks"

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What the server is told."""

    in_use: bool
    standings: tuple[AccountStanding, ...]


class Inbox:
    """Between the two threads: answers one way, the report the other."""

    def __init__(self, hours: LiveHours, accounts: Accounts) -> None:
        self._hours = hours
        self._accounts = accounts
        self._answers: deque[WeeksAnswer] = deque()
        self.report = self._reported()
        """Whole and never changed, so any thread may read it."""

    def put(self, answer: WeeksAnswer) -> None:
        """From the uplink's thread."""
        self._answers.append(answer)

    def take_in(self) -> bool:
        """For the agent's thread: gives what came to the Privacy Hours; whether anything did."""
        came = bool(self._answers)
        while self._answers:
            self._hours.take_in(self._answers.popleft(), self._accounts.uids)
        if came:
            self.note()
        return came

    def note(self) -> None:
        """For the agent's thread: something may have changed."""
        self.report = self._reported()

    def _reported(self) -> Report:
        standings = (
            AccountStanding(account=self._accounts.name(uid), version=version, standing=standing)
            for uid, (version, standing) in sorted(self._hours.standings().items())
        )
        return Report(self._hours.in_use(), tuple(standings))


class Asking:
    """A step machine beside `uplink.Uplink`, for the same thread. It asks when it is time, and at no other time."""

    def __init__(
        self,
        inbox: Inbox,
        post: Post,
        *,
        agent_version: str,
        timetable: Timetable,
        monotonic: Callable[[], float],
    ) -> None:
        self._inbox = inbox
        self._post = post
        self._agent_version = agent_version
        self._timetable = timetable
        self._monotonic = monotonic
        self._turn = 0
        self._trouble = ""

    def step(self, answer_within_s: float) -> float:
        """Asks if it is due, and returns in how many seconds it is due again.

        A question that fails is asked again at its next time: asking sooner would show something too.
        """
        now = self._monotonic()
        due_in_s = self._timetable.due_in_s(now)
        if due_in_s > 0:
            return due_in_s
        self._timetable.done(now)
        trouble = self._ask(answer_within_s)
        if trouble and trouble != self._trouble:
            _log.warning("%s Private time set on this device holds as it is.", trouble)
        self._trouble = trouble
        return self._timetable.due_in_s(self._monotonic())

    def _ask(self, answer_within_s: float) -> str:
        """What went wrong, in a sentence; empty when nothing did."""
        try:
            answer = self._post(WEEKS_PATH, self._question(), answer_within_s)
        except Unreachable as error:
            return str(error)
        if answer.status != 200:
            return f"The server says nothing about weeks in the portal ({answer.status})."
        try:
            self._inbox.put(decode_answer(answer.body))
        except InvalidMessage as error:
            return f"What the server says about weeks in the portal cannot be read ({error})."
        return ""

    def _question(self) -> bytes:
        """Of a fixed size. Where not all accounts fit, others have their turn next time."""
        report = self._inbox.report
        question = WeeksQuestion(agent_version=self._agent_version, in_use=report.in_use, turn=self._turn)
        self._turn = (self._turn + 1) % 2**31
        first = question.turn * MOST_STANDINGS % max(1, len(report.standings))
        for one in (report.standings[first:] + report.standings[:first])[:MOST_STANDINGS]:
            longer = msgspec.structs.replace(question, standings=(*question.standings, one))
            if len(encode(longer)) > QUESTION_BYTES:
                break
            question = longer
        return filled(question, QUESTION_BYTES)
