"""The control socket: where the accounts of this device ask the agent for something that is theirs.

Every account may connect; the kernel says which one it is (SO_PEERCRED, unix(7)), and nobody can ask for another, not
even root. One thread serves all connections without waiting for any; what it reads it puts where the agent's own thread
takes it and answers. A connection has few seconds, an account few connections, so no account keeps another from asking.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from toktra.agent.control_messages import MAX_REQUEST_BYTES, Answer, Refused, Request, read_request
from toktra.wire.events import InvalidMessage, encode

ASK_WITHIN_S: Final = 2.0
"""For the whole request, and again for taking the answer."""
ANSWER_WITHIN_S: Final = 10.0
"""What the agent's own thread has."""
MOST_OF_AN_ACCOUNT: Final = 4
MOST_IN_ALL: Final = 256
_LONGEST_ADDRESS: Final = 107
_peer = struct.Struct("=iII")  # struct ucred: pid, uid, gid

_log: Final = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Connection:
    """One client: what it has sent, and what it is to get."""

    socket: socket.socket
    uid: int
    deadline: float
    received: bytearray = field(default_factory=bytearray)
    answer: memoryview | None = None


class Asked:
    """A request that waits for the agent's own thread."""

    def __init__(self, control: ControlSocket, connection: _Connection, request: Request) -> None:
        self._control = control
        self._connection = connection
        self._request = request

    @property
    def uid(self) -> int:
        """Who asks; the kernel says so."""
        return self._connection.uid

    @property
    def request(self) -> Request:
        """What for."""
        return self._request

    def answer(self, answer: Answer) -> None:
        """To be called once."""
        self._control._send(self._connection, answer)


class ControlSocket:
    """Listens at `path` from the start. `descriptor` is readable while something waits to be answered."""

    def __init__(self, path: Path) -> None:
        """Replaces what a killed agent left behind. Raises OSError."""
        self._path = path
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with address_of(path) as address:
            self._listener.bind(address)
        path.chmod(0o666)  # who is asking decides, not who may connect
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._wake_agent, self._agent_woken = _wakers()
        self._wake_thread, self._thread_woken = _wakers()
        self._waiting: deque[Asked] = deque()
        self._answered: deque[tuple[_Connection, Answer]] = deque()
        self._of_account: Counter[int] = Counter()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._thread_woken, selectors.EVENT_READ)
        self._open: set[_Connection] = set()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    @property
    def descriptor(self) -> int:
        """For whoever waits for several things at once."""
        return self._agent_woken.fileno()

    @property
    def waker(self) -> int:
        """A byte written to it makes `descriptor` readable, as a signal does: see signal.set_wakeup_fd."""
        return self._wake_agent.fileno()

    def waiting(self) -> list[Asked]:
        """What was asked since the last call; each has to be answered."""
        _drain(self._agent_woken)
        asked = []
        while self._waiting:
            asked.append(self._waiting.popleft())
        return asked

    def close(self) -> None:
        """Hangs up on everybody and removes the socket."""
        self._ending = True
        _wake(self._wake_thread)
        self._thread.join()
        for connection in list(self._open):
            self._hang_up(connection)
        self._selector.close()
        for one in (self._listener, self._wake_agent, self._agent_woken, self._wake_thread, self._thread_woken):
            one.close()
        self._path.unlink(missing_ok=True)

    def _send(self, connection: _Connection, answer: Answer) -> None:
        """From the agent's thread to ours."""
        self._answered.append((connection, answer))
        _wake(self._wake_thread)

    def _serve(self) -> None:
        while not self._ending:
            for key, _ in self._selector.select(self._patience_s()):
                match key.data:
                    case _Connection() as connection if connection.answer is None:
                        self._receive(connection)
                    case _Connection() as connection:
                        self._write(connection)
                    case _ if key.fileobj is self._listener:
                        self._accept()
                    case _:
                        _drain(self._thread_woken)
            while self._answered:
                self._begin_answer(*self._answered.popleft())
            now = time.monotonic()
            for connection in [one for one in self._open if one.deadline <= now]:
                self._hang_up(connection)

    def _patience_s(self) -> float | None:
        soonest = min((one.deadline for one in self._open), default=None)
        return None if soonest is None else max(0.0, soonest - time.monotonic())

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor left
            return
        accepted.setblocking(False)
        _, uid, _ = _peer.unpack(accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _peer.size))
        if self._of_account[uid] >= MOST_OF_AN_ACCOUNT or len(self._open) >= MOST_IN_ALL:
            accepted.close()
            return
        connection = _Connection(accepted, uid, time.monotonic() + ASK_WITHIN_S)
        self._of_account[uid] += 1
        self._open.add(connection)
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _receive(self, connection: _Connection) -> None:
        try:
            received = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._hang_up(connection)
            return
        connection.received += received
        if len(connection.received) > MAX_REQUEST_BYTES:
            self._begin_answer(connection, Refused(because=f"A request may hold {MAX_REQUEST_BYTES} bytes."))
        elif b"\n" in received:
            self._understand(connection)

    def _understand(self, connection: _Connection) -> None:
        line, _, _ = bytes(connection.received).partition(b"\n")
        connection.received.clear()
        try:
            request = read_request(line)
        except InvalidMessage as error:
            refused = Refused(because=f"The agent does not understand this ({error}). Is it of another version?")
            self._begin_answer(connection, refused)
            return
        self._selector.unregister(connection.socket)  # silent until there is an answer
        connection.deadline = time.monotonic() + ANSWER_WITHIN_S
        self._waiting.append(Asked(self, connection, request))
        _wake(self._wake_agent)

    def _begin_answer(self, connection: _Connection, answer: Answer) -> None:
        if connection not in self._open:  # it had no more patience
            return
        connection.answer = memoryview(encode(answer) + b"\n")
        connection.deadline = time.monotonic() + ASK_WITHIN_S
        with suppress(KeyError):
            self._selector.unregister(connection.socket)
        self._selector.register(connection.socket, selectors.EVENT_WRITE, connection)

    def _write(self, connection: _Connection) -> None:
        assert connection.answer is not None  # noqa: S101 - for the type checker
        try:
            sent = connection.socket.send(connection.answer)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up(connection)
            return
        connection.answer = connection.answer[sent:]
        if not connection.answer:
            self._hang_up(connection)

    def _hang_up(self, connection: _Connection) -> None:
        with suppress(KeyError):
            self._selector.unregister(connection.socket)
        self._open.discard(connection)
        self._of_account -= Counter({connection.uid: 1})
        connection.socket.close()


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """What bind and connect take for `path`, also where it is longer than the 107 bytes an address holds."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _wakers() -> tuple[socket.socket, socket.socket]:
    """One to write to, one that becomes readable."""
    write, read = socket.socketpair()
    write.setblocking(False)
    read.setblocking(False)
    return write, read


def _wake(waker: socket.socket) -> None:
    with suppress(BlockingIOError):  # full: it is awake already
        waker.send(b"\0")


def _drain(woken: socket.socket) -> None:
    with suppress(BlockingIOError):
        while woken.recv(4096):
            pass
