"""The agent at work, with its real spool, uplink and transport: what it takes, what survives, how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.agent.accounts import Accounts
from toktra.agent.capture.linux.status import CaptureStatus
from toktra.agent.capture.observed import Exchange, ObservedExchange
from toktra.agent.capture_source import CaptureFileNotUsable
from toktra.agent.epochs import EpochCounter
from toktra.agent.identity import Identity, write_identity
from toktra.agent.launch import Outcome, run
from toktra.agent.recorder import Recorder
from toktra.agent.service import STOP_WITHIN_S, Service
from toktra.agent.settings import AgentSettings
from toktra.agent.spool import Limits, Spool
from toktra.agent.state_directory import AgentRunning, StateDirectory
from toktra.agent.status import State, read_status
from toktra.agent.transport import Transport
from toktra.agent.uplink import Link, Uplink
from toktra.wire.events import BatchAccepted, UsageEvent, decode_batch, encode
from toktra.wire.signatures import KeyId

Serve = Callable[[Callable[[Any], tuple[int, dict[str, str], bytes]]], Any]
"""See the fixture."""
SAMPLE = Path(sys.modules["toktra"].__path__[0]) / "up" / "sample.pcap"
KEY = Ed25519PrivateKey.generate()
KEY_ID = str(KeyId(UUID(int=1), UUID(int=2)))
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC).timestamp()


def observed(mark: int, started_at: float = START) -> ObservedExchange:
    return ObservedExchange(
        provider_host="api.openai.com",
        uid=1000,
        exchange=Exchange(
            request_bytes=3_000,
            control_bytes=0,
            response_bytes=mark,
            segments_out=3,
            segments_in=40,
            first_on_connection=True,
            continued=False,
            started_at=started_at,
            first_byte_at=started_at + 0.4,
            ended_at=started_at + 2.0,
        ),
    )


class MemorySource:
    """Yields what it was given; the last exchange is still open until it is closed."""

    def __init__(self, polls: list[list[ObservedExchange]], when_empty: Callable[[], None], left_open: int) -> None:
        self._polls: Iterator[list[ObservedExchange]] = iter(polls)
        self._when_empty = when_empty
        self._left_open = left_open
        self.closed = False

    def poll(self, timeout_s: float) -> list[ObservedExchange]:
        found = next(self._polls, None)
        if found is None:
            self._when_empty()
        return found or []

    def status(self) -> CaptureStatus:
        return CaptureStatus(connections=7, provider_connections=3, forgotten=4, hidden=1, unnamed=0)

    def close(self) -> list[ObservedExchange]:
        self.closed = True
        return [observed(self._left_open)]


class Ledger:
    """The server's side: takes every batch, and keeps what events it got."""

    def __init__(self) -> None:
        self.events: list[UsageEvent] = []

    def answer(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        batch = decode_batch(request.body)
        self.events += batch.events
        return 200, {}, encode(BatchAccepted(epoch=batch.epoch, last_seq=batch.prev_seq + len(batch.events)))


_opened: list[Transport] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def service(
    spool: Spool,
    source: MemorySource,
    url: str,
    *,
    publish: Callable[[Service], None],
    may_send: Callable[[], bool] = lambda: True,
) -> Service:
    transport = Transport(server=url, key_id=KEY_ID, private_key=KEY)
    _opened.append(transport)
    return Service(
        source=source,
        recorder=Recorder(accounts=Accounts(account=lambda uid: f"user{uid}"), device=str(UUID(int=2))),
        spool=spool,
        uplink=Uplink(
            spool,
            transport.post,
            device=str(UUID(int=2)),
            agent_version="0.1.0",
            estimator_version="1",
            monotonic=time.monotonic,
            now=lambda: datetime.now(UTC),
            jitter=lambda: 0.5,
        ),
        publish=publish,
        may_send=may_send,
    )


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path / "spool.sqlite", EpochCounter(tmp_path / "epoch"))) as spool:
        yield spool


def waiting(spool: Spool) -> list[int]:
    return [event.response_bytes for event in spool.next_batch(1_000).events]


def nothing(_: Service) -> None:
    """Publishes nothing."""


