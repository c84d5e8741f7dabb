"""Spool and uplink against a server that follows the batch contract to the letter, with every fault a network has.

Whatever happens in whatever order: an event is waiting, or at the server, or refused, or counted as dropped; it is at
the server once; and the server only ever sees consecutive numbers.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from toktra.agent.epochs import EpochCounter
from toktra.agent.spool import UNNUMBERED, Limits, Spool
from toktra.agent.transport import Answer, Unreachable
from toktra.agent.uplink import Uplink
from toktra.wire.events import BatchAccepted, OutOfSequence, UsageEvent, decode_batch, encode

MEMORY = Path("/dev/shm")
"""Where there is one: kill -9 on a real disk is tested with the spool; here it is the order of things that counts."""
DEVICE = "0198c7a0-0000-7000-8000-000000000001"
UNKNOWN_HOST = "not.in.the.catalogue.example"


class PowerCut(BaseException):
    """The process ends here and now; nothing after it runs."""


@dataclass
class BatchServer:
    """The rules of a batch, and nothing else. An event's `response_bytes` tells it from the others."""

    epoch: int = 1
    last_seq: int = 0
    stored: list[int] = field(default_factory=list)
    knows_every_host: bool = False

    def receive(self, body: bytes) -> Answer:
        batch = decode_batch(body)
        for place, event in enumerate(batch.events):
            if event.provider_host == UNKNOWN_HOST and not self.knows_every_host:
                problem = f'{{"status":400,"detail":"unknown","field":"events[{place}].provider_host"}}'
                return Answer(status=400, body=problem.encode())
        if batch.epoch < self.epoch:
            return self._out_of_sequence()
        last_seq = self.last_seq if batch.epoch == self.epoch else 0
        if last_seq < batch.prev_seq:
            return self._out_of_sequence()
        self.epoch = batch.epoch
        tail = [event for event in batch.events if event.sequence > last_seq]
        assert [event.sequence for event in tail] == list(range(last_seq + 1, last_seq + 1 + len(tail)))
        self.stored += [event.response_bytes for event in tail]
        self.last_seq = last_seq + len(tail)
        return Answer(status=200, body=encode(BatchAccepted(epoch=self.epoch, last_seq=self.last_seq)))

    def _out_of_sequence(self) -> Answer:
        return Answer(status=409, body=encode(OutOfSequence(epoch=self.epoch, last_seq=self.last_seq)))


class CrashingEpochs(EpochCounter):
    """Can lose power between the counter's file and the spool's commit."""

    crash = False

    def advance(self, *, beyond: int = 0) -> int:
        value = super().advance(beyond=beyond)
        if CrashingEpochs.crash:
            raise PowerCut
        return value


FAULTS = ("request lost", "answer lost", "busy", "later", "power cut before", "power cut after", "gibberish")


