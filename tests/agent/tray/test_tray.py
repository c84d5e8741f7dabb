"""The tray driven on a real screen, with a real panel, against the control socket of an agent's own parts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from tests.agent.device import Device
from tests.agent.tray.conftest import ME, button, until

from toktra.agent.control_client import ask
from toktra.agent.control_messages import PauseUntil, Remove, RemoveAll, Resume, Show, Told
from toktra.agent.privacy_hours.windows import format_window, parse_window
from toktra.agent.tray.language import use_language
from toktra.wire.portal import AccountWeek, WeeksAnswer
from toktra.wire.schedule import Schedule

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

from PySide6.QtCore import QDate, QPoint, Qt, QTime
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from toktra.agent.tray import colours, log_model
from toktra.agent.tray.application import Tray
from toktra.agent.tray.one_instance import OneInstance

LEFT = Qt.MouseButton.LeftButton


def told(device: Device) -> Told:
    return ask(device.control_path, Show())


def windows(device: Device) -> list[str]:
    schedule = told(device).schedule
    assert schedule is not None
    return [format_window(one) for one in schedule.windows]


def press(window: QWidget, words: str) -> None:
    QTest.mouseClick(button(window, words), LEFT)


def icon_bytes(tray: Tray) -> bytes:
    assert tray.icon is not None
    image = tray.icon.icon().pixmap(22, 22).toImage()
    return bytes(image.constBits())


def entry(tray: Tray, words: str) -> None:
    assert tray.icon is not None
    [action] = [one for one in tray.icon.menu.actions() if one.text() == words]
    assert action.isEnabled()
    action.trigger()


def overlaps(window: QWidget) -> list[tuple[str, str]]:
    """Buttons that lie over each other: the window is too low for what is in it."""
    shown = [one for one in window.findChildren(QPushButton) if one.isVisible()]
    return [(a.text(), b.text()) for a, b in combinations(shown, 2) if a.geometry().intersects(b.geometry())]


def test_icon_words_and_menu_follow_the_state(tray: Tray, device: Device, opened: list[str]) -> None:
    icon = tray.icon
    assert icon is not None
    until(lambda: icon.geometry().width() > 0, "its place in the panel")
    looks = [icon_bytes(tray)]
    assert ("Observed" in icon.toolTip(), icon.state.text(), icon.resume.isEnabled()) == (True, "Observed", False)

    entry(tray, "Pause for 30 minutes")
    until(lambda: icon.state.text() == "Private until 12:30")
    assert told(device).private
    looks.append(icon_bytes(tray))
    entry(tray, "End now")
    until(lambda: icon.state.text() == "Observed")
    assert not told(device).private

    entry(tray, "Open my page")
    assert opened == ["https://toktra.example.com/me"]
    device.control_path.unlink()
    tray.agent.refresh()
    until(lambda: icon.state.text() == "Offline")
    looks.append(icon_bytes(tray))
    assert len(set(looks)) == 3
    assert not icon.portal.isEnabled()


def test_a_click_on_the_icon_opens_the_window(tray: Tray, screen: str) -> None:
    assert tray.icon is not None
    icon = tray.icon
    until(lambda: icon.geometry().width() > 0, "its place in the panel")
    at = icon.geometry().center()
    click = ["xdotool", "mousemove", str(at.x()), str(at.y()), "click", "1"]
    subprocess.run(click, env={**os.environ, "DISPLAY": screen}, check=True)
    until(tray.window.isVisible)
    tray.window.close()
    assert not tray.window.isVisible()  # hidden; the icon opens it again


def test_pausing_from_the_window_by_mouse_and_keyboard(tray: Tray, device: Device) -> None:
    tray.open_window()
    until(lambda: tray.window.isActiveWindow() or tray.window.isVisible())
    press(tray.window, "30 min")
    until(lambda: tray.window.windowTitle() == "Toktra – Private")
    assert overlaps(tray.window) == []
    press(tray.window, "1 hour more")
    until(lambda: (now := told(device)).until is not None and f"{now.until:%H:%M}" == "13:30")
    QTest.keyClick(button(tray.window, "End now"), Qt.Key.Key_Space)
    until(lambda: tray.window.windowTitle() == "Toktra – Observed")
    until(lambda: overlaps(tray.window) == [])

    press(tray.window, "Until …")
    dialog = tray.dialog
    assert dialog is not None
    dialog.time.setTime(QTime(11, 0))  # over
    QTest.keyClick(dialog.pause, Qt.Key.Key_Return)
    assert dialog.isVisible()
    dialog.time.setDate(QDate(2027, 3, 1))  # too far
    QTest.keyClick(dialog.pause, Qt.Key.Key_Return)
    assert dialog.isVisible()
    dialog.time.setDate(QDate(2027, 1, 4))
    dialog.time.setTime(QTime(18, 15))
    QTest.keyClick(dialog.pause, Qt.Key.Key_Return)
    until(lambda: told(device).until is not None and told(device).private)
    ask(device.control_path, Resume())
    tray.agent.refresh()
    until(lambda: tray.window.windowTitle() == "Toktra – Observed")

    press(tray.window, "The rest of today")
    until(lambda: tray.window.windowTitle() == "Toktra – Private")
    ask(device.control_path, PauseUntil())
    tray.agent.refresh()
    until(lambda: tray.agent.told is not None and tray.agent.told.until is None)
    assert [one.text() for one in tray.window._when_private if one.isVisible()] == ["End now"]


def test_todays_figures_and_what_left_are_ones_own(tray: Tray, device: Device) -> None:
    tray.open_window()
    device.use(ME)
    device.use(65_533)
    tray.agent.refresh()
    until(lambda: tray.window._waiting.text() == "1 use waits to be sent.")
    assert tray.window._exchanges.text() == "1"
    device.upload()
    tray.agent.refresh()
    until(lambda: tray.window._shown_left is not None and tray.window._shown_left[0])
    assert tray.window._shown_left is not None
    [(at, what, _size)] = tray.window._shown_left[0]
    assert (at, what) == ("12:00", "1 use, api.openai.com")

    device.server_answers = False
    device.use(ME)
    device.upload()
    tray.agent.refresh()
    until(lambda: "does not answer" in tray.window._waiting.text())
    assert "waits on this device" in tray.window._sentence.text()


def test_the_week_is_edited_by_mouse_keyboard_and_form(tray: Tray, device: Device) -> None:
    tray.open_schedule()
    editor = tray.schedule
    assert editor is not None
    until(editor.isVisible)
    week = editor.week
    week.monday = parse_window("2027-01-04").on  # type: ignore[union-attr]
    editor.update_words()

    def at(day: int, minute: int) -> QPoint:
        return (week.place(day, minute) + QPoint(20, 2)).toPoint()

    QTest.mousePress(week, LEFT, pos=at(1, 540))
    QTest.mouseMove(week, at(2, 600))
    QTest.mouseMove(week, at(3, 645))
    QTest.mouseRelease(week, LEFT, pos=at(3, 645))
    press(editor, "Add this window")
    until(lambda: len(editor.windows()) == 1)
    assert windows(device) == ["tue-thu 09:00-11:00"]

    week.setFocus()
    for key, modifier in (
        (Qt.Key.Key_Home, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier),
        (Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier),
    ):
        QTest.keyClick(week, key, modifier)
    assert "Chosen: Fri, Sat, 00:00 – 01:00" in week.accessibleDescription().replace("\u00a0", " ")
    QTest.keyClick(week, Qt.Key.Key_Return)
    until(lambda: len(editor.windows()) == 2)
    assert windows(device)[1] == "fri,sat 00:00-01:00"

    QTest.mouseClick(week, LEFT, pos=at(2, 570))
    assert editor.list.currentRow() == 0
    QTest.keyClick(week, Qt.Key.Key_Delete)
    until(lambda: len(editor.windows()) == 1)

    editor.form.once.setChecked(True)
    editor.form.date.setDate(QDate(2027, 1, 8))
    editor.form.whole_day.setChecked(True)
    press(editor, "Add this window")
    until(lambda: len(editor.windows()) == 2)
    assert windows(device)[1] == "2027-01-08 00:00-24:00"
    assert "Friday 00:00 – 24:00" in week.accessibleDescription()


def test_a_window_that_is_none_is_not_sent_and_a_refusal_is_shown(tray: Tray, device: Device) -> None:
    tray.open_schedule()
    editor = tray.schedule
    assert editor is not None
    form = editor.form
    for box in form.days:
        box.setChecked(False)
    press(editor, "Add this window")
    assert form._problem.text() == "Choose at least one day."
    form.days[5].setChecked(True)
    form.end.setTime(form.start.time())
    press(editor, "Add this window")
    assert "starts and ends at the same time" in form._problem.text()
    assert windows(device) == []

    form.end.setTime(QTime(0, 0))
    press(editor, "Add this window")
    until(lambda: len(editor.windows()) == 1)
    assert windows(device) == ["sat 12:00-24:00"]
    ask(device.control_path, Remove(windows=(parse_window("sat 12:00-24:00"),)))  # elsewhere, meanwhile
    editor.list.setCurrentRow(0)
    press(editor, "Remove this window")
    until(lambda: "not a window of yours" in editor._problem.text())


def test_every_event_that_left_is_listed_searched_and_shown_live(
    tray: Tray, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_model, "PAGE", 20)
    for _ in range(23):
        device.use(ME)
    device.upload()
    tray.open_log()
    log = tray.log
    assert log is not None
    until(lambda: len(log.model.events) == 20)
    assert "Older ones follow" in log.count.text()
    log.table.scrollToBottom()
    until(lambda: len(log.model.events) == 23)

    log.table.selectRow(0)
    assert '"sequence": 23' in log.event_text.toPlainText()
    assert '"provider_host": "api.openai.com"' in log.event_text.toPlainText()
    device.use(ME)
    device.upload()
    log.model.refresh()
    until(lambda: len(log.model.events) == 24)
    assert log.model.events[0].event.sequence == 24
    assert '"sequence": 23' in log.event_text.toPlainText()  # what was looked at stays

    QTest.keyClicks(log.search, "anthropic")
    until(lambda: log.count.text() == "Nothing matches.")
    log.search.setText("OPENAI")
    until(lambda: len(log.model.events) == 20)
    device.control_path.unlink()
    log.model.refresh()
    until(lambda: "No agent answers" in log._problem.text())


def test_everything_that_takes_the_keyboard_has_a_name(tray: Tray) -> None:
    tray.open_window()
    tray.open_schedule()
    tray.open_log()
    tray.ask_until()
    nameless = [
        f"{type(window).__name__}: {type(one).__name__}"
        for window in (tray.window, tray.schedule, tray.log, tray.dialog)
        if window is not None
        for one in window.findChildren(QWidget)
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one.isVisible()
        and not one.objectName().startswith("qt_")
        and one.focusProxy() is None
        and not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]
    assert nameless == []


def test_it_speaks_german_and_follows_the_colours(qt: QApplication, device: Device, tray: Tray) -> None:
    tray.close()
    use_language(["de-DE"])
    colours.choose("dark")
    colours.apply(qt)
    try:
        german = Tray(lambda: device.control_path, has_tray=True, open_url=lambda _url: None)
        german.open_window()
        until(lambda: german.window.windowTitle() == "Toktra – Beobachtet")
        press(german.window, "Bis ich fortsetze")
        until(lambda: german.window.windowTitle() == "Toktra – Privat")
        assert "Nichts von Ihnen wird aufgezeichnet" in german.window._sentence.text()
        assert german.window.grab().toImage().pixelColor(3, 3).lightness() < 60
        german.close()
        german.window.deleteLater()
    finally:
        use_language(["en"])
        colours.choose("system")
        colours.apply(qt)


def test_a_schedule_that_cannot_be_read_is_begun_anew(tray: Tray, device: Device) -> None:
    ask(device.control_path, RemoveAll())
    gate = device._gate._hours._gates[ME]
    device.order(lambda: gate.__setattr__("_wishes", None))
    tray.open_schedule()
    editor = tray.schedule
    assert editor is not None
    until(lambda: "cannot be read" in editor._state.text())
    press(editor, "Begin anew with an empty schedule")
    until(editor.form.add.isEnabled)
    assert not told(device).private


def test_what_was_taken_out_elsewhere_stays_until_the_owner_agrees_here(tray: Tray, device: Device) -> None:
    account = device._recorder._accounts.name(ME)

    def portal_says(version: int, *texts: str) -> None:
        schedule = Schedule(zone="Etc/UTC", windows=tuple(parse_window(text) for text in texts))
        week = AccountWeek(account=account, version=version, schedule=schedule)
        device._gate._letters.put(WeeksAnswer(agreement_version=0, agreement=None, weeks=(week,)))  # type: ignore[attr-defined]

    device.order(lambda: portal_says(1, "sat", "tue 09:00-10:00"))
    device.order(lambda: portal_says(2, "sat"))
    tray.open_window()
    tray.open_schedule()
    editor = tray.schedule
    assert editor is not None
    until(lambda: "Tue, 09:00" in editor._waiting.text().replace("\u00a0", " "))
    assert len(editor.windows()) == 2
    assert tray.window._asks.isVisible()
    press(editor, "I agree: end it on this device")
    until(lambda: len(editor.windows()) == 1)
    assert windows(device) == ["sat 00:00-24:00"]
    assert not editor._confirm.isVisible()
    assert not tray.window._asks.isVisible()


def test_a_second_start_calls_the_first(qt: QApplication) -> None:
    name = f"toktra-tray-test-{os.getpid()}"
    first, second, calls = OneInstance(name=name), OneInstance(name=name), []
    first.called.connect(lambda: calls.append(True))
    assert first.first()
    assert not second.first()
    until(lambda: calls)
    first.close()
    assert second.first()
    second.close()


def test_the_command_opens_the_window_and_ends_in_order(device: Device, screen: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DISPLAY": screen,
        "QT_QPA_PLATFORM": "xcb",
        "XDG_RUNTIME_DIR": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LANGUAGE": "de",
    }
    environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
    run = [sys.executable, "-c", "from toktra.cli import main; main()", "tray", "--state", str(device.path)]
    running = subprocess.Popen(run, env=environment)
    try:
        search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Toktra – "]
        subprocess.run(search, env=environment, check=True, timeout=30, stdout=subprocess.DEVNULL)
        running.send_signal(signal.SIGTERM)
        assert running.wait(15) == 0
    finally:
        running.kill()
        running.wait()
