"""The launcher's and the autostart's entries start a command that exists, and carry both languages."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from toktra.agent.tray.link_handler import entry
from toktra.cli import main

DESKTOP = Path(__file__).parents[2] / "packaging" / "desktop"


@pytest.mark.parametrize("name", ["toktra-tray.desktop", "toktra-tray-autostart.desktop", "toktra-links.desktop"])
def test_an_entry_starts_a_command_that_exists(name: str) -> None:
    parser = configparser.RawConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DESKTOP / name)
    fields = parser["Desktop Entry"]
    program, *arguments = shlex.split(fields["Exec"].partition(" -- ")[0])
    answer = CliRunner().invoke(main, [*arguments, "--help"])
    assert (program, fields["TryExec"], answer.exit_code) == ("toktra", "toktra", 0), answer.output
    assert fields["Comment"] != fields["Comment[de]"]
    assert (DESKTOP / f"{fields['Icon']}.svg").is_file()


def test_the_package_opens_links_as_an_installation_of_its_own_does() -> None:
    packaged = (DESKTOP / "toktra-links.desktop").read_text("utf-8").splitlines()
    assert [line for line in packaged if not line.startswith(("#", "TryExec="))] == entry(["toktra"]).splitlines()
