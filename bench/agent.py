"""Memory and idle cost of the agent as it runs: as root, rights dropped, uploading what it saw to a server.

A namespace holds the clients, another the provider they talk to. `python -m bench.agent [CONNECTIONS [IDLE_SECONDS]]`
prints JSON; needs root. Every fifth connection goes to a provider and is answered; the others are no one's business.
`python -m bench.agent --flat [MINUTES]` (an hour unless told) looks whether memory grows with time: a steady stream of
connections, and what is resident each minute. Nobody waits an hour for a bench, so `make bench` leaves it out.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.lab.conversation import client_hello
from tests.lab.lab import SERVER_4, Lab, why_not

from toktra.agent.control_client import ask
from toktra.agent.control_messages import Add, PauseUntil, RemoveAll, Resume
from toktra.agent.identity import Identity, write_identity
from toktra.agent.privacy_hours.windows import parse_window
from toktra.agent.state_directory import StateDirectory
from toktra.agent.uplink import BATCHES_PATH
from toktra.wire.events import BatchAccepted, decode_batch, encode
from toktra.wire.portal import WeeksAnswer, answer_bytes, filled
from toktra.wire.signatures import KeyId

PROVIDER: Final = "api.openai.com"
OTHER: Final = "other.bench.test"
PRIVATE_LIMIT_PERCENT: Final = 0.01
_ANSWER: Final = bytes([22, 3, 3, 0, 90]) + bytes(90) + bytes([23, 3, 3, 8, 0]) + bytes(2048)
_PATIENCE_S: Final = 60.0


def measure(connections: int = 10_000, idle_s: float = 30.0) -> dict[str, object]:
    """Resident megabytes (VmRSS) at three moments, CPU of an idle agent, and what it saw and uploaded; or why not."""
    if reason := why_not():
        return {"skipped": reason}
    with Lab() as lab, _server() as (address, received), _agent(address) as (process, state):
        _wait(lambda: _status(state).get("state") == "recording", "the agent does not watch")
        time.sleep(2)
        started = _resident(process.pid)
        before = _cpu_s(process.pid)
        time.sleep(idle_s)
        idle = (_cpu_s(process.pid) - before) / idle_s
        private = _private_cpu(process.pid, state, idle_s)
        before = _cpu_s(process.pid)
        to_provider = connections // 5
        _connect(lab, OTHER, connections - to_provider)
        _connect(lab, PROVIDER, to_provider)
        _wait(lambda: _status(state).get("waiting") == 0 and sum(received) >= to_provider, "not everything is uploaded")
        busy = _cpu_s(process.pid) - before
        status = _status(state)
        return {
            "after_start_mb": started,
            "idle_cpu_percent": round(idle * 100, 4),
            "idle_cpu_percent_in_private_time": round(private * 100, 4),
            "limit_in_private_time_percent": PRIVATE_LIMIT_PERCENT,
            f"after_{connections}_connections_mb": _resident(process.pid),
            "cpu_ms_a_connection": round(busy / connections * 1e3, 3),
            "events_uploaded": sum(received),
            "capture": status["capture"],
        }


def _private_cpu(pid: int, state: StateDirectory, for_s: float) -> float:
    """The share of a processor that the agent takes while its only account is private, and has a week of windows."""
    windows = ("mon-fri 12:00-13:00", "daily 19:00-07:00", "sat", "sun", "2027-03-26 15:00-24:00")
    ask(state.control, Add(windows=tuple(map(parse_window, windows))))
    assert ask(state.control, PauseUntil()).private
    time.sleep(2)
    before = _cpu_s(pid)
    time.sleep(for_s)
    private = (_cpu_s(pid) - before) / for_s
    ask(state.control, RemoveAll())
    assert not ask(state.control, Resume()).private
    return private


def flat(minutes: int = 60, connections_a_minute: int = 600) -> dict[str, object]:
    """Resident megabytes (VmRSS) at the end of every minute of steady work, and what was uploaded; or why not."""
    if reason := why_not():
        return {"skipped": reason}
    with Lab() as lab, _server() as (address, received), _agent(address) as (process, state):
        _wait(lambda: _status(state).get("state") == "recording", "the agent does not watch")
        resident = []
        for _ in range(minutes):
            over = time.monotonic() + 60
            _connect(lab, OTHER, connections_a_minute * 4 // 5)
            _connect(lab, PROVIDER, connections_a_minute // 5)
            time.sleep(max(0.0, over - time.monotonic()))
            resident.append(_resident(process.pid)["VmRSS"])
            print(f"{len(resident)} min: {resident[-1]} MB", file=sys.stderr)
        _wait(lambda: _status(state).get("waiting") == 0, "not everything is uploaded")
        return {
            "connections": minutes * connections_a_minute,
            "resident_mb_each_minute": resident,
            "events_uploaded": sum(received),
            "capture": _status(state)["capture"],
        }


@contextmanager
def _agent(server: str) -> Iterator[tuple[subprocess.Popen[bytes], StateDirectory]]:
    with tempfile.TemporaryDirectory(prefix="toktra-bench-") as directory:
        Path(directory).chmod(0o755)  # the agent goes on under an account without rights
        state = StateDirectory(Path(directory) / "agent")
        state.path.mkdir(mode=0o700)
        device = uuid4()
        write_identity(
            state.identity,
            Identity(
                server=server,
                tenant="Bench",
                device=str(device),
                key_id=str(KeyId(uuid4(), device)),
                private_key=Ed25519PrivateKey.generate(),
            ),
        )
        process = subprocess.Popen([sys.executable, "-m", "toktra", "agent", "run", "--state", str(state.path)])
        try:
            yield process, state
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE_S)


@contextmanager
def _server() -> Iterator[tuple[str, list[int]]]:
    """Takes every batch; its address, and the events of each batch it took."""
    received: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == BATCHES_PATH:
                batch = decode_batch(asked)
                received.append(len(batch.events))
                body = encode(BatchAccepted(epoch=batch.epoch, last_seq=batch.prev_seq + len(batch.events)))
            else:  # nobody wrote a week in the portal
                body = filled(WeeksAnswer(agreement_version=0), answer_bytes(1))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


def _connect(lab: Lab, host: str, count: int) -> None:
    """So many connections, fifty at once, each a hello and an answer."""
    listener = lab.listen(SERVER_4, 443)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(_ANSWER)

    thread = threading.Thread(target=accept)
    thread.start()
    hello = client_hello(host) + bytes([20, 3, 3, 0, 1, 1]) + bytes([23, 3, 3, 3, 0]) + bytes(768)
    lab.program("many_hellos", SERVER_4, "443", hello.hex(), str(count), "50", timeout_s=300)
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


def _status(state: StateDirectory) -> dict[str, object]:
    try:
        return dict(json.loads(state.status.read_bytes()))
    except FileNotFoundError:
        return {}


def _wait(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.2)


def _resident(pid: int) -> dict[str, float]:
    """VmRSS, and its parts: own memory, pages of files, and shared memory."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii")
    found = dict(re.findall(r"^(VmRSS|RssAnon|RssFile|RssShmem):\s+(\d+) kB", lines, re.MULTILINE))
    return {name: round(int(kilobytes) / 1024, 1) for name, kilobytes in found.items()}


def _cpu_s(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text("ascii").split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument != "--flat"]
    print(json.dumps((flat if "--flat" in sys.argv else measure)(*numbers), indent=2))
