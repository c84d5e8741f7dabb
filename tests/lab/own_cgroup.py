"""A cgroup of this process's own, which is all that the agents it starts can see of the machine.

The kernel program is attached to the root of cgroup v2. Where another cgroup is mounted in the root's place, it is
attached to that one; so tests that watch "the whole machine" can run beside others that talk to the same names.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO, Final

from toktra.agent.capture.linux.errors import NoCgroup2
from toktra.agent.capture.linux.program import root_cgroup

_CLONE_NEWNS: Final = 0x00020000
_MS_BIND: Final = 0x1000
_MS_REC_PRIVATE: Final = 0x4000 | 1 << 18

_libc: Final = ctypes.CDLL(None, use_errno=True)
_turns: Final[list[IO[str]]] = []


def watch_only_ourselves() -> None:
    """Moves this process, and with it all that it starts, into a cgroup that it takes for the machine's root.

    Call it before any thread is started. Without root there is nothing to do, as nothing can be attached. Where the
    machine does not let us have a cgroup, processes that call this take turns instead.
    """
    if os.geteuid() != 0:
        return
    try:
        _move(root_cgroup())
    except NoCgroup2:
        return
    except OSError:
        turn = (Path(tempfile.gettempdir()) / "toktra-tests-turn").open("w")
        fcntl.flock(turn, fcntl.LOCK_EX)
        _turns.append(turn)


def _move(root: Path) -> None:
    name = f"toktra-tests-{os.getpid()}"
    real_root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    os.mkdir(name, dir_fd=real_root)
    atexit.register(_leave, real_root, name)
    own = root / name
    (own / "cgroup.procs").write_text(str(os.getpid()))
    _call("unshare", _CLONE_NEWNS)
    _call("mount", b"none", b"/", None, _MS_REC_PRIVATE, None)
    _call("mount", bytes(own), bytes(root), None, _MS_BIND, None)


def _leave(real_root: int, name: str) -> None:
    """A cgroup can be removed once nothing runs in it any more."""
    procs = os.open("cgroup.procs", os.O_WRONLY, dir_fd=real_root)
    os.write(procs, str(os.getpid()).encode())
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=real_root)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)
