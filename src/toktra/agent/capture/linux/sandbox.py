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

from toktra.agent.capture.linux.bpf import Command

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
_RETURN_ALLOW: Final = 0x7FFF0000
_RETURN_REFUSE: Final = 0x00050000 | 1  # SECCOMP_RET_ERRNO | EPERM
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_REFUSED: Final = {
    "x86_64": {
        "execve": 59, "execveat": 322, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
        "pidfd_getfd": 438, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "move_mount": 429,
        "fsopen": 430, "open_tree": 428, "setns": 308, "unshare": 272, "init_module": 175, "finit_module": 313,
        "delete_module": 176, "kexec_load": 246, "kexec_file_load": 320, "perf_event_open": 298,
        "userfaultfd": 323, "io_uring_setup": 425, "keyctl": 250, "add_key": 248, "request_key": 249,
        "open_by_handle_at": 304, "name_to_handle_at": 303, "reboot": 169, "swapon": 167, "acct": 163,
        "settimeofday": 164, "clock_settime": 227, "sethostname": 170, "syslog": 103, "quotactl": 179,
    },
    "aarch64": {
        "execve": 221, "execveat": 281, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
        "pidfd_getfd": 438, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "move_mount": 429,
        "fsopen": 430, "open_tree": 428, "setns": 268, "unshare": 97, "init_module": 105, "finit_module": 273,
        "delete_module": 106, "kexec_load": 104, "kexec_file_load": 294, "perf_event_open": 241,
        "userfaultfd": 282, "io_uring_setup": 425, "keyctl": 219, "add_key": 217, "request_key": 218,
        "open_by_handle_at": 265, "name_to_handle_at": 264, "reboot": 142, "swapon": 224, "acct": 89,
        "settimeofday": 170, "clock_settime": 112, "sethostname": 161, "syslog": 116, "quotactl": 60,
    },
}  # fmt: skip
_SOCKET: Final = {"x86_64": 41, "aarch64": 198}
_BPF: Final = {"x86_64": 321, "aarch64": 280}
_SOCKET_FAMILIES: Final = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (name resolution)
_BPF_COMMANDS: Final = (
    Command.MAP_LOOKUP_ELEM,
    Command.MAP_UPDATE_ELEM,
    Command.MAP_DELETE_ELEM,
    Command.MAP_GET_NEXT_KEY,
    Command.LINK_UPDATE,
)
"""Reading and clearing its own maps, and Privacy Hours: nothing that loads, attaches or looks up anything."""

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
    """False on a processor whose system calls this file does not list."""


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
    if machine not in _ARCHITECTURES:
        return False
    program = _filter(machine)
    instructions = ctypes.create_string_buffer(program, len(program))
    header = pack("=H6xQ", len(program) // 8, ctypes.addressof(instructions))
    _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0))
    return True


def _filter(machine: str) -> bytes:
    """A classic BPF program over struct seccomp_data: refuses by EPERM, which Python raises as PermissionError."""
    program = [_instruction(_LOAD, _ARCHITECTURE_AT), _instruction(_EQUAL, _ARCHITECTURES[machine], 1, 0)]
    program += [_instruction(_RETURN, _RETURN_REFUSE), _instruction(_LOAD, _NUMBER_AT)]
    for number in _REFUSED[machine].values():
        program += [_instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, _RETURN_REFUSE)]
    program += _only(_SOCKET[machine], _SOCKET_FAMILIES)
    program += _only(_BPF[machine], _BPF_COMMANDS)
    return b"".join([*program, _instruction(_RETURN, _RETURN_ALLOW)])


def _only(number: int, first_arguments: Iterable[int]) -> list[bytes]:
    """Refuses the call unless its first argument is one of these."""
    allowed = [int(one) for one in first_arguments]
    body = [_instruction(_LOAD, _FIRST_ARGUMENT_AT)]
    body += [_instruction(_EQUAL, one, len(allowed) - place, 0) for place, one in enumerate(allowed)]
    body += [_instruction(_RETURN, _RETURN_REFUSE), _instruction(_RETURN, _RETURN_ALLOW)]
    return [_instruction(_EQUAL, number, 0, len(body)), *body]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return pack("=HBBI", code, if_true, if_false, value)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
