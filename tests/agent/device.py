"""A whole device in little: a machine whose traffic is a test's, and above it the agent's own parts at work.

The control socket, the gate, the recorder, the spool and the uplink are the real ones; only the kernel below and the
network above are played.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.agent.privacy_hours.machine import ZONE, Machine

from toktra.agent.accounts import Accounts
from toktra.agent.browser.source import WithBrowsers
from toktra.agent.claims import Claims
from toktra.agent.control import ControlSocket
from toktra.agent.desk import Desk
from toktra.agent.epochs import EpochCounter
from toktra.agent.gate import GatedSource
from toktra.agent.identity import Identity
from toktra.agent.own_record import OwnRecord
from toktra.agent.perks.launch import open_perks
from toktra.agent.privacy_hours.live import LiveHours
from toktra.agent.privacy_hours.store import Store
from toktra.agent.privacy_hours.weeks import Inbox
from toktra.agent.recorder import Recorder
from toktra.agent.spool import Spool
from toktra.agent.state_directory import StateDirectory
from toktra.agent.transport import Answer, Unreachable
from toktra.agent.uplink import Uplink
from toktra.catalogue import load_catalogue
from toktra.wire.events import BatchAccepted, OutOfSequence, decode_batch, encode
from toktra.wire.personal import Allowance

DEVICE = "0198c7a0-0000-7000-8000-000000000001"

T = TypeVar("T")


class Device:
    """An agent on the state directory `path`, with a thread of its own, on a machine where it is noon."""

    def __init__(self, path: Path, zone: ZoneInfo = ZONE) -> None:
        self.path = path
        self.machine = Machine()
        self.zone = zone
        self.server_answers = True
        self.allowance = Allowance(standing="no-programme")
        """What the server says about Token Perks."""
        self.claimed: list[tuple[str, bytes]] = []
        self.claim_answer: Answer | None = None
        self._last_seq = 0
        self._orders: SimpleQueue[tuple[Callable[[], object], SimpleQueue[object]]] = SimpleQueue()
        directory = StateDirectory(path)
        self.control_path = directory.control
        self._control = ControlSocket(directory.control)
        self._spool = Spool(directory.spool, EpochCounter(directory.epoch))
        self._uplink = Uplink(
            self._spool,
            self._post,
            device=DEVICE,
            agent_version="1",
            estimator_version="1",
            monotonic=lambda: self.machine.monotonic,
            now=self._now,
            jitter=lambda: 0.0,
        )
        accounts = Accounts()
        self._recorder = Recorder(accounts=accounts, device=DEVICE)
        self._record = OwnRecord(directory.spool, accounts.name)
        identity = Identity(
            server="https://toktra.example.com",
            tenant="Example Ltd",
            device=DEVICE,
            key_id="key",
            private_key=Ed25519PrivateKey.generate(),
        )
        hours = LiveHours(Store(directory.privacy_hours), self.machine.read, lambda: self.zone)
        browsers = WithBrowsers(self.machine, load_catalogue().find, lambda: self.machine.read().wall_s)
        self._ending_perks = ExitStack()
        perks, aside = open_perks(
            directory.perks,
            self._ending_perks,
            post=self._post_perks,
            server=identity.server,
            name=accounts.name,
            ca_file=None,
            read_clocks=self.machine.read,
            zone=lambda: self.zone,
            now=self._now,
            chance=lambda: 0.0,
        )
        self.members = perks._members
        desk = Desk(
            self._control,
            self._record,
            browsers,
            perks,
            Claims(self._post_claim, server=identity.server, name=accounts.name),
            identity=identity,
            server=identity.server,
            uplink=self._uplink,
        )
        self._gate = GatedSource(browsers, hours, desk, Inbox(hours, accounts), aside)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def use(self, uid: int) -> None:
        """An account asks an AI tool something, and the answer is over."""

        def exchange() -> None:
            self.machine.send(uid)
            self.machine.finish(uid)

        self.order(exchange)

    def upload(self) -> None:
        """Time passes until whatever may leave has left."""

        def pass_time() -> None:
            for _ in range(3):
                self.machine.monotonic += 6
                self._uplink.step(may_send=self._gate.may_send())

        self.order(pass_time)

    def order(self, act: Callable[[], T]) -> T:
        """Does something in the agent's thread, between two looks of it."""
        done: SimpleQueue[object] = SimpleQueue()
        self._orders.put((act, done))
        return done.get(timeout=30)  # type: ignore[return-value]

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._gate.close()
        self._ending_perks.close()
        self._control.close()
        self._record.close()
        self._spool.close()

    def _work(self) -> None:
        while not self._ending.wait(0.002):
            self._spool.append(self._recorder.events(self._gate.poll(0)))
            try:
                act, done = self._orders.get_nowait()
            except Empty:
                continue
            result = act()
            self._spool.append(self._recorder.events(self._gate.poll(0)))
            done.put(result)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self.machine.read().wall_s), UTC)

    def _post(self, path: str, body: bytes, answer_within_s: float) -> Answer:
        """A server that takes every batch that follows on the one before."""
        del path, answer_within_s
        if not self.server_answers:
            raise Unreachable("The server toktra.example.com does not answer. It is tried again on its own.")
        batch = decode_batch(body)
        if batch.prev_seq != self._last_seq:
            return _answer(409, OutOfSequence(epoch=batch.epoch, last_seq=self._last_seq))
        self._last_seq += len(batch.events)
        return _answer(200, BatchAccepted(epoch=batch.epoch, last_seq=self._last_seq))

    def _post_claim(self, path: str, body: bytes, answer_within_s: float) -> Answer:
        """What it says to who claims an account; None: nothing, it cannot be reached."""
        del answer_within_s
        self.claimed.append((path, body))
        if self.claim_answer is None:
            raise Unreachable("https://toktra.example.com cannot be reached.")
        return self.claim_answer

    def _post_perks(self, path: str, body: bytes, answer_within_s: float) -> Answer:
        """What it says about Token Perks."""
        del path, body, answer_within_s
        return _answer(200, self.allowance)


def _answer(status: int, body: msgspec.Struct) -> Answer:
    return Answer(status=status, body=encode(body), retry_after=None)
