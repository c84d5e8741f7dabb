"""A link that asks for personal mode: the person is asked, and what they do not want does not happen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.agent.device import Device
from tests.agent.tray.conftest import button, until
from tests.agent.tray.test_personal import joins

from toktra.agent.control_client import ask
from toktra.agent.perks.links import LINKS, wish_of
from toktra.agent.perks.messages import PersonalOn, ShowPerks
from toktra.agent.tray.link_commands import links
from toktra.agent.tray.link_handler import MIME_TYPE, NAME, entry

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from toktra.agent.tray.agent_link import AgentLink
from toktra.agent.tray.link_window import LinkWindow

LEFT = Qt.MouseButton.LeftButton
ON, HOUR, OFF = LINKS


def expect_title(window: LinkWindow, words: str) -> None:
    until(lambda: window.title.text() == words, words)


def personal(device: Device) -> bool:
    return ask(device.control_path, ShowPerks()).personal


@pytest.fixture
def asked(qt: QApplication, device: Device) -> Iterator[Callable[[str], LinkWindow]]:
    """Follows a link: the question, on the screen."""
    agent = AgentLink(lambda: device.control_path)
    windows: list[LinkWindow] = []

    def follow(link: str) -> LinkWindow:
        now = datetime.fromtimestamp(device.machine.read().wall_s, UTC)
        window = LinkWindow(agent, wish_of(link), now=lambda: now)
        windows.append(window)
        window.show()
        return window

    yield follow
    for window in windows:
        window.hide()
        window.deleteLater()
    agent.close()
    qt.processEvents()


def test_whoever_agrees_is_told_how_it_stands(asked: Callable[[str], LinkWindow], device: Device) -> None:
    joins(device)
    for link, words, title in (
        (HOUR, "Switch it on", "Personal until 13:00"),
        (OFF, "Back to work", "Observed"),
        (ON, "Switch it on", "Personal until you switch it off"),
    ):
        window = asked(link)
        act = button(window, words)
        QTest.mouseClick(act, LEFT)  # at once: it was meant for the page below
        assert not act.isEnabled()
        until(act.isEnabled, "the button to take clicks")
        QTest.mouseClick(act, LEFT)
        expect_title(window, title)
        assert personal(device) is title.startswith("Personal")
        QTest.mouseClick(button(window, "Close"), LEFT)
        assert not window.isVisible()


@pytest.mark.parametrize("answer", [Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Escape, None])
def test_whoever_does_not_agree_changes_nothing(
    asked: Callable[[str], LinkWindow], device: Device, answer: Qt.Key | None
) -> None:
    joins(device)
    ask(device.control_path, PersonalOn())
    window = asked(OFF)
    until(button(window, "Back to work").isEnabled)
    if answer is None:
        window.close()
    else:
        QTest.keyClick(window.focusWidget() or window, answer)
    until(lambda: not window.isVisible(), "the window to go")
    assert personal(device)


def test_what_stands_in_the_way_is_said(asked: Callable[[str], LinkWindow], device: Device) -> None:
    window = asked(ON)
    until(button(window, "Switch it on").isEnabled)
    QTest.mouseClick(button(window, "Switch it on"), LEFT)
    until(lambda: "no Token Perks key on this device" in window._problem.text())
    assert not personal(device)
    device.control_path.unlink()
    window = asked(ON)
    until(button(window, "Switch it on").isEnabled)
    QTest.mouseClick(button(window, "Switch it on"), LEFT)
    until(lambda: "No agent answers" in window._problem.text())


def test_the_desktop_hands_a_link_to_the_program_which_asks(
    device: Device, screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed for an account, opened as a browser does it, and not agreed to."""
    if missing := [one for one in ("xdg-open", "xdg-mime", "desktop-file-validate") if shutil.which(one) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    joins(device)
    for name, value in {
        "HOME": str(tmp_path),
        "DISPLAY": screen,
        "QT_QPA_PLATFORM": "xcb",
        "XDG_RUNTIME_DIR": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LANGUAGE": "de",
        "TOKTRA_AGENT_STATE": str(device.path),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CURRENT_DESKTOP", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    run = CliRunner()
    assert run.invoke(links, ["install"]).exit_code == 0
    path = tmp_path / ".local/share/applications" / NAME
    assert subprocess.run(["desktop-file-validate", path], capture_output=True, check=True).stdout == b""
    default = subprocess.run(["xdg-mime", "query", "default", MIME_TYPE], capture_output=True, check=True)
    assert default.stdout.decode().strip() == NAME

    opening = subprocess.Popen(["xdg-open", HOUR], stdout=subprocess.DEVNULL)
    pid = asking_process()
    subprocess.run(["xdg-open", HOUR], check=True, timeout=60)  # a second one is not asked twice
    assert asking_process() == pid
    os.kill(pid, signal.SIGTERM)
    assert opening.wait(30) == 0
    assert not personal(device)

    assert str(path) in run.invoke(links, ["remove"]).output
    assert not path.exists()
    assert run.invoke(links, ["remove"]).output == "Nothing was installed.\n"


def asking_process() -> int:
    """The one process whose question is on the screen."""
    search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Toktra – ein Link fragt"]
    found = subprocess.run(search, capture_output=True, check=True, timeout=60)
    [window] = found.stdout.split()
    owner = subprocess.run(["xdotool", "getwindowpid", window], capture_output=True, check=True, timeout=60)
    return int(owner.stdout)


def test_a_link_that_is_none_opens_nothing() -> None:
    for link in ("toktra:perks/leave", "https://toktra.example/personal/on", "--", ""):
        answer = CliRunner().invoke(links, ["follow", "--", link])
        assert answer.exit_code == 2
        assert "toktra:personal/hour" in answer.stderr


def test_an_installation_in_an_odd_place_is_quoted(tmp_path: Path) -> None:
    """Started by the desktop's own reading of the entry, the program gets the link as its one last argument."""
    if shutil.which("gio") is None:
        pytest.skip("not installed: gio")
    program = tmp_path / 'a "b" $HOME \\ c'
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/part && mv {tmp_path}/part {tmp_path}/told\n')
    program.chmod(0o755)
    path = tmp_path / NAME
    path.write_text(entry([str(program)]))
    subprocess.run(["gio", "launch", path, "toktra:personal/on"], check=True, timeout=60)
    deadline = time.monotonic() + 20
    while not (tmp_path / "told").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "told").read_text().split() == ["links", "follow", "--", "toktra:personal/on"]
