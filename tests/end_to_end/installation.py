"""`toktra up` as a person starts it: a process of its own over a data directory, driven from outside."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from toktra.server.database.embedded import urls_of_running

_LINK = re.compile(r"Open\s+(http://127\.0\.0\.1:\d+/sign-in/\S+)")


def free_port() -> int:
    """A port nobody listens on at this moment, nor on the next one, which the second ledger's service takes."""
    while True:
        with socket.socket() as probe, socket.socket() as next_:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                next_.bind(("127.0.0.1", port + 1))
                return port


def until(done: Callable[[], bool], *, patience_s: float = 90, why: Callable[[], object] = lambda: "") -> None:
    """Returns when `done` says so; fails with `why` when it never does."""
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


@dataclass
class Installation:
    """One data directory, and the `toktra up` that runs on it at the moment."""

    data: Path
    port: int = field(default_factory=free_port)
    said: list[str] = field(default_factory=list)
    link: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    """What it is given beside our own."""
    _process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> str:
        """Starts it and answers the sign-in link it prints."""
        command = [sys.executable, "-m", "toktra", "up", "--data", str(self.data), "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, "--no-browser", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.environment},
        )
        assert self._process.stdout is not None
        self.said.clear()
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))
            if found := _LINK.search(line):
                self.link = found[1]
            if line.strip().startswith("Ctrl-C"):
                return self.link
        raise AssertionError(f"it ended with {self._process.wait()}: {self.said}")

    @property
    def pid(self) -> int:
        """Of `toktra up` itself."""
        assert self._process is not None
        return self._process.pid

    def children(self) -> dict[str, int]:
        """The process ids of what it started, by what they are: agent, server, personal, postgres."""
        pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        found: dict[str, int] = {}
        for pid in map(int, pids):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            for name in ("agent run", "server run", "personal run", "postgres"):
                if name in command:
                    found[name.split()[0]] = pid
        return found

    def stop(self) -> None:
        """As Ctrl-C does."""
        self.end_with(signal.SIGINT)

    def end_with(self, number: signal.Signals) -> None:
        """Sends a signal to `toktra up` and waits until it is gone. Safe to repeat."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the running database, as the tables' owner inside its only organisation."""
        urls = urls_of_running(self.data)
        assert urls is not None
        _, owner_url, _ = urls
        with psycopg.connect(owner_url) as connection:
            connection.execute(
                "select set_config('toktra.tenant_id', (select tenant_id::text from tenant limit 1), true)"
            )
            return connection.execute(statement.encode(), values).fetchall()

    def log(self, name: str) -> str:
        """What a part of it has written."""
        return (self.data / "logs" / f"{name}.log").read_text()


@contextmanager
def installation() -> Iterator[Installation]:
    """An empty data directory that unprivileged accounts can reach, gone afterwards with everything that ran on it."""
    base = Path(tempfile.mkdtemp(prefix="toktra-up-", dir="/tmp"))
    base.chmod(0o755)
    here = Installation(base / "data")
    try:
        yield here
    finally:
        here.stop()
        shutil.rmtree(base)
