"""The command line as a whole: every room answers, help is cheap, and the reference page tells the truth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from toktra.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    answer = CliRunner().invoke(main, [name, "--help"])
    assert answer.exit_code == 0, answer.output
    assert f"Usage: main {name}" in answer.output


def test_an_unknown_command_is_named() -> None:
    answer = CliRunner().invoke(main, ["watch"])
    assert answer.exit_code == 2
    assert "watch" in answer.output


def test_help_imports_no_room() -> None:
    script = (
        "import sys; from toktra.cli import main; main(['--help'], standalone_mode=False); "
        "print([name for name in sys.modules if name.startswith(('toktra.agent', 'toktra.server', 'toktra.up'))])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_a_missing_package_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError(name='psycopg')")
    answer = subprocess.run(
        [sys.executable, "-c", "from toktra.cli import main; main()", "server", "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert answer.returncode == 1
    assert "pip install 'toktra[server]'" in answer.stderr


def test_the_command_reference_is_up_to_date() -> None:
    check = subprocess.run([sys.executable, "scripts/build_command_reference.py", "--check"], cwd=ROOT, check=False)
    assert check.returncode == 0, "run scripts/build_command_reference.py"
