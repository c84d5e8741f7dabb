"""When a device with a timetable speaks to its server: at the same times whatever its owner does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agent.test_uplink import DEVICE, START, event

from toktra.agent.epochs import EpochCounter
from toktra.agent.spool import Spool
from toktra.agent.timetable import EVERY_S, SPREAD_S, Timetable
from toktra.agent.transport import Answer, Unreachable
from toktra.agent.uplink import Uplink
from toktra.wire.events import BatchAccepted, decode_batch, encode


class Device:
    """An uplink with a timetable, a clock moved by hand, and a server that takes what follows on what it has."""

    def __init__(self, directory: Path, chances: list[float]) -> None:
        self.clock = 1000.0
        self.chances = iter(chances)
        self.answers = True
        self.mark = 0
        self.spoke: list[float] = []
        self.uploads: list[int] = []
        self.spool = Spool(directory / "spool.sqlite", EpochCounter(directory / "epoch"))
        self.uplink = Uplink(
            self.spool,
            self.post,
            device=DEVICE,
            agent_version="0.1.0",
            estimator_version="7",
            monotonic=lambda: self.clock,
            now=lambda: START,
            jitter=lambda: 0.5,
            timetable=Timetable(
                every_s=EVERY_S,
                spread_s=SPREAD_S,
                monotonic=lambda: self.clock,
                chance=lambda: next(self.chances, 0.25),
            ),
            batch_limit=3,
        )

    def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        del path, timeout_s
        self.spoke.append(self.clock)
        if not self.answers:
            raise Unreachable("away")
        batch = decode_batch(body)
        self.mark = max(self.mark, batch.prev_seq + len(batch.events))
        self.uploads.append(len(batch.events))
        return Answer(status=200, body=encode(BatchAccepted(epoch=batch.epoch, last_seq=self.mark)))

    def until(self, clock: float, *, private: bool = False) -> None:
        """As the agent's thread does: steps whenever there may be something to do."""
        while True:
            pause_s = self.uplink.step(may_send=not private)
            if self.clock + pause_s > clock:
                self.clock = clock
                return
            self.clock += pause_s


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path, [])


def times(device: Device) -> list[float]:
    """When it spoke, each time once however many requests that took."""
    return list(dict.fromkeys(device.spoke))


def test_events_wait_for_their_time_and_then_all_go(device: Device) -> None:
    device.until(1010)
    device.spool.append([event(mark) for mark in range(7)])
    device.until(1000 + EVERY_S)
    assert device.uploads == [0]
    device.until(1000 + EVERY_S + SPREAD_S)
    assert device.uploads == [0, 3, 3, 1]
    assert len(times(device)) == 2


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chances=st.lists(st.floats(0, 1, exclude_max=True), min_size=12, max_size=12),
    day=st.lists(st.tuples(st.sampled_from([60.0, 600.0, 1300.0]), st.booleans(), st.integers(0, 3)), max_size=8),
)
def test_the_times_are_the_same_whatever_is_private_and_whatever_is_used(
    tmp_path_factory: pytest.TempPathFactory, chances: list[float], day: list[tuple[float, bool, int]]
) -> None:
    quiet = Device(tmp_path_factory.mktemp("quiet"), chances)
    busy = Device(tmp_path_factory.mktemp("busy"), chances)
    for lasts_s, private, uses in day:
        busy.spool.append([event(mark) for mark in range(0 if private else uses)])
        quiet.until(quiet.clock + lasts_s)
        busy.until(busy.clock + lasts_s, private=private)
    assert times(busy) == times(quiet)


def test_nothing_is_uploaded_in_private_time_and_what_waits_goes_at_a_time_after_it(device: Device) -> None:
    device.until(1010)
    device.spool.append([event(1)])
    device.until(1000 + 4 * EVERY_S, private=True)
    assert device.uploads == [0] * 4
    device.until(1000 + 5 * EVERY_S)
    assert device.uploads == [0, 0, 0, 0, 1]
    assert len(times(device)) == 5


def test_a_server_that_was_away_hears_of_it_and_the_times_go_on(device: Device) -> None:
    device.answers = False
    device.spool.append([event(1)])
    device.until(1100)
    device.answers = True
    device.until(1000 + EVERY_S - 1)
    assert device.uploads == [0, 1]
    device.until(1000 + EVERY_S + SPREAD_S)
    assert (times(device)[-1] - 1000) // EVERY_S == 1
