"""The launcher's and the autostart's entries start a command that exists, and carry both languages."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from toktra.cli import main

DESKTOP = Path(__file__).parents[2] / "packaging" / "desktop"


@pytest.mark.parametrize("name", ["toktra-tray.desktop", "toktra-tray-autostart.desktop"])
def test_an_entry_starts_a_command_that_exists(name: str) -> None:
    parser = configparser.RawConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DESKTOP / name)
    entry = parser["Desktop Entry"]
    program, *arguments = shlex.split(entry["Exec"])
    answer = CliRunner().invoke(main, [*arguments, "--help"])
    assert (program, entry["TryExec"], answer.exit_code) == ("toktra", "toktra", 0), answer.output
    assert entry["Comment"] != entry["Comment[de]"]
    assert (DESKTOP / f"{entry['Icon']}.svg").is_file()
