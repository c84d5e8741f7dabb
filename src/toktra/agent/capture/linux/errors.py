"""Why capture cannot run on this machine, in sentences for the person who has to change it."""

from __future__ import annotations

import os
import shlex
import sys

OLDEST_KERNEL = (5, 14)
"""Light skeletons: programs that load programs. Pointers to memory in global functions came with 5.13, the end of UDP
sockets (sock_release) with 5.9, the ring buffer with 5.8."""
OLDEST_KERNEL_IN_FULL = (5, 19)
"""From here on map calls need no capability once the program is loaded."""


class CannotCapture(Exception):
    """Capture from the kernel is not possible here; nothing was attached or left behind."""


class NoRights(CannotCapture):
    """Watching connections takes the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, which this process lacks.
    Run it with them: {command}
    They are given up again as soon as the kernel program is loaded."""

    def __init__(self) -> None:
        command = shlex.join(["sudo", *([sys.executable] if _is_script() else []), *sys.argv])
        super().__init__(_sentence(self, command=command))


class KernelTooOld(CannotCapture):
    """This machine runs Linux {release}; watching connections takes Linux {needed} or newer. Update the kernel.
    Until then no use of AI is recorded on this machine, not even in part: an older kernel cannot load the program."""

    def __init__(self, release: str) -> None:
        super().__init__(_sentence(self, release=release, needed="{}.{}".format(*OLDEST_KERNEL)))


class NoCgroup2(CannotCapture):
    """No cgroup v2 hierarchy is mounted, and the kernel program is attached to its root. Mount one:
    sudo mkdir -p /sys/fs/cgroup/unified && sudo mount -t cgroup2 none /sys/fs/cgroup/unified"""

    def __init__(self) -> None:
        super().__init__(_sentence(self))


class LoadingFailed(CannotCapture):
    """The kernel refused the program: {reason}. Please report this with the output of `uname -r`."""

    def __init__(self, reason: str) -> None:
        super().__init__(_sentence(self, reason=reason))


def _sentence(error: CannotCapture, **parts: str) -> str:
    lines = (type(error).__doc__ or "").splitlines()
    return "\n".join(line.strip() for line in lines).format(**parts)


def _is_script() -> bool:
    return sys.argv[0].endswith(".py") or not os.access(sys.argv[0], os.X_OK)


def kernel_version() -> tuple[int, int]:
    """Major and minor number of the running kernel."""
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int("".join(digit for digit in minor if digit.isdigit()))
