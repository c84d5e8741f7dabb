"""`toktra perks …` as an account types it, against a whole device in little and over its control socket."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.agent.device import Device
from tests.agent.perks.services import PROGRAMME, TIER

from toktra.agent.commands import status as agent_status
from toktra.agent.control_client import AgentRefused, ask
from toktra.agent.control_messages import PauseUntil
from toktra.agent.perks.commands import perks
from toktra.agent.perks.key_files import read_key
from toktra.agent.perks.messages import ChangeKey, Join, PersonalOn, ShowPerks
from toktra.agent.status import Status
from toktra.wire.personal import Allowance

ME = os.geteuid()
ENROLLED = Allowance(
    standing="enrolled",
    service="http://127.0.0.1:9",
    programme=PROGRAMME,
    tier=TIER,
    month="2027-01",
    tokens_per_ticket=1000,
    tickets=40,
)
WORDS = "four words and nothing else"


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    (tmp_path / "state").mkdir()
    running = Device(tmp_path / "state")
    yield running
    running.close()


@pytest.fixture
def types(device: Device, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("TOKTRA_AGENT_STATE", str(device.path))

    def run(*arguments: str, answers: str = "") -> Result:
        return CliRunner().invoke(perks, list(arguments), input=answers)

    return run


def test_whoever_is_not_enrolled_is_told_what_comes_first(device: Device, types: Callable[..., Result]) -> None:
    for standing, said in (
        ("no-programme", "Your organisation has no Token Perks."),
        ("not-invited", "has not invited you"),
        ("invited", "opt in on your page, https://toktra.example.com/me/token-perks"),
    ):
        device.allowance = Allowance(standing=standing)  # type: ignore[arg-type]
        refused = types("join", "--save", "key")
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output
    refused = types("personal", "on")
    assert (refused.exit_code, "First: toktra perks join" in refused.stderr) == (2, True)
    assert types("personal", "off").output.startswith("Personal mode is off.")
    assert "You take no part" in types("status").output


def test_a_key_is_made_shown_once_and_kept_nowhere_else(
    device: Device, types: Callable[..., Result], tmp_path: Path
) -> None:
    device.allowance = ENROLLED
    assert types("join").exit_code == 2
    declined = types("join", "--save", str(tmp_path / "key"), answers="n\n")
    assert "Nothing was changed." in declined.output
    assert not (tmp_path / "key").exists()

    joined = types(
        "join",
        "--save",
        str(tmp_path / "key"),
        "--copy",
        str(tmp_path / "copy"),
        "--yes",
        answers=f"{WORDS}\n{WORDS}\n",
    )
    assert joined.exit_code == 0, joined.output
    assert "A lost key cannot be replaced, by us or by anyone" in joined.output
    key = read_key(tmp_path / "key", str)
    assert read_key(tmp_path / "copy", lambda: WORDS) == key
    assert key.identity not in joined.output
    for path in device.path.rglob("*"):
        if path.is_file():
            assert key.identity.encode() not in path.read_bytes(), path

    assert "This is the key" in types("key", "check", str(tmp_path / "copy"), answers=f"{WORDS}\n").output
    wrong = types("key", "check", str(tmp_path / "copy"), answers="wrong\n")
    assert (wrong.exit_code, "The copy does not open" in wrong.stderr) == (2, True)
    told = json.loads(types("status", "--json").output)
    assert (told["part"], told["recipient"], told["personal"]) == ("joined", key.recipient, False)
    assert "Your mailbox is opened Monday" in types("status").output
    other = types("join", "--save", str(tmp_path / "other"), "--yes")
    assert (other.exit_code, "seals for another key" in other.stderr) == (2, True)
    assert not (tmp_path / "other").exists()  # a key that seals nothing would only be mistaken for the right one


def use_after_a_while(device: Device) -> None:
    """Later than the clocks' doubt about the order of things."""

    def wait() -> None:
        device.machine.monotonic += 1

    device.order(wait)
    device.use(ME)
    device.order(wait)


