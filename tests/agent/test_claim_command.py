"""`toktra claim`, asked of a real agent over its control socket; what the server says is in its test double."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.agent.device import Device

from toktra.agent.accounts import Accounts
from toktra.agent.claim_command import claim
from toktra.agent.transport import Answer
from toktra.wire.claims import ClaimAsked, ClaimOffered
from toktra.wire.events import encode

CODE = "north-0abc-defg-hjkm"
ADDRESS = f"https://toktra.example.com/claim/{CODE}"


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    running = Device(tmp_path)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a browser was asked to open; a real one would."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    return addresses


def type_in(device: Device, *arguments: str) -> Result:
    return CliRunner().invoke(claim, [*arguments, "--state", str(device.path)])


def offered(path: str = f"/claim/{CODE}") -> Answer:
    return Answer(status=200, body=encode(ClaimOffered(code=CODE, path=path, valid_minutes=15)))


def test_the_account_that_asks_is_the_one_that_is_claimed(device: Device, opened: list[str]) -> None:
    device.claim_answer = offered()
    printed = type_in(device)
    assert printed.exit_code == 0, printed.output
    own = Accounts().name(os.geteuid())
    for said in (ADDRESS, CODE, f"the account {own} is yours", "within 15 minutes"):
        assert said in printed.stdout
    assert opened == [ADDRESS]
    [(path, body)] = device.claimed
    assert path == "/ingest/v1/claims"
    assert msgspec.json.decode(body, type=ClaimAsked).account == own


def test_where_there_is_no_screen_it_is_only_printed(
    device: Device, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    device.claim_answer = offered()
    assert type_in(device, "--no-open").exit_code == 0
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert type_in(device).exit_code == 0
    assert opened == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "cannot be reached"),
        (Answer(status=403, body=b'{"detail": "This device has been revoked."}'), "has been revoked"),
        (Answer(status=502, body=b"<html>"), "answered 502 without a reason"),
        (Answer(status=200, body=b"{}"), "cannot be read"),
        (offered("//evil.example/claim/x"), "cannot be read"),
        (offered("/claim/../../x"), "cannot be read"),
    ],
)
def test_what_the_server_says_is_not_believed_further_than_it_goes(
    device: Device, opened: list[str], answer: Answer | None, said: str
) -> None:
    device.claim_answer = answer
    printed = type_in(device)
    assert printed.exit_code != 0
    assert said in printed.stderr
    assert "Error:" in printed.stderr
    assert opened == []


def test_with_sudo_it_is_refused(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "ada")
    printed = type_in(device)
    assert printed.exit_code != 0
    assert "without sudo" in printed.stderr
    assert device.claimed == []