class Delivery(RuleBasedStateMachine):
    """The device's disk and the server outlive everything; processes come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="toktra-delivery-", dir=MEMORY if MEMORY.is_dir() else None))
        self.server = BatchServer()
        self.backup = BatchServer()
        self.clock = 1_000.0
        self.fault = ""
        self.jitter = 0.5
        self.recorded = 0
        self.unknown_hosts: set[int] = set()
        self.by_accident: set[int] = set()
        """Gone with a spool or a database that was lost: the accidents no protocol can make good."""
        self.dropped_before = 0
        self.late: list[bytes] = []
        self.process_starts()

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.directory)

    # -- the device ---------------------------------------------------------------------------------------------------

    def process_starts(self) -> None:
        CrashingEpochs.crash = False
        self.spool = Spool(self.directory / "spool.sqlite", CrashingEpochs(self.directory / "epoch"), Limits(events=9))
        self.uplink = Uplink(
            self.spool,
            self.post,
            device=DEVICE,
            agent_version="0.1.0",
            estimator_version="1",
            monotonic=lambda: self.clock,
            now=lambda: datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.clock),
            jitter=lambda: self.jitter,
            batch_limit=4,
        )

    def power_returns(self) -> None:
        self.spool.close()
        self.process_starts()

    def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        assert (path, timeout_s) == ("/ingest/v1/batches", 30.0)
        fault, self.fault = self.fault, ""
        match fault:
            case "request lost":
                self.late.append(body)
                raise Unreachable("no route")
            case "busy":
                return Answer(status=503)
            case "later":
                return Answer(status=429, retry_after="60")
            case "gibberish":
                return Answer(status=200, body=b"<html>Please sign in to the guest network</html>")
            case "power cut before":
                raise PowerCut
        answer = self.server.receive(body)
        if fault == "answer lost":
            raise Unreachable("connection reset")
        if fault == "power cut after":
            raise PowerCut
        return answer

    # -- what happens -------------------------------------------------------------------------------------------------

    @initialize(epoch=st.sampled_from([0, 1]))
    def server_starts(self, epoch: int) -> None:
        self.server.epoch = epoch

    @rule(count=st.integers(1, 6), unknown=st.sets(st.integers(0, 5), max_size=1))
    def exchanges_end(self, count: int, unknown: set[int]) -> None:
        marks = range(self.recorded + 1, self.recorded + count + 1)
        self.unknown_hosts |= {marks[place] for place in unknown if place < count}
        self.spool.append([usage(mark, known=mark not in self.unknown_hosts) for mark in marks])
        self.recorded += count

    @rule(fault=st.sampled_from(("", *FAULTS)), jitter=st.sampled_from([0.0, 0.5, 0.999]), at_once=st.booleans())
    def uplink_steps(self, fault: str, jitter: float, at_once: bool) -> None:
        self.fault, self.jitter = fault, jitter
        missing = self.missing()
        try:
            assert self.uplink.step(at_once=at_once) >= 0
        except PowerCut:
            self.power_returns()
        self.fault = ""
        assert self.missing() <= missing, "only a full spool loses events, never an upload"

    @rule(seconds=st.sampled_from([1.0, 10.0, 700.0, 5_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock += seconds

    @rule()
    def process_is_killed(self) -> None:
        self.power_returns()

    @rule()
    def power_fails_when_the_next_epoch_begins(self) -> None:
        CrashingEpochs.crash = True

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def lost_request_arrives_after_all(self, data: st.DataObject) -> None:
        self.server.receive(data.draw(st.sampled_from(self.late)))

    @rule(damaged=st.booleans(), counter_too=st.booleans())
    def spool_is_lost(self, damaged: bool, counter_too: bool) -> None:
        self.by_accident |= set(self.waiting()) | self.refused()
        self.dropped_before += self.spool.counts().dropped
        self.spool.close()
        for path in self.directory.glob("spool.sqlite*"):
            path.unlink()
        if damaged:
            (self.directory / "spool.sqlite").write_bytes(b"rubbish " * 1000)
        if counter_too:
            (self.directory / "epoch").unlink(missing_ok=True)
        self.process_starts()

    @rule(every=st.booleans())
    def catalogue_changes(self, every: bool) -> None:
        self.server.knows_every_host = every

    @rule()
    def server_is_backed_up(self) -> None:
        self.backup = BatchServer(self.server.epoch, self.server.last_seq, list(self.server.stored))

    @rule()
    def server_is_restored(self) -> None:
        lost = set(self.server.stored) - set(self.backup.stored)
        self.by_accident |= lost - set(self.waiting()) - self.refused()
        self.server = BatchServer(self.backup.epoch, self.backup.last_seq, list(self.backup.stored))
        self.late.clear()  # a request that outlives both is not told from a new one by any mark

    # -- what must be true --------------------------------------------------------------------------------------------

    def waiting(self) -> list[int]:
        rows = self.spool._connection.execute("select event from event order by place").fetchall()
        return [mark_of(row) for row in rows]

    def refused(self) -> set[int]:
        rows = self.spool._connection.execute("select event from refused").fetchall()
        return {mark_of(row) for row in rows}

    @invariant()
    def nothing_is_doubled(self) -> None:
        assert len(self.server.stored) == len(set(self.server.stored))

    def missing(self) -> set[int]:
        accounted = set(self.waiting()) | set(self.server.stored) | self.refused() | self.by_accident
        return set(range(1, self.recorded + 1)) - accounted

    @invariant()
    def nothing_is_lost(self) -> None:
        missing = self.missing()
        dropped = self.dropped_before + self.spool.counts().dropped
        assert len(missing) == dropped, f"missing {sorted(missing)}, counted as dropped: {dropped}"

    @invariant()
    def only_what_the_server_refuses_is_refused(self) -> None:
        assert self.refused() <= self.unknown_hosts - set(self.server.stored)

    @invariant()
    def counts_are_true(self) -> None:
        counts = self.spool.counts()
        assert counts.waiting == len(self.waiting())
        assert counts.acknowledged <= counts.numbered <= counts.acknowledged + counts.waiting

    def settle_down(self) -> None:
        """With a sound network everything that waits arrives, in a number of steps that cannot run away."""
        CrashingEpochs.crash = False
        for _ in range(60):
            self.clock += self.uplink.step()
            if self.spool.counts().waiting == 0:
                return
        raise AssertionError(f"{self.waiting()} never arrived: {self.uplink.condition}")


class DeliverySettles(Delivery):
    """The same, and in the end the queue empties."""

    def teardown(self) -> None:
        try:
            self.settle_down()
            self.nothing_is_doubled()
            self.nothing_is_lost()
        finally:
            super().teardown()


def usage(mark: int, *, known: bool) -> UsageEvent:
    return UsageEvent(
        sequence=UNNUMBERED,
        provider_host="api.openai.com" if known else UNKNOWN_HOST,
        request_bytes=2_000,
        response_bytes=mark,
        estimated_input_tokens=300,
        estimated_output_tokens=40,
        at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        device=DEVICE,
        user="alice",
    )


def mark_of(row: tuple[bytes]) -> int:
    return decode_usage(row[0]).response_bytes


def decode_usage(encoded: bytes) -> UsageEvent:
    return msgspec.json.decode(encoded, type=UsageEvent)


DeliverySettles.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None, print_blob=True)
TestDelivery = DeliverySettles.TestCase
