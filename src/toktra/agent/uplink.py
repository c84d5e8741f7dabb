"""Uploads what the spool holds, in numbered batches, one at a time. A step machine: it never sleeps and never loops.

`Uplink.step` does the one thing that is due and says when to call it again. What it may rely on:

- A question comes first. Before the first batch of a process or an epoch, after a refusal, and once an hour, an
  *empty* batch asks where the server stands. Its answer, 200 or 409, names the server's epoch and mark.
- The server's mark settles what is in the spool. When it lies from what was acknowledged to what was numbered, the
  events up to it are delivered. Anything else means that one side forgot (a restored database, a restored device, a
  lost spool): a new epoch begins and all that waits is numbered anew.
- An event refused by name (400 with events[i]) may not block the others: it moves to the spool's refused events and the
  rest goes on. When an earlier try may have arrived, a question makes sure first that the server does not have it.
- With a timetable all of that happens at its times. Only trying again after a failure comes in between.
- No answer, 5xx and 429 are tried again with exponential backoff and full jitter, or when Retry-After says. 401 and 403
  wait an hour, since only a person can change them; recording goes on meanwhile.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

import msgspec

from toktra.agent.problem import read_problem
from toktra.agent.spool import Numbered, Spool
from toktra.agent.timetable import Timetable
from toktra.agent.transport import Answer, Post, Unreachable
from toktra.wire.events import (
    MAX_BATCH_EVENTS,
    Batch,
    BatchAccepted,
    InvalidMessage,
    OutOfSequence,
    decode,
    encode,
)

BATCHES_PATH: Final = "/ingest/v1/batches"
BATCH_EVERY_S: Final = 5.0
"""An event waits this long for company, unless the batch is full before."""
ASK_EVERY_S: Final = 3600.0
ANSWER_WITHIN_S: Final = 30.0
FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 300.0
LONGEST_RETRY_AFTER_S: Final = 3600.0
RETRY_WHEN_SHUT_OUT_S: Final = 3600.0
PAUSE_AFTER_REFUSAL_S: Final = 1.0

LAST_EPOCH: Final = 2**31 - 1

_accepted = msgspec.json.Decoder(BatchAccepted)
_out_of_sequence = msgspec.json.Decoder(OutOfSequence)
_NAMED_EVENT: Final = re.compile(r"events\[(\d+)\]")


class Link(Enum):
    """How it stands between this device and its server."""

    STARTING = "starting"
    """Not asked yet."""
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    """Or not able to take batches; tried again on its own."""
    SHUT_OUT = "shut-out"
    """The server refuses this device; a person has to act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a person is told about uploading."""

    link: Link
    because: str = ""
    """A sentence with a remedy, empty when all is well."""
    last_upload_at: datetime | None = None
    """When the server last confirmed events."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The event that a 400 named, as it was numbered then."""

    sequence: int
    reason: str


