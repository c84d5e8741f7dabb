"""What a browser's program answers: to the extension, to nonsense, to strangers, and without an agent."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.agent.device import Device
from tests.agent.privacy_hours.machine import NOON

from toktra.agent.browser import install as install_module
from toktra.agent.browser.commands import extension
from toktra.agent.browser.identity import FIREFOX_ID, NATIVE_HOST, chrome_id
from toktra.agent.browser.install import install, of_account, remove
from toktra.agent.browser.merge import HOLD_S
from toktra.agent.browser.native_host import NotOurExtension, check_caller, serve
from toktra.agent.control_client import ask
from toktra.agent.control_messages import Browsed, BrowserUse, PauseFor, Resume
from toktra.agent.perks.keys import new_key
from toktra.agent.perks.messages import Join

ME = os.geteuid()
A_USE = {
    "id": "00000000-0000-4000-8000-000000000001",
    "host": "chatgpt.com",
    "started_at": NOON + 1.5,
    "ended_at": NOON + 2.25,
    "request_bytes": None,
    "response_bytes": 1000,
    "streamed": True,
}


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    running = Device(tmp_path)
    yield running
    running.close()


def framed(*messages: object) -> bytes:
    bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages]
    return b"".join(struct.pack("=I", len(body)) + body for body in bodies)


def answers(control: Path, incoming: bytes) -> list[dict[str, Any]]:
    outgoing = io.BytesIO()
    serve(io.BytesIO(incoming), outgoing, control)
    content, found = outgoing.getvalue(), []
    while content:
        (length,) = struct.unpack_from("=I", content)
        found.append(json.loads(content[4 : 4 + length]))
        content = content[4 + length :]
    return found


def pass_time(device: Device, seconds: float) -> None:
    def pass_it() -> None:
        device.machine.monotonic += seconds

    device.order(pass_it)


def browsed(device: Device, **changed: object) -> None:
    ask(device.control_path, Browsed(uses=(BrowserUse(**{**A_USE, **changed}),)))  # type: ignore[arg-type]


def recorded(device: Device) -> list[tuple[str, int, int]]:
    pass_time(device, HOLD_S + 1)
    batch = device.order(lambda: device._spool.next_batch(100))
    return [(one.provider_host, one.request_bytes, one.response_bytes) for one in batch.events]


def test_uses_are_taken_and_the_state_is_told(device: Device) -> None:
    pass_time(device, 5)
    [state] = answers(device.control_path, framed({"kind": "uses", "uses": [A_USE, A_USE]}))
    assert (state["kind"], state["state"], state["exchanges"], state["left"]) == ("state", "observed", 0, [])
    assert recorded(device) == [("chatgpt.com", 0, 1000)]
    [shown] = answers(device.control_path, framed({"kind": "show"}))
    assert shown["waiting"] == 1


def test_the_owner_pauses_and_resumes_from_the_popup(device: Device) -> None:
    paused, endless, resumed = answers(
        device.control_path, framed({"kind": "pause", "minutes": 30}, {"kind": "pause"}, {"kind": "resume"})
    )
    assert (paused["state"], paused["until"], endless["until"]) == ("private", int(NOON) + 1800, None)
    assert resumed["state"] == "observed"


def test_nothing_that_touches_private_time_is_taken(device: Device) -> None:
    pass_time(device, 10)
    ask(device.control_path, PauseFor(minutes=5))
    browsed(device, id="00000000-0000-4000-8000-000000000002", started_at=NOON + 11, ended_at=NOON + 11)
    pass_time(device, 20)
    ask(device.control_path, Resume())
    pass_time(device, 5)
    for number, (began, ended) in enumerate([(5, 12), (12, 15), (29, 31), (2, 32)], 10):
        browsed(device, id=f"{number:036d}", started_at=NOON + began, ended_at=NOON + ended)
    browsed(device, id=f"{30:036d}", started_at=NOON + 31, ended_at=NOON + 33, response_bytes=7)
    assert recorded(device) == [("chatgpt.com", 0, 7)]


@pytest.mark.parametrize(
    "changed",
    [
        {"host": "news.example.com"},
        {"host": "auth.openai.com"},
        {"started_at": NOON + 4, "ended_at": NOON + 3},
        {"ended_at": NOON + 500},
        {"started_at": NOON - 500},
    ],
)
def test_what_cannot_be_is_not_taken(device: Device, changed: dict[str, object]) -> None:
    pass_time(device, 5)
    browsed(device, **changed)
    assert recorded(device) == []


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"null",
        b"\xff",
        {"kind": "read"},
        {"kind": "uses", "uses": [{**A_USE, "url": "https://chatgpt.com/c/1"}]},
        {"kind": "uses", "uses": [{**A_USE, "request_bytes": -1}]},
        {"kind": "uses", "uses": [{**A_USE, "id": "x"}]},
        {"kind": "uses", "uses": [A_USE] * 101},
        {"kind": "pause", "minutes": 0},
    ],
)
def test_what_is_no_message_is_refused_whole_and_the_next_one_answered(device: Device, message: object) -> None:
    refused, shown = answers(device.control_path, framed(message, {"kind": "show"}))
    assert (refused["kind"], shown["kind"], shown["waiting"]) == ("refused", "state", 0)


@pytest.mark.parametrize("incoming", [b"", b"\x01", struct.pack("=I", 2**31) + b"x", struct.pack("=I", 9) + b"{}"])
def test_a_broken_stream_ends_it(device: Device, incoming: bytes) -> None:
    assert answers(device.control_path, incoming) == []


def test_without_an_agent_it_says_so(tmp_path: Path) -> None:
    [absent] = answers(tmp_path / "control.socket", framed({"kind": "uses", "uses": [A_USE]}))
    assert (absent["kind"], "No agent answers" in absent["because"]) == ("absent", True)


def test_only_the_extension_is_let_in() -> None:
    check_caller([f"chrome-extension://{chrome_id()}/"], [chrome_id(), FIREFOX_ID])
    check_caller(["/path/manifest.json", FIREFOX_ID], [chrome_id(), FIREFOX_ID])
    for stranger in ([], ["chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"], ["/path", "other@example.com"]):
        with pytest.raises(NotOurExtension):
            check_caller(stranger, [chrome_id(), FIREFOX_ID])


def test_what_is_installed_starts_for_the_extension_alone(device: Device, tmp_path: Path) -> None:
    written = install(of_account(tmp_path / "home"), more_chrome_ids=["b" * 32], state=device.path)
    manifests = {browser: json.loads(path.read_text()) for browser, path in written.items()}
    assert manifests["Firefox"]["allowed_extensions"] == [FIREFOX_ID]
    assert manifests["Edge"]["allowed_origins"] == [f"chrome-extension://{one}/" for one in (chrome_id(), "b" * 32)]
    launcher = manifests["Chrome"]["path"]
    told = {}
    for caller in (f"chrome-extension://{'b' * 32}/", f"chrome-extension://{'c' * 32}/"):
        ran = subprocess.run([launcher, caller], input=framed({"kind": "show"}), capture_output=True, check=False)
        told[caller] = (ran.returncode, b'"state":"observed"' in ran.stdout)
    assert list(told.values()) == [(0, True), (2, False)]

    assert len(remove(of_account(tmp_path / "home"))) == 5
    assert remove(of_account(tmp_path / "home")) == []


def test_the_command_installs_for_the_account_and_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(extension, ["install"])
    assert (done.exit_code, (tmp_path / f".mozilla/native-messaging-hosts/{NATIVE_HOST}.json").exists()) == (0, True)
    assert chrome_id() in done.stdout
    assert "no extension id" in CliRunner().invoke(extension, ["install", "--chrome-id", "xyz"]).stderr
    assert "Removed" in CliRunner().invoke(extension, ["remove"]).stdout
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(install_module, "OF_ACCOUNT", {"Edge": "file/below"})
    wrong = CliRunner().invoke(extension, ["install"])
    assert (wrong.exit_code, "cannot be written" in wrong.stderr) == (2, True)


def test_it_starts_no_slower_than_python_does_with_little() -> None:
    """It is started for every few uses: what it imports matters. The agent's server, capture and estimator do not."""
    listed = (
        "import sys; import toktra.agent.browser.__main__; print([n for n in sys.modules if n.startswith('toktra')])"
    )
    names = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout
    for heavy in ("capture", "spool", "catalogue", "server", "uplink"):
        assert f"'toktra.agent.{heavy}" not in names, heavy
        assert f"'toktra.{heavy}" not in names, heavy


def test_personal_mode_is_switched_as_the_tray_does_and_only_by_who_takes_part(device: Device) -> None:
    on, off, show = {"kind": "personal", "on": True, "minutes": 60}, {"kind": "personal", "on": False}, {"kind": "show"}
    refused, before = answers(device.control_path, framed(on, show))
    assert (refused["kind"], before["state"], before["perks"]) == ("refused", "observed", False)
    key = new_key("http://127.0.0.1:9")
    ask(device.control_path, Join(recipient=key.recipient, mailbox=key.mailbox, service=key.service, opened=False))
    personal, private, back = answers(device.control_path, framed(on, {"kind": "pause"}, {"kind": "resume"}))
    assert (personal["state"], personal["perks"], personal["until"]) == ("personal", True, int(NOON) + 3600)
    assert (private["state"], back["state"]) == ("private", "personal")
    assert [one["state"] for one in answers(device.control_path, framed(off))] == ["observed"]
    wrong = [{"kind": "personal"}, {"kind": "personal", "on": "yes"}, {"kind": "personal", "on": True, "minutes": 0}]
    assert [one["kind"] for one in answers(device.control_path, framed(*wrong))] == ["refused"] * 3
