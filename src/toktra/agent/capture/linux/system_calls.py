"""The system calls a running agent may make, by name and number, as a seccomp program; seccomp(2).

An agent reads and writes its own files, waits, speaks to its server and to its owner's programs, and keeps time. What
Python, SQLite, OpenSSL and the C library do for that is listed; anything else is refused by EPERM, which Python raises
as PermissionError. Calls that are newer than this list get ENOSYS, as on an older kernel, so that a newer C library
falls back to what it used before. Sockets and bpf(2) are narrowed by their first argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import pack
from typing import Final

from toktra.agent.capture.linux.bpf import Command

_RETURN_ALLOW: Final = 0x7FFF0000
_RETURN_REFUSE: Final = 0x00050000 | 1  # SECCOMP_RET_ERRNO | EPERM
_RETURN_UNKNOWN: Final = 0x00050000 | 38  # SECCOMP_RET_ERRNO | ENOSYS
_LOAD, _EQUAL, _GREATER, _RETURN = 0x20, 0x15, 0x25, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEWEST_KNOWN: Final = 450
"""set_mempolicy_home_node, Linux 5.17: what is newer was not looked at."""

ALLOWED: Final = {
    "x86_64": {
        # Files and directories
        "read": 0, "write": 1, "readv": 19, "writev": 20, "pread64": 17, "pwrite64": 18, "preadv": 295,
        "pwritev": 296, "preadv2": 327, "pwritev2": 328, "open": 2, "openat": 257, "openat2": 437, "creat": 85,
        "close": 3, "close_range": 436, "lseek": 8, "dup": 32, "dup2": 33, "dup3": 292, "fcntl": 72, "flock": 73,
        "ftruncate": 77, "truncate": 76, "fsync": 74, "fdatasync": 75, "sync_file_range": 277, "fallocate": 285,
        "fadvise64": 221, "stat": 4, "fstat": 5, "lstat": 6, "newfstatat": 262, "statx": 332, "statfs": 137,
        "fstatfs": 138, "access": 21, "faccessat": 269, "faccessat2": 439, "readlink": 89, "readlinkat": 267,
        "getdents": 78, "getdents64": 217, "getcwd": 79, "chdir": 80, "fchdir": 81, "mkdir": 83, "mkdirat": 258,
        "rmdir": 84, "unlink": 87, "unlinkat": 263, "rename": 82, "renameat": 264, "renameat2": 316, "link": 86,
        "linkat": 265, "symlink": 88, "symlinkat": 266, "chmod": 90, "fchmod": 91, "fchmodat": 268, "chown": 92,
        "fchown": 93, "lchown": 94, "fchownat": 260, "umask": 95, "utimensat": 280, "utime": 132, "utimes": 235,
        "futimesat": 261, "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193, "listxattr": 194, "llistxattr": 195,
        "flistxattr": 196, "sendfile": 40, "copy_file_range": 326, "pipe": 22, "pipe2": 293, "ioctl": 16,
        "inotify_init": 253, "inotify_init1": 294, "inotify_add_watch": 254, "inotify_rm_watch": 255,
        # Memory
        "mmap": 9, "munmap": 11, "mprotect": 10, "mremap": 25, "brk": 12, "madvise": 28, "mincore": 27, "msync": 26,
        "mlock": 149, "mlock2": 325, "munlock": 150, "membarrier": 324,
        # Threads and the process itself
        "clone": 56, "clone3": 435, "exit": 60, "exit_group": 231, "wait4": 61, "waitid": 247, "futex": 202,
        "futex_waitv": 449, "set_robust_list": 273, "get_robust_list": 274, "set_tid_address": 218, "rseq": 334,
        "restart_syscall": 219, "arch_prctl": 158, "prctl": 157, "gettid": 186, "getpid": 39, "getppid": 110,
        "getpgid": 121, "getpgrp": 111, "getsid": 124, "getuid": 102, "geteuid": 107, "getgid": 104, "getegid": 108,
        "getresuid": 118, "getresgid": 120, "getgroups": 115, "capget": 125, "sched_yield": 24,
        "sched_getaffinity": 204, "sched_getparam": 143, "sched_getscheduler": 145, "sched_get_priority_max": 146,
        "sched_get_priority_min": 147, "getcpu": 309, "getpriority": 140, "getrlimit": 97, "prlimit64": 302,
        "getrusage": 98, "sysinfo": 99, "uname": 63, "times": 100, "kill": 62, "tgkill": 234, "tkill": 200,
        "pidfd_open": 434, "pidfd_send_signal": 424, "getrandom": 318,
        # Time
        "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "gettimeofday": 96, "time": 201,
        "nanosleep": 35, "timer_create": 222, "timer_settime": 223, "timer_gettime": 224, "timer_getoverrun": 225,
        "timer_delete": 226, "timerfd_create": 283, "timerfd_settime": 286, "timerfd_gettime": 287, "getitimer": 36,
        "setitimer": 38, "alarm": 37, "pause": 34,
        # Signals and waiting
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "rt_sigpending": 127, "rt_sigtimedwait": 128,
        "rt_sigsuspend": 130, "sigaltstack": 131, "signalfd": 282, "signalfd4": 289, "eventfd": 284, "eventfd2": 290,
        "select": 23, "pselect6": 270, "poll": 7, "ppoll": 271, "epoll_create": 213, "epoll_create1": 291,
        "epoll_ctl": 233, "epoll_wait": 232, "epoll_pwait": 281, "epoll_pwait2": 441,
        # Network
        "socketpair": 53, "bind": 49, "listen": 50, "accept": 43, "accept4": 288, "connect": 42, "getsockname": 51,
        "getpeername": 52, "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "sendmmsg": 307,
        "recvmmsg": 299, "setsockopt": 54, "getsockopt": 55, "shutdown": 48,
    },
    "aarch64": {
        # Files and directories
        "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pwrite64": 68, "preadv": 69,
        "pwritev": 70, "preadv2": 286, "pwritev2": 287, "openat": 56, "openat2": 437, "close": 57, "close_range": 436,
        "lseek": 62, "dup": 23, "dup3": 24, "fcntl": 25, "flock": 32, "ftruncate": 46, "truncate": 45, "fsync": 82,
        "fdatasync": 83, "sync_file_range": 84, "fallocate": 47, "fadvise64": 223, "fstat": 80, "newfstatat": 79,
        "statx": 291, "statfs": 43, "fstatfs": 44, "faccessat": 48, "faccessat2": 439, "readlinkat": 78,
        "getdents64": 61, "getcwd": 17, "chdir": 49, "fchdir": 50, "mkdirat": 34, "unlinkat": 35, "renameat": 38,
        "renameat2": 276, "linkat": 37, "symlinkat": 36, "fchmod": 52, "fchmodat": 53, "fchown": 55, "fchownat": 54,
        "umask": 166, "utimensat": 88, "getxattr": 8, "lgetxattr": 9, "fgetxattr": 10, "listxattr": 11,
        "llistxattr": 12, "flistxattr": 13, "sendfile": 71, "copy_file_range": 285, "pipe2": 59, "ioctl": 29,
        "inotify_init1": 26, "inotify_add_watch": 27, "inotify_rm_watch": 28,
        # Memory
        "mmap": 222, "munmap": 215, "mprotect": 226, "mremap": 216, "brk": 214, "madvise": 233, "mincore": 232,
        "msync": 227, "mlock": 228, "mlock2": 284, "munlock": 229, "membarrier": 283,
        # Threads and the process itself
        "clone": 220, "clone3": 435, "exit": 93, "exit_group": 94, "wait4": 260, "waitid": 95, "futex": 98,
        "futex_waitv": 449, "set_robust_list": 99, "get_robust_list": 100, "set_tid_address": 96, "rseq": 293,
        "restart_syscall": 128, "prctl": 167, "gettid": 178, "getpid": 172, "getppid": 173, "getpgid": 155,
        "getsid": 156, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "getresuid": 148,
        "getresgid": 150, "getgroups": 158, "capget": 90, "sched_yield": 124, "sched_getaffinity": 123,
        "sched_getparam": 121, "sched_getscheduler": 120, "sched_get_priority_max": 125,
        "sched_get_priority_min": 126, "getcpu": 168, "getpriority": 141, "getrlimit": 163, "prlimit64": 261,
        "getrusage": 165, "sysinfo": 179, "uname": 160, "times": 153, "kill": 129, "tgkill": 131, "tkill": 130,
        "pidfd_open": 434, "pidfd_send_signal": 424, "getrandom": 278,
        # Time
        "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "gettimeofday": 169, "nanosleep": 101,
        "timer_create": 107, "timer_settime": 110, "timer_gettime": 108, "timer_getoverrun": 109, "timer_delete": 111,
        "timerfd_create": 85, "timerfd_settime": 86, "timerfd_gettime": 87, "getitimer": 102, "setitimer": 103,
        # Signals and waiting
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "rt_sigpending": 136, "rt_sigtimedwait": 137,
        "rt_sigsuspend": 133, "sigaltstack": 132, "signalfd4": 74, "eventfd2": 19, "pselect6": 72, "ppoll": 73,
        "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "epoll_pwait2": 441,
        # Network
        "socketpair": 199, "bind": 200, "listen": 201, "accept": 202, "accept4": 242, "connect": 203,
        "getsockname": 204, "getpeername": 205, "sendto": 206, "recvfrom": 207, "sendmsg": 211, "recvmsg": 212,
        "sendmmsg": 269, "recvmmsg": 243, "setsockopt": 208, "getsockopt": 209, "shutdown": 210,
    },
}  # fmt: skip
"""Listed by `asm/unistd_64.h` and `asm-generic/unistd.h` of Linux 6.1."""
_SOCKET: Final = {"x86_64": 41, "aarch64": 198}
_SOCKET_FAMILIES: Final = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (name resolution)
_BPF: Final = {"x86_64": 321, "aarch64": 280}
_BPF_COMMANDS: Final = (
    Command.MAP_LOOKUP_ELEM,
    Command.MAP_UPDATE_ELEM,
    Command.MAP_DELETE_ELEM,
    Command.MAP_GET_NEXT_KEY,
    Command.LINK_UPDATE,
)
"""Reading and clearing its own maps, and Privacy Hours: nothing that loads, attaches or looks up anything."""


def seccomp_program(machine: str) -> bytes:
    """A classic BPF program over struct seccomp_data for a machine in ARCHITECTURES."""
    program = [_instruction(_LOAD, _ARCHITECTURE_AT), _instruction(_EQUAL, ARCHITECTURES[machine], 1, 0)]
    program += [_instruction(_RETURN, _RETURN_REFUSE), _instruction(_LOAD, _NUMBER_AT)]
    for number in ALLOWED[machine].values():
        program += [_instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, _RETURN_ALLOW)]
    program += _only(_SOCKET[machine], _SOCKET_FAMILIES)
    program += _only(_BPF[machine], _BPF_COMMANDS)
    program += [_instruction(_GREATER, _NEWEST_KNOWN, 0, 1), _instruction(_RETURN, _RETURN_UNKNOWN)]
    return b"".join([*program, _instruction(_RETURN, _RETURN_REFUSE)])


def _only(number: int, first_arguments: Iterable[int]) -> list[bytes]:
    """Allows the call if its first argument is one of these."""
    allowed = [int(one) for one in first_arguments]
    body = [_instruction(_LOAD, _FIRST_ARGUMENT_AT)]
    body += [_instruction(_EQUAL, one, len(allowed) - place, 0) for place, one in enumerate(allowed)]
    body += [_instruction(_RETURN, _RETURN_REFUSE), _instruction(_RETURN, _RETURN_ALLOW)]
    return [_instruction(_EQUAL, number, 0, len(body)), *body]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return pack("=HBBI", code, if_true, if_false, value)
