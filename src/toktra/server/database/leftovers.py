"""PostgreSQL processes of an earlier run that are still on a cluster: they must be gone before a new one starts.

After kill -9 of the postmaster its back ends live on until they notice; after kill -9 of the process that started it,
the postmaster is shutting down, or, where the kernel has no parent-death signal, still running. Every one of them
works inside the cluster directory, which is how they are recognised: a process id alone may have been reused.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

from toktra.server.database.failures import PostgresDidNotStart

FAST_SHUTDOWN_S: Final = 60.0
IMMEDIATE_SHUTDOWN_S: Final = 10.0
_POLL_S: Final = 0.02


def clear_leftovers(cluster: Path) -> None:
    """Ends what is left of an earlier run and waits until it is gone, then removes its process-id file.

    To be called only by who holds the data directory's lock. Raises PostgresDidNotStart when something stays.
    """
    pid_file = cluster / "postmaster.pid"
    if not _processes_on(cluster):
        pid_file.unlink(missing_ok=True)  # its number may by now be another process's, which PostgreSQL would believe
        return
    for signal_number, patience_s in (
        (signal.SIGINT, FAST_SHUTDOWN_S),
        (signal.SIGQUIT, IMMEDIATE_SHUTDOWN_S),
        (signal.SIGKILL, IMMEDIATE_SHUTDOWN_S),
    ):
        for pid in _postmaster(pid_file) & _processes_on(cluster) or _processes_on(cluster):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        if _gone_within(cluster, patience_s):
            pid_file.unlink(missing_ok=True)
            return
    raise PostgresDidNotStart(
        f"processes {sorted(_processes_on(cluster))} of an earlier run still use {cluster} and do not end."
    )


def _postmaster(pid_file: Path) -> set[int]:
    try:
        return {int(pid_file.read_text().split("\n", 1)[0])}
    except (FileNotFoundError, ValueError):
        return set()


def _gone_within(cluster: Path, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while _processes_on(cluster):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _processes_on(cluster: Path) -> set[int]:
    """Processes whose working directory is the cluster: the postmaster and all its children."""
    if Path("/proc/self/cwd").exists():
        return {
            int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _works_in(entry, cluster)
        }
    alive = set()
    for pid in _postmaster(cluster / "postmaster.pid"):  # without /proc the file is all there is to go by
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, 0)
            alive.add(pid)
    return alive


def _works_in(process: Path, cluster: Path) -> bool:
    try:
        return (process / "cwd").readlink() == cluster
    except OSError:  # ended meanwhile, or another user's
        return False
