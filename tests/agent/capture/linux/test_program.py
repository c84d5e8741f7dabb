"""Finding out whether this machine can capture, and building the program anew."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toktra.agent.capture.linux import bpf
from toktra.agent.capture.linux.blob import read_blob
from toktra.agent.capture.linux.errors import KernelTooOld, LoadingFailed, NoCgroup2, NoRights
from toktra.agent.capture.linux.program import HOOKS, load, root_cgroup
from toktra.agent.capture.linux.source import _degraded

BUILD = Path(__file__).parents[4] / "scripts" / "build_kernel_program.py"


def test_the_root_of_cgroup_2_is_found_beside_version_1() -> None:
    mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n"
    assert root_cgroup(mounts + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n") == Path("/sys/fs/cgroup/unified")
    assert root_cgroup("cgroup2 /mnt/a\\040b cgroup2 rw 0 0\n") == Path("/mnt/a b")
    with pytest.raises(NoCgroup2, match="sudo mount -t cgroup2"):
        root_cgroup(mounts)


def running(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    uname = os.uname_result(("Linux", "host", release, "#1", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: uname)


@pytest.mark.parametrize("release", ["5.8.0", "5.10.0-21-amd64", "5.13.19", "4.19.0"])
def test_a_kernel_too_old_is_named_with_what_is_lost(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    running(monkeypatch, release)
    with pytest.raises(KernelTooOld) as told:
        load()
    assert str(told.value) == (
        f"This machine runs Linux {release}; watching connections takes Linux 5.14 or newer. Update the kernel.\n"
        "Until then no use of AI is recorded on this machine, not even in part: an older kernel cannot load the "
        "program."
    )


@pytest.mark.parametrize(
    ("number", "what"), [(errno.EPERM, NoRights), (errno.EACCES, LoadingFailed), (errno.EINVAL, LoadingFailed)]
)
def test_a_kernel_that_does_not_accept_the_program_is_no_lack_of_rights(
    monkeypatch: pytest.MonkeyPatch, number: int, what: type[Exception]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(bpf, "load_and_run", refuse)
    with pytest.raises(what):
        load()


@pytest.mark.parametrize(
    ("release", "in_full"), [("5.14.0", False), ("5.18.9-rc1", False), ("5.19-rc2", True), ("6.1.0", True)]
)
def test_a_kernel_that_can_do_less_is_told(monkeypatch: pytest.MonkeyPatch, release: str, in_full: bool) -> None:
    running(monkeypatch, release)
    assert (_degraded() is None) == in_full


def test_the_blob_holds_every_program_twice_watching_and_resting() -> None:
    blob = read_blob()
    assert set(blob.programs) == {f"{kind}_{hook}" for kind in ("toktra", "rest") for hook in HOOKS}


def test_the_committed_blob_is_what_its_source_gives() -> None:
    result = subprocess.run([sys.executable, str(BUILD), "--check"], capture_output=True, text=True, check=False)
    if result.returncode == 2:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("forbidden", [b"/work/", b"/root/", b"/home/", b"/tmp/"])
def test_the_blob_tells_nothing_of_the_machine_that_built_it(forbidden: bytes) -> None:
    blob = read_blob()
    assert forbidden not in blob.data + blob.loader
