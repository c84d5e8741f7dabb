"""`toktra log`, asked of a real agent over its control socket."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.agent.device import Device

from toktra.agent import log_command
from toktra.agent.log_command import log
from toktra.wire.events import UsageEvent

ME = os.geteuid()


def type_in(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(log, [*arguments, "--state", str(state)])


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    running = Device(tmp_path)
    yield running
    running.close()


def test_events_are_listed_as_they_left_newest_first(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_command, "MAX_LOGGED", 2)  # so that a few events take several pages
    for _ in range(3):
        device.use(ME)
    device.upload()
    device.use(ME)
    device.upload()

    printed = type_in(device.path).stdout.splitlines()
    lines = type_in(device.path, "--json").stdout.splitlines()

    assert [line.split()[0] for line in printed] == ["Left", "began", "2027-01-04", "Left", "began"] + 3 * [
        "2027-01-04"
    ]
    assert printed[2].split()[2:5] == ["api.openai.com", "8", "0"]
    sent = [msgspec.json.decode(line, type=UsageEvent) for line in lines]
    assert [one.request_bytes for one in sent] == [8, 4, 2, 1]
    assert [one.sequence for one in sent] == [4, 3, 2, 1]
    assert set(json.loads(lines[0])) == {field.encode_name for field in msgspec.structs.fields(UsageEvent)}


def test_what_is_left_out_is_said(device: Device) -> None:
    assert "within the last 30 days" in type_in(device.path).stdout
    for _ in range(3):
        device.use(ME)
    device.upload()
    some = type_in(device.path, "--limit", "2")
    assert (len(some.stdout.splitlines()), "--limit 4" in some.stderr) == (4, True)
    assert "matches" in type_in(device.path, "--host", "anthropic").stdout
    assert "matches" in type_in(device.path, "--since", "2027-02-01").stdout
    assert "api.openai.com" in type_in(device.path, "--host", "openai", "--since", "2027-01-04").stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--since", "yesterday"), "2027-03-28"),
        (("--since", "0001-01-01"), "1971"),
        (("--limit", "0"), "x>=1"),
        (("--host", "x" * 300), "host"),
    ],
)
def test_what_is_wrong_is_named(device: Device, arguments: tuple[str, ...], text: str) -> None:
    result = type_in(device.path, *arguments)
    assert (result.exit_code, text in result.stderr) == (2, True), result.stderr


def test_without_an_agent_it_says_so(tmp_path: Path) -> None:
    result = type_in(tmp_path)
    assert (result.exit_code, "No agent answers" in result.stderr) == (3, True)
