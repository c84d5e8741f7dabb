"""`toktra privacy-hours …` as an account types it, with a running gate behind a real control socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.agent.device import Device
from tests.agent.privacy_hours.machine import NOON

from toktra.agent.privacy_hours import commands
from toktra.agent.privacy_hours.commands import privacy_hours


def type_in(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(privacy_hours, [*arguments, "--state", str(state)])


def says(state: Path, *arguments: str) -> str:
    result = type_in(state, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Path]:
    """The state directory of an agent on a machine where it is noon."""
    running = Device(tmp_path)
    yield tmp_path
    running.close()


def test_windows_are_added_shown_and_removed(device: Path) -> None:
    assert says(device, "show").startswith("Observed. No private time is planned.")
    assert "toktra privacy-hours add" in says(device, "show")
    assert says(device, "add", "mon-fri 12:30-13:00", "sat").startswith("Observed until Mon 4 Jan 2027, 12:30")
    assert says(device, "show").splitlines()[2:] == [
        "Your windows, Etc/UTC:",
        "  mon-fri 12:30-13:00",
        "  sat 00:00-24:00",
    ]
    assert says(device, "remove", "sat").startswith("Observed until")
    assert json.loads(says(device, "show", "--json"))["windows"] == ["mon-fri 12:30-13:00"]
    assert says(device, "remove", "--all").startswith("Observed. No private time")


def test_a_pause_for_a_time_and_without_an_end(device: Path) -> None:
    assert says(device, "pause", "--for", "1h30m").startswith("Private until Mon 4 Jan 2027, 13:30")
    assert says(device, "pause").startswith("Private, with no end planned. You paused.")
    assert says(device, "pause", "--for", "5m").startswith("Private, with no end")  # never shortens
    assert says(device, "resume").startswith("Observed.")
    until = datetime.fromtimestamp(NOON + 600).astimezone().isoformat()
    assert says(device, "pause", "--until", until).startswith("Private until Mon 4 Jan 2027, 12:10 ")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("add",), "Name a window"),
        (("add", "mon-fry 12:00-13:00"), "'fry'"),
        (("add", "sat", "--zone", "Europe/Berln"), "did you mean Europe/Berlin?"),
        (("remove",), "--all"),
        (("remove", "sat", "--all"), "--all"),
        (("remove", "sat"), "not a window of yours"),
        (("pause", "--for", "0m"), "30m or 1h30m"),
        (("pause", "--for", "half an hour"), "30m or 1h30m"),
        (("pause", "--for", "45000m"), "44640m"),
        (("pause", "--for", "5m", "--until", "18:00"), "not both"),
        (("pause", "--until", "25:00"), "no time that a clock shows"),
        (("pause", "--until", "2027-01-04T12:30:00"), "offset"),
        (("pause", "--until", "2020-01-01T00:00:00Z"), "44640 minutes"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(device: Path, arguments: tuple[str, ...], text: str) -> None:
    result = type_in(device, *arguments)
    assert (result.exit_code, text in result.stderr) == (2, True), result.stderr
    assert says(device, "show").startswith("Observed. No private time is planned.")


def test_a_time_of_day_is_the_next_one_that_the_clock_shows() -> None:
    now = datetime.now().astimezone()
    for shift_minutes in (-60, 60):
        wanted = now + timedelta(minutes=shift_minutes)
        until = commands._until(None, None, f"{wanted:%H:%M}")  # type: ignore[arg-type]
        assert until is not None
        assert now < until <= now + timedelta(hours=25)
        assert f"{until:%H:%M}" == f"{wanted:%H:%M}"


def test_with_sudo_it_says_whose_time_it_would_be(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    result = type_in(device, "pause")
    assert (result.exit_code, "not alice" in result.stderr) == (2, True)


def test_without_an_agent_it_says_so(tmp_path: Path) -> None:
    for arguments in (("show",), ("pause",), ("resume",), ("confirm-clock",)):
        result = type_in(tmp_path, *arguments)
        assert (result.exit_code, "No agent answers" in result.stderr) == (3, True)
