"""The service unit starts a command that exists, with just the rights capture asks for, and keeps its hardening."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from toktra.agent.capture.linux.privileges import Capability
from toktra.agent.errors import EXIT_NEEDS_YOU
from toktra.cli import main

UNIT = Path(__file__).parents[2] / "packaging" / "systemd" / "toktra-agent.service"


@pytest.fixture(scope="module")
def unit() -> dict[str, str]:
    """The settings of all sections; none stands twice."""
    lines = [line for line in UNIT.read_text().splitlines() if re.match(r"[A-Z]\w+=", line)]
    settings = dict(line.split("=", 1) for line in lines)
    assert len(settings) == len(lines)
    return settings


def test_it_starts_a_command_that_exists(unit: dict[str, str]) -> None:
    program, *arguments = shlex.split(unit["ExecStart"])
    assert program == "/usr/bin/toktra"
    answer = CliRunner().invoke(main, [*arguments, "--help"])
    assert answer.exit_code == 0, answer.output
    assert arguments[-1] == f"/var/lib/{unit['StateDirectory']}"


def test_its_rights_are_the_three_that_loading_takes(unit: dict[str, str]) -> None:
    wanted = {f"CAP_{capability.name}" for capability in Capability}
    assert {"CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"} <= wanted
    assert unit["AmbientCapabilities"].split() == ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"]
    assert unit["NoNewPrivileges"] == "yes"
    assert unit["User"] != "root"


def test_what_a_person_has_to_mend_is_not_tried_again_and_again(unit: dict[str, str]) -> None:
    assert unit["RestartPreventExitStatus"] == str(EXIT_NEEDS_YOU)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_it() -> None:
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(UNIT)], capture_output=True, text=True, check=False
    )
    assert "Unknown" not in checked.stderr, checked.stderr
