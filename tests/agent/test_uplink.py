"""The uplink's steps one by one: what is sent when, and what each answer leads to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from toktra.agent.epochs import EpochCounter
from toktra.agent.spool import UNNUMBERED, Spool
from toktra.agent.transport import Answer, Unreachable
from toktra.agent.uplink import ASK_EVERY_S, LONGEST_RETRY_S, Link, Uplink
from toktra.wire.events import Batch, BatchAccepted, OutOfSequence, UsageEvent, decode_batch, encode

DEVICE = "0198c7a0-0000-7000-8000-000000000001"
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def event(mark: int, device: str = DEVICE) -> UsageEvent:
    return UsageEvent(
        sequence=UNNUMBERED,
        provider_host="api.openai.com",
        request_bytes=2_000,
        response_bytes=mark,
        estimated_input_tokens=300,
        estimated_output_tokens=40,
        at=START,
        device=device,
        user="alice",
    )


def accepted(epoch: int, last_seq: int) -> Answer:
    return Answer(status=200, body=encode(BatchAccepted(epoch=epoch, last_seq=last_seq)))


def out_of_sequence(epoch: int, last_seq: int) -> Answer:
    return Answer(status=409, body=encode(OutOfSequence(epoch=epoch, last_seq=last_seq)))


@dataclass
class Bench:
    """An uplink with a clock that is moved by hand and answers that are given beforehand."""

    spool: Spool
    clock: float = 1_000.0
    jitter: float = 0.5
    answers: list[Answer | Exception] = field(default_factory=list)
    sent: list[Batch] = field(default_factory=list)
    uplink: Uplink = field(init=False)

    def __post_init__(self) -> None:
        self.uplink = self.new_process()

    def new_process(self) -> Uplink:
        return Uplink(
            self.spool,
            self.post,
            device=DEVICE,
            agent_version="0.1.0",
            estimator_version="7",
            monotonic=lambda: self.clock,
            now=lambda: START + timedelta(seconds=self.clock),
            jitter=lambda: self.jitter,
        )

    def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        self.sent.append(decode_batch(body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def step(self, *answers: Answer | Exception, at_once: bool = False) -> float:
        self.answers = list(answers)
        count = len(self.sent)
        pause = self.uplink.step(at_once=at_once)
        assert len(self.sent) - count == len(answers), "as many requests as answers were given"
        return pause

    def connect(self, epoch: int = 1, last_seq: int = 0) -> None:
        self.step(accepted(epoch, last_seq))

    @property
    def last(self) -> Batch:
        return self.sent[-1]

    def last_marks(self) -> list[tuple[int, int]]:
        return [(one.sequence, one.response_bytes) for one in self.last.events]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Spool(tmp_path / "spool.sqlite", EpochCounter(tmp_path / "epoch")))


def test_a_question_comes_before_the_first_batch(bench: Bench) -> None:
    bench.spool.append([event(1)])
    bench.connect()

    assert (bench.last.epoch, bench.last.prev_seq, bench.last.events) == (1, 0, [])
    assert (bench.last.agent_version, bench.last.estimator_version) == ("0.1.0", "7")
    assert bench.uplink.condition.link is Link.CONNECTED


def test_an_event_waits_five_seconds_for_company(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(1)])

    assert bench.step() == 5.0
    bench.clock += 4.0
    bench.spool.append([event(2)])
    assert bench.step() == 1.0
    bench.clock += 1.0
    bench.step(accepted(1, 2))

    assert bench.last_marks() == [(1, 1), (2, 2)]
    assert bench.spool.counts().waiting == 0
    assert bench.uplink.condition.last_upload_at == START + timedelta(seconds=bench.clock)


def test_a_full_batch_does_not_wait(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(mark) for mark in range(1, 1_002)])

    bench.step(accepted(1, 500))
    bench.step(accepted(1, 1_000))

    assert [len(batch.events) for batch in bench.sent] == [0, 500, 500]
    assert bench.step() == 5.0


def test_nothing_to_send_means_nothing_to_do_for_an_hour(bench: Bench) -> None:
    bench.connect()

    assert bench.step() == ASK_EVERY_S
    bench.clock += ASK_EVERY_S
    bench.step(accepted(1, 0))
    assert bench.last.events == []


def test_backoff_doubles_up_to_a_limit_and_is_jittered(bench: Bench) -> None:
    bench.jitter = 1.0
    pauses = []
    for _ in range(12):
        pauses.append(bench.step(Unreachable("no route")))
        bench.clock += pauses[-1]
    assert pauses[:6] == [1, 2, 4, 8, 16, 32]
    assert pauses[-1] == LONGEST_RETRY_S

    bench.jitter = 0.25
    assert bench.step(Unreachable("no route")) == LONGEST_RETRY_S / 4
    assert bench.uplink.condition.link is Link.UNREACHABLE
    assert bench.uplink.condition.because == "no route"


def test_nothing_is_sent_before_the_pause_is_over(bench: Bench) -> None:
    pause = bench.step(Unreachable("no route"))
    bench.spool.append([event(1)])
    bench.clock += pause / 2

    assert bench.step(at_once=True) == pytest.approx(pause / 2)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("30", 30),
        ("999999999", 3_600),
        ("Sun, 22 Nov 2026 10:00:00 GMT", None),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
    ],
)
def test_retry_after_is_obeyed(bench: Bench, retry_after: str, seconds: float | None) -> None:
    bench.jitter = 0.0
    if seconds is None:  # a date half an hour after START, and the clock has moved since
        seconds = 1_800 - bench.clock
    assert bench.step(Answer(status=503, retry_after=retry_after)) == pytest.approx(seconds)


def test_a_lost_answer_leads_to_the_same_batch_again(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(1), event(2)])
    bench.step(Unreachable("reset"), at_once=True)
    first = bench.last
    bench.clock += 10

    bench.step(accepted(1, 2), at_once=True)

    assert bench.last == first
    assert bench.spool.counts().waiting == 0


def test_a_new_process_finds_out_what_arrived_before_it_sends(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(1), event(2)])
    bench.step(Unreachable("reset"), at_once=True)
    bench.uplink = bench.new_process()
    bench.spool.append([event(3)])

    bench.step(accepted(1, 2))
    bench.step(accepted(1, 3), at_once=True)

    assert bench.last.prev_seq == 2
    assert bench.last_marks() == [(3, 3)]


def test_a_server_that_lost_events_gets_the_rest_in_a_new_epoch(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(1), event(2)])
    bench.step(accepted(1, 2), at_once=True)
    bench.spool.append([event(3)])

    bench.step(out_of_sequence(1, 1), at_once=True)
    bench.step(out_of_sequence(1, 1))  # the question of the new epoch
    bench.step(accepted(2, 1), at_once=True)

    assert (bench.last.epoch, bench.last.prev_seq) == (2, 0)
    assert bench.last_marks() == [(1, 3)]


def test_a_server_that_knows_more_than_was_sent_is_not_believed_to_have_what_waits(bench: Bench) -> None:
    bench.spool.append([event(1), event(2)])  # numbered 1 and 2 under an epoch that was used before

    bench.step(accepted(1, 1))
    bench.step(accepted(2, 0))
    bench.step(accepted(2, 2), at_once=True)

    assert bench.last.epoch == 2
    assert bench.last_marks() == [(1, 1), (2, 2)]


def test_a_server_with_a_later_epoch_is_overtaken(bench: Bench) -> None:
    bench.spool.append([event(1)])

    bench.step(out_of_sequence(9, 700))
    bench.step(accepted(10, 0))

    assert bench.last.epoch == 10


def test_a_refused_event_is_taken_out_and_the_others_arrive(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(1), event(2), event(3)])
    problem = b'{"status": 400, "detail": "is not in the catalogue", "field": "events[1].provider_host"}'

    pause = bench.step(Answer(status=400, body=problem), at_once=True)
    bench.clock += pause
    bench.step(accepted(1, 2), at_once=True)

    assert 0 < pause <= 1
    assert bench.last_marks() == [(1, 1), (2, 3)]
    assert (bench.spool.counts().refused, bench.spool.counts().waiting) == (1, 0)


def test_an_event_is_not_taken_for_refused_when_an_earlier_try_brought_it_there(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(1), event(2)])
    bench.step(Unreachable("reset"), at_once=True)
    bench.clock += 10
    bench.step(Answer(status=400, body=b'{"field": "events[0].provider_host"}'), at_once=True)
    bench.clock += 10

    bench.step(accepted(1, 2))

    assert bench.last.events == []
    assert (bench.spool.counts().refused, bench.spool.counts().waiting) == (0, 0)


@pytest.mark.parametrize(
    "body",
    [b'{"detail": "agent_version: unknown"}', b'{"field": "events[7].at"}', b'{"field": "epoch"}', b"<html>", b"\xff"],
)
def test_a_refusal_that_names_no_event_costs_none(bench: Bench, body: bytes) -> None:
    bench.connect()
    bench.spool.append([event(1)])

    assert bench.step(Answer(status=400, body=body), at_once=True) > 0

    assert (bench.spool.counts().refused, bench.spool.counts().waiting) == (0, 1)
    assert "Update toktra" in bench.uplink.condition.because


def test_a_batch_too_large_for_a_proxy_is_halved(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(mark) for mark in range(1, 9)])
    bench.step(Answer(status=413), at_once=True)
    bench.step(Answer(status=413), at_once=True)

    bench.step(accepted(1, 2), at_once=True)

    assert [len(batch.events) for batch in bench.sent] == [0, 8, 4, 2]


@pytest.mark.parametrize(("status", "remedy"), [(401, "enrol CODE --server URL --again"), (403, "administrator")])
def test_a_device_that_is_shut_out_says_so_and_keeps_everything(bench: Bench, status: int, remedy: str) -> None:
    bench.connect()
    bench.spool.append([event(1)])

    pause = bench.step(Answer(status=status, body=b'{"detail": "This device was revoked."}'), at_once=True)

    assert 1_800 <= pause <= 5_400
    assert bench.uplink.condition.link is Link.SHUT_OUT
    assert remedy in bench.uplink.condition.because
    assert "This device was revoked." in bench.uplink.condition.because
    assert bench.spool.counts().waiting == 1
    bench.clock += pause
    bench.connect()
    assert bench.uplink.condition.because == ""


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, body=b"<html>Sign in to the guest network</html>"),
        Answer(status=200, body=b'{"epoch": 3000000000, "last_seq": 0}'),
        Answer(status=302),
        Answer(status=404),
        Answer(status=500),
    ],
)
def test_an_answer_that_makes_no_sense_loses_nothing(bench: Bench, answer: Answer) -> None:
    bench.connect()
    bench.spool.append([event(1)])

    assert bench.step(answer, at_once=True) > 0

    assert bench.uplink.condition.link is Link.UNREACHABLE
    assert bench.spool.counts().waiting == 1
    assert bench.spool.counts().epoch == 1


@pytest.mark.parametrize("answer", [out_of_sequence(1, 0), out_of_sequence(0, 5), accepted(1, 0), accepted(40, 3)])
def test_a_server_that_never_takes_anything_is_asked_less_and_less(bench: Bench, answer: Answer) -> None:
    bench.jitter = 1.0
    bench.connect()
    bench.spool.append([event(1)])
    pauses: list[float] = []
    for _ in range(40):
        bench.answers = [answer]
        pauses.append(bench.uplink.step(at_once=True))
        bench.clock += pauses[-1]

    assert sum(pauses) > 600
    assert bench.spool.counts().waiting == 1


def test_what_waits_is_reported_under_the_new_identity_after_enrolling_again(bench: Bench) -> None:
    bench.connect()
    bench.spool.append([event(1, device="0198c7a0-0000-7000-8000-00000000000f")])

    bench.step(accepted(1, 1), at_once=True)

    assert [one.device for one in bench.last.events] == [DEVICE]