def test_what_was_observed_and_what_was_still_open_arrives_before_the_agent_ends(spool: Spool, serve: Serve) -> None:
    ledger, stopping = Ledger(), threading.Event()
    source = MemorySource([[observed(1)], [], [observed(2), observed(3)]], stopping.set, left_open=4)
    agent = service(spool, source, serve(ledger.answer).url, publish=nothing)

    agent.run(stopping)

    assert [event.response_bytes for event in ledger.events] == [1, 2, 3, 4]
    assert {event.user for event in ledger.events} == {"user1000"}
    assert source.closed
    assert (spool.counts().waiting, agent.recorded) == (0, 4)


def test_without_a_server_it_ends_in_time_and_keeps_everything(spool: Spool) -> None:
    stopping = threading.Event()
    source = MemorySource([[observed(1)]], stopping.set, left_open=2)
    agent = service(spool, source, "http://127.0.0.1:9", publish=nothing)

    began = time.monotonic()
    agent.run(stopping)

    assert time.monotonic() - began < STOP_WITHIN_S + 1
    assert waiting(spool) == [1, 2]


def test_a_server_that_hangs_does_not_hold_up_the_end(spool: Spool, serve: Serve) -> None:
    stopping, hang, polled = threading.Event(), threading.Event(), threading.Event()

    def hold(request: Any) -> tuple[int, dict[str, str], bytes]:
        polled.wait(30)
        stopping.set()
        hang.wait(30)
        return 503, {}, b""

    agent = service(spool, MemorySource([[observed(1)]], polled.set, left_open=2), serve(hold).url, publish=nothing)

    began = time.monotonic()
    agent.run(stopping)
    took = time.monotonic() - began
    hang.set()

    assert took < STOP_WITHIN_S + 2
    assert waiting(spool) == [1, 2]


def test_while_nothing_may_be_sent_events_wait_and_only_the_question_goes_out(spool: Spool, serve: Serve) -> None:
    ledger, stopping = Ledger(), threading.Event()
    polls = [[observed(1)], [observed(2)]]
    private = threading.Event()
    private.set()

    def end() -> None:
        stopping.set()

    server = serve(ledger.answer)
    agent = service(
        spool, MemorySource(polls, end, left_open=3), server.url, publish=nothing, may_send=lambda: not private.is_set()
    )
    agent.run(stopping)

    assert ledger.events == []
    assert all(decode_batch(request.body).events == [] for request in server.requests)
    assert waiting(spool) == [1, 2, 3]

    private.clear()
    stopping.clear()
    service(spool, MemorySource([], end, left_open=4), server.url, publish=nothing).run(stopping)
    assert [event.response_bytes for event in ledger.events] == [1, 2, 3, 4]


def test_events_wait_in_memory_while_the_disk_is_full(spool: Spool) -> None:
    stopping = threading.Event()
    seen: list[int] = []

    def free_the_disk() -> None:
        seen.append(spool.counts().waiting)
        spool._connection.execute("pragma max_page_count = 100000")
        stopping.set()

    spool._connection.execute("pragma max_page_count = 1")
    marks = range(1, 301)
    source = MemorySource([[observed(mark) for mark in marks]], free_the_disk, left_open=301)
    agent = service(spool, source, "http://127.0.0.1:9", publish=nothing)

    agent.run(stopping)

    assert seen == [0]
    assert waiting(spool) == [*marks, 301]
    assert agent.overflowed == 0


def test_a_defect_in_uploading_ends_the_agent_instead_of_going_unnoticed(spool: Spool) -> None:
    class Defect(Exception):
        pass

    def fail(path: str, body: bytes, timeout_s: float) -> Any:
        raise Defect

    stopping = threading.Event()
    agent = service(
        spool, MemorySource([[observed(1)]], lambda: None, left_open=2), "http://127.0.0.1:9", publish=nothing
    )
    agent._uplink._post = fail

    with pytest.raises(Defect):
        agent.run(stopping)

    assert waiting(spool)[-1] == 2


# -- a whole agent, from its settings -----------------------------------------------------------------------------


@pytest.fixture
def enrolled(tmp_path: Path, serve: Serve) -> tuple[AgentSettings, Ledger]:
    """A state directory with an identity, for a server that takes everything."""
    ledger = Ledger()
    server = serve(ledger.answer)
    directory = StateDirectory(tmp_path / "state")
    directory.path.mkdir()
    identity = Identity(
        server=server.url.replace("127.0.0.1", "localhost"),
        tenant="Example",
        device=str(UUID(int=2)),
        key_id=KEY_ID,
        private_key=KEY,
    )
    write_identity(directory.identity, identity)
    return AgentSettings(state=directory.path, replay=SAMPLE), ledger


