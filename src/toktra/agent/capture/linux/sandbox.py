"""Narrowing what the running agent could do even if it were taken over: files by Landlock, system calls by seccomp.

Both hold for the process and its children for good and need no right, only no_new_privs, which `drop_privileges` sets.
landlock(7), seccomp(2). On a kernel without Landlock the files are not narrowed, and `Sandbox` says so.
"""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401 - host names need it at the first connection, when nothing may be imported any more
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Final

from toktra.agent.capture.linux.system_calls import ARCHITECTURES, seccomp_program

_libc = ctypes.CDLL(None, use_errno=True)

_LANDLOCK_CREATE, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_FIRST: Final = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_READ: Final = _READ_FILE | _READ_DIR
_OF_A_FILE: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE

_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

SYSTEM_FILES: Final = tuple(
    map(
        Path,
        (
            *("/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/run/systemd/resolve", "/etc/nsswitch.conf"),
            *("/etc/gai.conf", "/etc/services", "/etc/passwd", "/etc/group", "/etc/localtime", "/usr/share/zoneinfo"),
            *("/etc/ssl", "/etc/pki", "/usr/share/ca-certificates", "/usr/lib/ssl", "/lib", "/usr/lib", "/lib64"),
            *("/etc/ld.so.cache", "/dev/urandom", "/dev/null", "/proc/sys/net", "/proc/self"),
        ),
    )
)
"""What resolving names, checking certificates, naming accounts and telling the time read."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What was narrowed."""

    files: bool
    """False on a kernel that was built or booted without Landlock."""
    system_calls: bool
    """False on a processor whose system calls are not listed."""


def enter_sandbox(*, readable: Iterable[Path], writable: Iterable[Path]) -> Sandbox:
    """From now on only these files and directories, with all below them, and only the system calls an agent makes.

    Paths that do not exist are passed over. Descriptors that are open stay usable. Nothing can be executed. It holds
    for this thread and those it starts later, so call it before there are others.
    Raises OSError when the kernel refuses what it says it can do.
    """
    return Sandbox(files=_restrict_files(readable, writable), system_calls=_restrict_system_calls())


def _restrict_files(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    version = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return False
    handled = _ALL_FIRST
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEVICE)):
        handled |= right if version >= since else 0
    ruleset = _checked(_libc.syscall(_LANDLOCK_CREATE, pack("=Q", handled), ctypes.c_size_t(8), 0))
    try:
        for path in readable:
            _allow(ruleset, path, _READ)
        for path in writable:
            _allow(ruleset, path, handled & ~_EXECUTE)
        _checked(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        allowed = rights if path.is_dir() else rights & _OF_A_FILE
        _checked(_libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, pack("=Qi", allowed, descriptor), 0))
    finally:
        os.close(descriptor)


def _restrict_system_calls() -> bool:
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        return False
    program = seccomp_program(machine)
    instructions = ctypes.create_string_buffer(program, len(program))
    header = pack("=H6xQ", len(program) // 8, ctypes.addressof(instructions))
    _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0))
    return True


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
