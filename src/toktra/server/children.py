"""Child processes that are started together, watched, started again when they fall, and stopped in order."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import toktra
from toktra.server.database.account import Account, database_account

STOP_PATIENCE_S = 10.0
RESTARTS_ALLOWED = 5
RESTART_WINDOW_S = 60.0
_PR_SET_PDEATHSIG = 1


class ChildFailed(Exception):
    """A child process ended and does not stay up. The text says which, and where its log is."""


@dataclass
class Child:
    """One program under our care. Its output goes to a log file, begun anew with the first start.

    Ctrl-C in the terminal does not reach it: we stop it in order.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    account: Account | None = None
    """Another account to run under; None for our own."""
    final_exit_codes: frozenset[int] = frozenset()
    """Exit codes that mean "done" or "cannot be done here": not started again, not an error of ours."""
    _process: subprocess.Popen[bytes] | None = None
    _ended_at: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Starts the program. On Linux it gets a SIGTERM when we end, however we end."""
        with self.log.open("ab" if self._process else "wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, our own arguments
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),  # noqa: PLW1509 - one system call, prepared before the fork
                **(self.account.process_options if self.account else {}),
            )

    def wait(self, patience_s: float) -> int | None:
        """Its exit code, or None when it still runs after `patience_s`."""
        if self._process is None:
            return None
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    @property
    def process_id(self) -> int | None:
        """None when it is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """Of the last run; None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    def look_after(self, now: float) -> None:
        """Starts the program again when it fell. `now` is monotonic seconds.

        Raises ChildFailed when it fell more than RESTARTS_ALLOWED times within RESTART_WINDOW_S.
        """
        code = self.exit_code
        if code is None or code in self.final_exit_codes or self._process is None:
            return
        self._ended_at = [at for at in self._ended_at if now - at < RESTART_WINDOW_S]
        self._ended_at.append(now)
        if len(self._ended_at) > RESTARTS_ALLOWED:
            raise ChildFailed(f"the {self.name} ends again and again (last exit code {code}). Its log: {self.log}")
        self.start()

    def stop(self) -> None:
        """Asks it to end, waits STOP_PATIENCE_S, then ends it. Safe to repeat."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        if self.wait(STOP_PATIENCE_S) is None:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log, for an error that someone has to act on."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
        except OSError:
            return ""


def toktra_command(*arguments: str) -> list[str]:
    """This very Toktra, as a command."""
    return [sys.executable, "-m", "toktra", *arguments]


def unprivileged() -> Account | None:
    """The database's account, whenever we are root and it can reach Python; None: we start things as ourselves."""
    account = database_account()
    needed = (Path(sys.executable), Path(sys.base_prefix).resolve(), Path(toktra.__file__).parent)
    reachable = all(account.first_unreachable(path) is None for path in needed)
    return account if reachable and account.uid != os.geteuid() else None


def wait_until(ready: Callable[[], bool], child: Child, patience_s: float) -> None:
    """Returns when `ready` says so. Raises ChildFailed when the child ends first or patience does."""
    deadline = time.monotonic() + patience_s
    while not ready():
        if child.exit_code is not None:
            raise ChildFailed(f"the {child.name} did not start (exit code {child.exit_code}):\n{child.last_words()}")
        if time.monotonic() > deadline:
            raise ChildFailed(f"the {child.name} was not ready after {patience_s:.0f} s. Its log: {child.log}")
        time.sleep(0.02)


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:  # it ended in between
            os._exit(1)

    return ask
