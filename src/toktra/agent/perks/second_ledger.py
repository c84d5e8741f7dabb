"""The way of an exchange in personal mode: taken aside at the gate, sealed in memory, put on the disk as it is then.

What is taken here is in no event, no count and no line of the log. When it cannot be sealed, because the key's public
part is gone, it is dropped and its owner told; it never goes to the corporate ledger instead.

An account's uses of an hour go into one record. This device cannot open what it sealed, so the uses of the record that
is open stay in memory, and the whole of it is sealed and written anew with each: a crash loses none that were written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from toktra.agent.capture.observed import ObservedExchange
from toktra.agent.perks.members import Member, Members, Topic
from toktra.agent.perks.mode import Ledger, Modes
from toktra.agent.perks.open_record import OpenRecord
from toktra.agent.perks.waiting import NotWritable
from toktra.agent.recorder import measured
from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.wire.personal import PersonalUse

MOST_HELD: Final = 500
"""Sealed records of an account held in memory, 4 MB, while the disk takes none."""
DISK_RETRY_S: Final = 30.0


class SecondLedger:
    """For the agent's own thread."""

    def __init__(
        self,
        members: Members,
        modes: Modes,
        *,
        chance: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`chance` draws evenly from [0, 1)."""
        self._members = members
        self._modes = modes
        self._chance = chance
        self._monotonic = monotonic
        self._open: dict[int, OpenRecord] = {}
        self._held: dict[int, list[bytes]] = {}
        self._write_again_at = 0.0
        self.unsealed: dict[int, int] = {}
        """By account: what could not be sealed and is gone, since the agent started."""
        self.overflowed: dict[int, int] = {}
        """By account: what was sealed and found no room, since the agent started."""

    def divert(self, observed: list[ObservedExchange]) -> list[ObservedExchange]:
        """Takes what belongs to a second ledger, and hands back what is the organisation's."""
        self._modes.look()
        corporate = []
        for one in observed:
            match self._modes.ledger(one.uid, *_began(one)):
                case Ledger.CORPORATE:
                    corporate.append(one)
                case Ledger.PERSONAL if one.uid is not None:
                    self._seal(one.uid, one)
        self._write()
        self._close_old()
        return corporate

    def forget(self, uid: int) -> None:
        """The account left: what of it is still held is not kept."""
        self._open.pop(uid, None)
        self._held.pop(uid, None)
        self.unsealed.pop(uid, None)
        self.overflowed.pop(uid, None)

    def close(self) -> None:
        """Writes what is still held, if the disk takes it."""
        self._write_again_at = 0.0
        self._write()

    def _seal(self, uid: int, observed: ObservedExchange) -> None:
        member = self._members.of(uid)
        if member is None or member.membership.leaving:
            self.unsealed[uid] = self.unsealed.get(uid, 0) + 1
            return
        use = _use(observed)
        record = self._open.get(uid)
        if record is None or not record.add(use):
            self._close(uid)
            self._open[uid] = OpenRecord(use, self._monotonic())
        member.owe(self._tickets_worth(member, use.estimated_input_tokens + use.estimated_output_tokens))

    def _close(self, uid: int) -> None:
        """Nothing more goes into it; what of it is not on the disk yet is held, sealed."""
        record, member = self._open.pop(uid, None), self._members.of(uid)
        if record is None or member is None or record.is_written:
            return
        held = self._held.setdefault(uid, [])
        held.append(member.sealer.seal(record.unwritten()))
        if len(held) > MOST_HELD:
            del held[0]
            self.overflowed[uid] = self.overflowed.get(uid, 0) + 1

    def _close_old(self) -> None:
        now = self._monotonic()
        for uid in [uid for uid, record in self._open.items() if record.is_over(now)]:
            self._close(uid)

    def _tickets_worth(self, member: Member, tokens: int) -> int:
        """Rounded by chance, so that on average it is right and no remainder has to be kept anywhere."""
        terms = member.membership.terms
        if terms is None or not terms.tokens_per_ticket:
            return 0
        return int(tokens / terms.tokens_per_ticket + self._chance())

    def _write(self) -> None:
        if self._monotonic() < self._write_again_at:
            return
        for uid in self._held.keys() | {uid for uid, record in self._open.items() if not record.is_written}:
            member = self._members.of(uid)
            if member is None:
                self._open.pop(uid, None)
                self._held.pop(uid, None)
                continue
            try:
                self._write_of(member)
            except NotWritable as error:
                member.say(Topic.DISK, str(error))
                self._write_again_at = self._monotonic() + DISK_RETRY_S
                continue
            member.say(Topic.DISK, "")

    def _write_of(self, member: Member) -> None:
        """Raises NotWritable; what was not written is as it was."""
        while held := self._held.get(member.uid):
            member.waiting.append(held[0])
            del held[0]
        self._held.pop(member.uid, None)
        record = self._open.get(member.uid)
        if record is not None and not record.is_written:
            record.write(member.waiting, member.sealer)


def _began(observed: ObservedExchange) -> tuple[float, float]:
    """Between which two moments the exchange began to which this belongs."""
    exchange = observed.exchange
    return exchange.begun_within or (exchange.started_at, exchange.started_at)


def _use(observed: ObservedExchange) -> PersonalUse:
    figures = measured(observed)
    return PersonalUse(
        at=datetime.fromtimestamp(int(observed.exchange.started_at), UTC),
        provider_host=observed.provider_host,
        request_bytes=figures.request_bytes,
        response_bytes=figures.response_bytes,
        estimated_input_tokens=figures.input_tokens,
        estimated_output_tokens=figures.output_tokens,
        estimator_version=ESTIMATOR_VERSION,
    )
