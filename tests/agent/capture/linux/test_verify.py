"""`verify` holds while the agent watches with the program of this source, and for nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.lab.holding import Holder
from tests.lab.watching import Watch

from toktra.agent.capture.linux import inspection, verify
from toktra.agent.capture.linux.layout import EventKind
from toktra.agent.capture.linux.program import HOOKS, load, root_cgroup

pytestmark = pytest.mark.kernel


def test_everything_attached_is_what_the_source_gives(holder: Holder) -> None:
    report = verify.main_verify(holder.process.pid)
    assert report.holds, report.text()
    assert sum("instructions equal to the source's" in check.found for check in report.checks) == len(HOOKS)
    assert "counted exactly" in report.checks[-1].found


def test_a_process_that_watches_nothing_is_told() -> None:
    with subprocess.Popen(["sleep", "60"]) as idle:
        report = verify.main_verify(idle.pid)
        idle.kill()
    assert [check.holds for check in report.checks[: len(HOOKS)]] == [False] * len(HOOKS)
    assert not report.holds


def test_a_program_with_one_other_instruction_is_told(watch: Callable[..., Watch]) -> None:
    watch()
    loaded = load()
    reference = inspection.by_fd(loaded.programs["toktra_egress"])
    loaded.close()
    altered = bytearray(reference.instructions)
    altered[-4] ^= 1
    check = verify._check_hook(
        root_cgroup(),
        "egress",
        {"toktra_egress": replace(reference, instructions=bytes(altered))},
        inspection.held_by(os.getpid()),
    )
    assert not check.holds
    assert "not the instructions of this version's source" in check.found


def test_a_process_with_rights_is_told(watch: Callable[..., Watch]) -> None:
    watch()
    report = verify.main_verify(os.getpid())
    (rights,) = [check for check in report.checks if check.what.startswith("rights")]
    assert not rights.holds


def test_every_kind_of_event_is_explained() -> None:
    assert set(verify.HANDED_UP) == set(EventKind)
