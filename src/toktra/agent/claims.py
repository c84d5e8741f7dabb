"""Asks the server for a code with which the account that asks says at the portal that it is its owner's.

The server takes the device's word for which account it is, and the device takes the kernel's. It is asked at once, in a
thread of its own: nobody waits for the network but who typed the command.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import msgspec

from toktra.agent.control_messages import Answer, Claimed, Refused
from toktra.agent.problem import read_problem
from toktra.agent.transport import Post, Unreachable
from toktra.wire.claims import CLAIMS_PATH, ClaimAsked, ClaimOffered
from toktra.wire.events import InvalidMessage, decode, encode

ANSWER_WITHIN_S: Final = 8.0
"""Less than whoever asks at the control socket waits."""

_offered = msgspec.json.Decoder(ClaimOffered)


class Claims:
    """One question at a time, whoever asks."""

    def __init__(self, post: Post, *, server: str, name: Callable[[int], str]) -> None:
        """`post` is used by nobody else; `name` says what an account is called."""
        self._post = post
        self._server = server
        self._name = name
        self._busy = threading.Lock()

    def take(self, uid: int, answer: Callable[[Answer], None]) -> None:
        """Calls `answer` once, now or later, in whatever thread."""
        if not self._busy.acquire(blocking=False):
            answer(Refused(because="Another account asks for a code at this moment. Try again in a few seconds."))
            return
        threading.Thread(target=self._ask, args=(self._name(uid), answer), name="claim", daemon=True).start()

    def _ask(self, account: str, answer: Callable[[Answer], None]) -> None:
        try:
            outcome = self._outcome(account)
        finally:
            self._busy.release()
        answer(outcome)

    def _outcome(self, account: str) -> Answer:
        try:
            said = self._post(CLAIMS_PATH, encode(ClaimAsked(account=account)), ANSWER_WITHIN_S)
        except (Unreachable, msgspec.MsgspecError) as error:
            return Refused(because=str(error))
        if said.status != 200:
            reason = read_problem(said.body).sentence or f"it answered {said.status} without a reason"
            return Refused(because=f"The server gave no code: {reason}")
        try:
            offered = decode(said.body, _offered)
        except InvalidMessage as error:
            return Refused(because=f"The server's answer cannot be read ({error}). Is it older than this agent?")
        return Claimed(
            url=self._server + offered.path,
            code=offered.code,
            account=account,
            valid_minutes=offered.valid_minutes,
        )
