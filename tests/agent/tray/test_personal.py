"""Personal mode in the tray: unmistakable while it is on, there for whoever takes part, and for nobody else."""

from __future__ import annotations

import pytest
from tests.agent.device import Device
from tests.agent.tray.conftest import ME, button, until

from toktra.agent.control_client import ask
from toktra.agent.control_messages import PauseUntil, Resume
from toktra.agent.perks.keys import new_key
from toktra.agent.perks.messages import Join, PersonalOff, PersonalOn, ShowPerks

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from toktra.agent.tray.application import Tray

WORDS = ["Personal for 1 hour", "Personal, until I switch it off"]


def shown_buttons(tray: Tray) -> set[str]:
    return {one.text() for one in tray.window.findChildren(QPushButton) if one.isVisible()}


def joins(device: Device) -> None:
    key = new_key("http://127.0.0.1:9")
    ask(device.control_path, Join(recipient=key.recipient, mailbox=key.mailbox, service=key.service, opened=False))


def test_who_takes_no_part_sees_nothing_of_it(tray: Tray) -> None:
    tray.open_window()
    until(lambda: tray.agent.perks is not None, "what is known of Token Perks")
    assert tray.icon is not None
    assert not shown_buttons(tray) & {*WORDS, "Back to work"}
    assert not any(entry.isVisible() for entry in (*tray.icon.personal, tray.icon.work))


def test_it_is_switched_here_and_shows_in_icon_word_and_border(tray: Tray, device: Device) -> None:
    joins(device)
    icon = tray.icon
    assert icon is not None
    observed = icon.icon().pixmap(22, 22).toImage()
    tray.open_window()
    until(lambda: set(WORDS) <= shown_buttons(tray))
    QTest.mouseClick(button(tray.window, WORDS[0]), Qt.MouseButton.LeftButton)
    until(lambda: icon.state.text() == "Personal until 13:00")
    assert ask(device.control_path, ShowPerks()).personal
    assert icon.icon().pixmap(22, 22).toImage() != observed
    assert tray.window.windowTitle() == "Toktra – Personal"
    assert tray.window._now.property("kind") == "personal"
    assert "sealed for you and counts for nobody else" in icon.toolTip()
    assert "Back to work" in shown_buttons(tray)
    assert not set(WORDS) & shown_buttons(tray)

    ask(device.control_path, PauseUntil())
    tray.agent.refresh()
    until(lambda: icon.state.text() == "Private")
    assert "Personal mode is on as well; private time comes first." in icon.toolTip()
    ask(device.control_path, Resume())

    [back] = [one for one in icon.menu.actions() if one.text() == "Back to work"]
    back.trigger()
    until(lambda: icon.state.text() == "Observed")
    assert not ask(device.control_path, ShowPerks()).personal


def test_what_is_changed_by_the_command_line_shows_here_and_trouble_is_said(tray: Tray, device: Device) -> None:
    joins(device)
    ask(device.control_path, PersonalOn())
    tray.open_window()
    assert tray.icon is not None
    icon = tray.icon
    until(lambda: icon.state.text() == "Personal until you switch it off")

    member = device.order(lambda: device.members.of(ME))
    assert member is not None
    device.order(lambda: device.members.remove(ME))
    tray.agent.refresh()
    until(lambda: "is not recorded anywhere" in icon.toolTip())
    ask(device.control_path, PersonalOff())
    tray.agent.refresh()
    until(lambda: icon.state.text() == "Observed")