class Uplink:
    """One device's way to its server. For one thread at a time; the spool may be filled by another meanwhile."""

    def __init__(
        self,
        spool: Spool,
        post: Post,
        *,
        device: str,
        agent_version: str,
        estimator_version: str,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        timetable: Timetable | None = None,
        batch_limit: int = MAX_BATCH_EVENTS,
    ) -> None:
        """`jitter` draws evenly from [0, 1). Without a timetable events go out as they come."""
        self._spool = spool
        self._post = post
        self._device = device
        self._agent_version = agent_version
        self._estimator_version = estimator_version
        self._monotonic = monotonic
        self._now = now
        self._jitter = jitter

        self.condition = Condition(link=Link.STARTING)
        self._ask_at = -math.inf
        self._not_before = -math.inf
        self._company_since: float | None = None
        self._failures = 0
        self._timetable = timetable
        self._batch_limit = batch_limit
        self._refusal: _Refusal | None = None
        self._in_doubt = True
        """Whether a batch may have arrived whose answer did not."""

    def step(self, *, may_send: bool = True, at_once: bool = False, answer_within_s: float = ANSWER_WITHIN_S) -> float:
        """Sends what is due, if anything is, and returns in how many seconds there may be something to do again.

        New events should lead to a call before that, and so should the end of a time without `may_send`, in which
        events wait and only the hourly question goes out. `at_once` does not wait for a batch to fill.
        Raises what the spool raises.
        """
        now = self._monotonic()
        if now < self._not_before:
            return self._not_before - now
        if self._timetable is not None and not at_once:
            return self._step_on(self._timetable, now, may_send, answer_within_s)
        if now >= self._ask_at:
            self._exchange(self._question(), answer_within_s)
        elif not may_send:
            return self._ask_at - now
        else:
            wait = self._wait_for_company(now, at_once=at_once)
            if wait > 0:
                return min(wait, self._ask_at - now)
            self._company_since = None
            self._exchange(self._spool.next_batch(self._batch_limit), answer_within_s)
        return max(0.0, self._not_before - self._monotonic())

    def _step_on(self, timetable: Timetable, now: float, may_send: bool, answer_within_s: float) -> float:
        """At its times the device sends all that waits; without anything to send, or leave to send it, a question.

        So the server hears from it at the same times whatever its owner does.
        """
        due_in_s = timetable.due_in_s(now)
        if due_in_s > 0:
            return due_in_s
        sends = may_send and now < self._ask_at and self._spool.counts().waiting > 0
        self._exchange(self._spool.next_batch(self._batch_limit) if sends else self._question(), answer_within_s)
        now = self._monotonic()
        is_asked = self.condition.link is Link.CONNECTED and now < self._ask_at
        if is_asked and not (may_send and self._spool.counts().waiting):
            timetable.done(now)
        return max(self._not_before - now, timetable.due_in_s(now), 0.0)

    def _wait_for_company(self, now: float, *, at_once: bool) -> float:
        """Seconds until a batch is due, 0 when it is."""
        waiting = self._spool.counts().waiting
        if waiting == 0:
            self._company_since = None
            return math.inf
        if at_once or waiting >= self._batch_limit:
            return 0.0
        if self._company_since is None:
            self._company_since = now
        return max(0.0, self._company_since + BATCH_EVERY_S - now)

    def _question(self) -> Numbered:
        counts = self._spool.counts()
        return Numbered(epoch=counts.epoch, prev_seq=counts.acknowledged, events=[])

    def _exchange(self, numbered: Numbered, answer_within_s: float) -> None:
        batch = Batch(
            epoch=numbered.epoch,
            prev_seq=numbered.prev_seq,
            agent_version=self._agent_version,
            estimator_version=self._estimator_version,
            missed=self._spool.counts().dropped,
            events=[
                # Enrolled anew, the device reports what still waits under its new name.
                event if event.device == self._device else msgspec.structs.replace(event, device=self._device)
                for event in numbered.events
            ],
        )
        try:
            answer = self._post(BATCHES_PATH, encode(batch), answer_within_s)
        except Unreachable as error:
            self._try_again(str(error))
            return
        match answer.status:
            case 200 | 409:
                self._understood(answer, batch)
            case 400 | 422:
                self._refused(answer, batch)
            case 413:
                self._too_large(batch)
            case 308 | 401 | 403:
                self._shut_out(answer)
            case _:
                self._not_taken(answer)

    def _understood(self, answer: Answer, batch: Batch) -> None:
        """The server named its epoch and mark."""
        mark = _mark_of(answer)
        if mark is None or not 0 <= mark.epoch < LAST_EPOCH:
            self._try_again(
                "What answers at the server's address is not a Toktra server. Check the address, and whether a proxy"
                " or a sign-in page stands in between."
            )
            return
        acknowledged = self._spool.counts().acknowledged
        settled = self._settle(mark.epoch, mark.last_seq)
        moved = settled and self._spool.counts().acknowledged > acknowledged
        if moved:
            self.condition = replace(self.condition, last_upload_at=self._now())
        if settled and (moved or not batch.events):
            if moved or self._spool.counts().waiting == 0:  # an answered question alone proves nothing about batches
                self._failures = 0
            self._ask_at = self._monotonic() + ASK_EVERY_S
            self.condition = replace(self.condition, link=Link.CONNECTED, because="")
            return
        self._ask_at = -math.inf
        if self._failures == 0 and not settled:
            self._failures = 1  # a new epoch is introduced at once, but not twice in a row
            return
        self._try_again("The server answers but takes no events. Its administrator finds the reason in its log.")

    def _settle(self, epoch: int, last_seq: int) -> bool:
        """Brings the spool in line with the server's mark. False when that took a new epoch."""
        counts = self._spool.counts()
        if epoch == counts.epoch and counts.acknowledged <= last_seq <= counts.numbered:
            self._spool.acknowledge(last_seq, at=self._now())
        elif epoch < counts.epoch and counts.acknowledged == 0:
            pass  # it has not met this epoch yet; the first batch opens it
        else:
            self._refusal = None
            self._spool.begin_epoch(beyond=epoch)
            return False
        self._in_doubt = False
        self._take_out_refused()
        return True

    def _take_out_refused(self) -> None:
        """Moves the event a 400 named out of the way, unless the server turned out to have it."""
        refusal, self._refusal = self._refusal, None
        if refusal and refusal.sequence > self._spool.counts().acknowledged:
            self._spool.refuse(refusal.sequence, refusal.reason)

    def _refused(self, answer: Answer, batch: Batch) -> None:
        problem = read_problem(answer.body)
        named = _NAMED_EVENT.match(problem.field)
        if named is None or int(named[1]) >= len(batch.events):
            self._try_again(
                f"The server does not understand this agent ({_said(problem.sentence, answer)})."
                " Update toktra on this device and on the server."
            )
            return
        self._suspect(batch, int(named[1]), f"{problem.field}: {problem.sentence}")

    def _too_large(self, batch: Batch) -> None:
        if len(batch.events) > 1:
            self._batch_limit = max(1, len(batch.events) // 2)
        elif batch.events:
            self._suspect(batch, 0, "too large for the server")
        else:
            self._try_again("A proxy before the server lets no request through. Check the server's address.")

    def _suspect(self, batch: Batch, place: int, reason: str) -> None:
        """Takes the event out, after asking where the server stands when an earlier try may have arrived."""
        self._refusal = _Refusal(batch.events[place].sequence, reason)
        if self._in_doubt:
            self._ask_at = -math.inf
        else:
            self._take_out_refused()
        self._not_before = self._monotonic() + PAUSE_AFTER_REFUSAL_S * self._jitter()

    def _shut_out(self, answer: Answer) -> None:
        said = _said(read_problem(answer.body).sentence, answer)
        if answer.status == 401:
            because = (
                f"The server does not accept this device's signature ({said}). Check this device's clock. If the device"
                " was removed, ask for a new code and run: toktra agent enrol CODE --server URL --again"
            )
        elif answer.status == 308:
            because = f"{said} It could not be followed there. Check the address with whoever runs the server."
        else:
            because = (
                f"The server has shut this device out ({said}). Ask your administrator. Events are kept on this device"
                " until then."
            )
        self.condition = replace(self.condition, link=Link.SHUT_OUT, because=because)
        self._ask_at = -math.inf
        self._not_before = self._monotonic() + RETRY_WHEN_SHUT_OUT_S * (0.5 + self._jitter())

    def _not_taken(self, answer: Answer) -> None:
        said = _said(read_problem(answer.body).sentence, answer)
        remedy = "It is tried again on its own." if answer.status >= 429 else "Check the server's address."
        self._try_again(
            f"The server takes no events now ({said}). {remedy}",
            retry_after_s=seconds_to_wait(answer.retry_after, self._now()),
        )

    def _try_again(self, because: str, *, retry_after_s: float = 0.0) -> None:
        """Later: exponential backoff with full jitter, on top of what the server asked for."""
        self._in_doubt = True
        longest = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._failures, 30))
        self._failures += 1
        self._not_before = self._monotonic() + retry_after_s + longest * self._jitter()
        self.condition = replace(self.condition, link=Link.UNREACHABLE, because=because)


def _mark_of(answer: Answer) -> BatchAccepted | OutOfSequence | None:
    """None when it is not an answer of our server."""
    try:
        return decode(answer.body, _accepted) if answer.status == 200 else decode(answer.body, _out_of_sequence)
    except InvalidMessage:
        return None


def _said(sentence: str, answer: Answer) -> str:
    return f"{answer.status}: {sentence}" if sentence else str(answer.status)


def seconds_to_wait(retry_after: str | None, now: datetime) -> float:
    """Retry-After as seconds or as a date (RFC 9110, 10.2.3); 0 when absent or unreadable, an hour at most."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdecimal():
        return min(float(retry_after), LONGEST_RETRY_AFTER_S)
    try:
        seconds = (parsedate_to_datetime(retry_after) - now).total_seconds()
    except (ValueError, TypeError):  # a date without a zone cannot be subtracted
        return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)