def test_the_mode_is_switched_by_its_owner_and_said_in_words(
    device: Device, types: Callable[..., Result], tmp_path: Path
) -> None:
    device.allowance = ENROLLED
    types("join", "--save", str(tmp_path / "key"), "--yes")
    assert types("personal", "for", "1h").output.startswith("Personal until Mon 4 Jan 2027, 13:00")
    use_after_a_while(device)
    assert types("personal", "off").output.startswith("Personal mode is off.")
    use_after_a_while(device)
    assert types("personal", "on").output.startswith("Personal until you switch it off.")
    assert "It was on until you switch it off" in types("personal", "for", "2h").stderr
    use_after_a_while(device)
    types("personal", "off")
    added = types("personal", "schedule", "add", "daily 18:00-19:00")
    assert "is off until Mon 4 Jan 2027, 18:00" in added.output
    assert "daily 18:00-19:00" in types("status").output
    assert types("personal", "schedule", "remove", "sat").exit_code == 2
    assert types("personal", "schedule", "remove", "daily 18:00-19:00").exit_code == 0
    told = ask(device.control_path, ShowPerks())
    assert told.waiting == 1  # one record of this hour, with both uses
    assert device.order(lambda: device._record.today(ME, device._now().replace(hour=0)).exchanges) == 1
    for wrong in ("0m", "1y"):
        assert types("personal", "for", wrong).exit_code == 2


def test_the_status_says_it_to_its_owner_and_the_file_for_everybody_does_not(
    device: Device, types: Callable[..., Result], tmp_path: Path
) -> None:
    def status(*options: str) -> str:
        return CliRunner().invoke(agent_status, ["--state", str(device.path), *options]).output

    assert "ersonal" not in status()
    device.allowance = ENROLLED
    types("join", "--save", str(tmp_path / "key"), "--yes")
    types("personal", "for", "1h")
    assert "  Personal until Mon 4 Jan 2027, 13:00" in status()
    assert json.loads(status("--json"))["personal"] is True
    assert {field.name for field in msgspec.structs.fields(Status)}.isdisjoint({"personal", "perks"})


def test_leaving_deletes_what_waits_and_waits_for_the_service(
    device: Device, types: Callable[..., Result], tmp_path: Path
) -> None:
    device.allowance = ENROLLED
    types("join", "--save", str(tmp_path / "key"), "--yes")
    types("personal", "on")
    device.use(ME)
    assert "Nothing was changed." in types("leave", answers="n\n").output
    assert "is being deleted now" in types("leave", "--yes").output
    told = ask(device.control_path, ShowPerks())
    assert (told.part, told.personal, told.waiting) == ("leaving", False, 0)
    assert "is still to be deleted" in types("status").output  # nobody is at its address
    again = types("join", "--save", str(tmp_path / "again"), "--yes")
    assert (again.exit_code, "former mailbox is still to be deleted" in again.stderr) == (2, True)
    assert types("personal", "on").exit_code == 2


def test_a_damaged_part_is_mended_with_the_key(tmp_path: Path, types: Callable[..., Result], device: Device) -> None:
    device.allowance = ENROLLED
    types("join", "--save", str(tmp_path / "key"), "--yes")
    types("personal", "on")
    device.close()
    (device.path / "perks" / f"{ME}.json").write_bytes(b"{")
    device.__init__(device.path)  # type: ignore[misc]
    device.allowance = ENROLLED
    device.use(ME)
    assert device.order(lambda: device._record.today(ME, device._now().replace(hour=0)).exchanges) == 0
    status = types("status").output
    assert "cannot be read" in status
    assert "1 uses could not be sealed" in status
    mended = types("join", "--key", str(tmp_path / "key"))
    assert mended.output.startswith("Personal until you switch it off."), mended.output
    device.use(ME)
    assert ask(device.control_path, ShowPerks()).waiting == 1


def test_what_the_command_would_not_let_through_is_refused_by_the_agent(device: Device) -> None:
    for request, said in (
        (PersonalOn(minutes=5), "First: toktra perks join"),
        (ChangeKey(recipient="age1qqqq"), "First: toktra perks join"),
        (Join(recipient="age1qqqq", mailbox="a" * 43, service="https://x.example", opened=False), "no age recipient"),
    ):
        with pytest.raises(AgentRefused, match=said):
            ask(device.control_path, request)
    ask(device.control_path, PauseUntil())  # Privacy Hours are another matter
