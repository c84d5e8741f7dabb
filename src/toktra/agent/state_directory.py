"""The directory that holds everything an agent keeps, and the lock that lets one agent at a time into it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from toktra.agent.durable_file import write_durably
from toktra.agent.epochs import read_number
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError

FORMAT: Final = 1
SYSTEM_DIRECTORY: Final = Path("/var/lib/toktra/agent")


class AgentRunning(AgentError):
    """Another process works on this state directory."""

    exit_code = EXIT_NEEDS_YOU


class StateOfNewerVersion(AgentError):
    """A newer agent wrote this directory."""

    exit_code = EXIT_NEEDS_YOU


class StateNotUsable(AgentError):
    """The directory cannot be made, read or written."""

    exit_code = EXIT_NEEDS_YOU


def default_state_directory() -> Path:
    """The system's for root, the account's own for everybody else."""
    if os.geteuid() == 0:
        return SYSTEM_DIRECTORY
    return platformdirs.user_state_path("toktra") / "agent"


def find_running(path: Path | None = None) -> StateDirectory:
    """The directory given, or that of the agent that runs here: our own, or else the system's."""
    if path is not None:
        return StateDirectory(path)
    own, system = StateDirectory(default_state_directory()), StateDirectory(SYSTEM_DIRECTORY)
    return own if own.running_pid() is not None else system


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Names the files. Everything is readable to the agent's account alone, but for the status."""

    path: Path

    @property
    def identity(self) -> Path:
        """See `identity`."""
        return self.path / "identity.json"

    @property
    def pending_enrolment(self) -> Path:
        """See `enrol`."""
        return self.path / "enrolment.pending"

    @property
    def pending_key(self) -> Path:
        """See `key_change`."""
        return self.path / "key.pending"

    @property
    def spool(self) -> Path:
        """See `spool`."""
        return self.path / "spool.sqlite"

    @property
    def epoch(self) -> Path:
        """See `epochs`."""
        return self.path / "epoch"

    @property
    def accounts(self) -> Path:
        """See `accounts`; written by people."""
        return self.path / "accounts.toml"

    @property
    def status(self) -> Path:
        """See `status`."""
        return self.path / "status.json"

    @property
    def privacy_hours(self) -> Path:
        """What the names of the files of `privacy_hours.store` begin with."""
        return self.path / "privacy-hours"

    @property
    def perks(self) -> Path:
        """See `perks`. No other account can look into it, so no time of a file shows when somebody used what."""
        return self.path / "perks"

    @property
    def control(self) -> Path:
        """See `control`; every account of the device may connect."""
        return self.path / "control.socket"

    @property
    def _lock(self) -> Path:
        return self.path / "agent.lock"

    @property
    def _format(self) -> Path:
        return self.path / "format"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Makes the directory when it is missing, and keeps every other agent out until the end, or the process's end.

        Raises AgentRunning, StateOfNewerVersion, StateNotUsable.
        """
        try:
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._not_usable(error) from None
        try:
            self._lock_or_refuse(descriptor)
            self._check_format()
            yield
        finally:
            os.close(descriptor)

    def running_pid(self) -> int | None:
        """The process that holds the directory, None when there is none."""
        try:
            descriptor = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return read_number(self._lock)
        finally:
            os.close(descriptor)
        return None

    def give_to(self, uid: int, gid: int) -> None:
        """Hands the directory to the account the agent goes on under. Needs root. Raises StateNotUsable."""
        try:
            os.chown(self.path, uid, gid, follow_symlinks=False)
            for _, directories, files, directory in os.fwalk(self.path):  # by descriptors: no link leads out of it
                for name in (*directories, *files):
                    os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise self._not_usable(error) from None

    def _lock_or_refuse(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = read_number(self._lock)
            raise AgentRunning(
                f"The agent with process id {pid} works on {self.path}. Stop it first, or give another directory"
                " with --state."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def _check_format(self) -> None:
        try:
            found = read_number(self._format)
            if found > FORMAT:
                raise StateOfNewerVersion(
                    f"{self.path} was written by a newer version of toktra (format {found}, this one knows {FORMAT})."
                    " Update toktra, or give another directory with --state."
                )
            if found == 0:
                write_durably(self._format, f"{FORMAT}\n".encode(), mode=0o644)
        except OSError as error:
            raise self._not_usable(error) from None

    def _not_usable(self, error: OSError) -> StateNotUsable:
        return StateNotUsable(
            f"{self.path} cannot be used ({error.strerror}). Run this as the account that owns it or as root, or give"
            " another directory with --state."
        )