def test_a_capture_file_is_recorded_and_uploaded_once(enrolled: tuple[AgentSettings, Ledger]) -> None:
    settings, ledger = enrolled

    first = run(settings, threading.Event())
    again = run(settings, threading.Event())

    assert first.recorded == len(ledger.events) > 100
    assert first.waiting == 0
    assert again == Outcome(recorded=0, waiting=0)
    assert {event.user for event in ledger.events} == {"unknown"}


def test_a_capture_file_can_be_moved_to_the_present(enrolled: tuple[AgentSettings, Ledger]) -> None:
    settings, ledger = enrolled
    before = datetime.now(UTC)

    run(AgentSettings(state=settings.state, replay=SAMPLE, ending_now=True), threading.Event())

    latest = max(event.at for event in ledger.events)
    assert abs((before - latest).total_seconds()) < 900


def test_a_broken_off_capture_file_gives_what_it_holds_and_then_its_error(
    enrolled: tuple[AgentSettings, Ledger], tmp_path: Path
) -> None:
    settings, ledger = enrolled
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(SAMPLE.read_bytes()[:-7])

    for _ in range(2):
        with pytest.raises(CaptureFileNotUsable, match=r"cut\.pcap"):
            run(AgentSettings(state=settings.state, replay=cut), threading.Event())

    marks = [(event.at, event.response_bytes, event.request_bytes, event.provider_host) for event in ledger.events]
    assert len(marks) > 100
    assert [event.sequence for event in ledger.events] == list(range(1, len(marks) + 1))


def test_the_status_file_tells_how_it_went(enrolled: tuple[AgentSettings, Ledger]) -> None:
    settings, ledger = enrolled
    run(settings, threading.Event())
    path = StateDirectory(settings.state).status

    status = read_status(path)

    assert status is not None
    assert (status.state, status.link, status.tenant) == (State.STOPPED, Link.CONNECTED, "Example")
    assert (status.recorded, status.waiting, status.dropped) == (len(ledger.events), 0, 0)
    assert status.last_upload_at is not None
    assert path.stat().st_mode & 0o777 == 0o644
    assert not any(event.provider_host in path.read_text() for event in ledger.events)


def test_two_agents_do_not_share_a_directory(enrolled: tuple[AgentSettings, Ledger]) -> None:
    settings, _ = enrolled
    with (
        StateDirectory(settings.state).held(),
        pytest.raises(AgentRunning, match=rf"process id {os.getpid()} .* --state"),
    ):
        run(settings, threading.Event())


WITHOUT_IMPORTS = """
import sys, threading
from pathlib import Path
from toktra.agent.launch import run
from toktra.agent.settings import AgentSettings

class Unreachable:
    def find_spec(self, name, path=None, target=None):
        print("imported", name)
        raise ImportError(name)

sys.meta_path.insert(0, Unreachable())
print(run(AgentSettings(state=Path(sys.argv[1]), replay=Path(sys.argv[2])), threading.Event()))
"""


def test_nothing_is_imported_once_the_agent_runs(enrolled: tuple[AgentSettings, Ledger]) -> None:
    """After its rights are gone the code may be out of reach: it lies where only root can read, for example."""
    settings, ledger = enrolled

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_IMPORTS, settings.state, SAMPLE], capture_output=True, text=True, check=False
    )

    assert "imported" not in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    assert f"Outcome(recorded={len(ledger.events)}, waiting=0)" in done.stdout


def test_bounds_are_kept_while_the_server_is_away(tmp_path: Path) -> None:
    stopping = threading.Event()
    with closing(Spool(tmp_path / "s.sqlite", EpochCounter(tmp_path / "e"), Limits(events=10))) as spool:
        source = MemorySource([[observed(mark)] for mark in range(1, 31)], stopping.set, left_open=31)
        service(spool, source, "http://127.0.0.1:9", publish=nothing).run(stopping)

        assert waiting(spool) == list(range(22, 32))
        assert spool.counts().dropped == 21
