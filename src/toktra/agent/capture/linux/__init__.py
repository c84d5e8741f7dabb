"""Capture from the Linux kernel: a program on the root cgroup hands up ClientHellos and totals, nothing else.

`LinuxCapture` is the source the agent polls; `drop_privileges` takes every right away from the process that does.
"""

from toktra.agent.capture.linux.errors import (
    CannotCapture,
    KernelTooOld,
    LoadingFailed,
    NoCgroup2,
    NoRights,
)
from toktra.agent.capture.linux.privileges import Account, drop_privileges
from toktra.agent.capture.linux.source import LinuxCapture
from toktra.agent.capture.linux.status import CaptureStatus

__all__ = [
    "Account",
    "CannotCapture",
    "CaptureStatus",
    "KernelTooOld",
    "LinuxCapture",
    "LoadingFailed",
    "NoCgroup2",
    "NoRights",
    "drop_privileges",
]
