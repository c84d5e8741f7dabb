"""A screen without a monitor, a panel with a tray on it, and the tray app at work against a whole device in little."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.agent.device import Device

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from toktra.agent.tray.application import Tray

WITHIN_S = 20.0
ME = os.geteuid()


def until(holds: Callable[[], object], what: str = "") -> None:
    """Lets the windows live until something holds. Qt gives other threads their turn only in a loop of its own."""
    from PySide6.QtCore import QEventLoop, QTimer

    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        loop = QEventLoop()
        QTimer.singleShot(5, loop.quit)
        loop.exec()


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An X display with a panel whose tray takes icons."""
    missing = [name for name in ("Xvfb", "trayer", "xdotool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with ExitStack() as stack:
        read, write = os.pipe()
        # A display of its own number; without TCP, and with a fixed size.
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        stack.callback(server.wait)
        stack.callback(server.terminate)
        os.close(write)
        with os.fdopen(read) as named:
            display = f":{named.readline().strip()}"
        panel = subprocess.Popen(
            ["trayer", "--edge", "top", "--align", "right", "--height", "32"],
            env={**os.environ, "DISPLAY": display},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(panel.wait)
        stack.callback(panel.terminate)
        yield display


@pytest.fixture(scope="session")
def qt(screen: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QApplication]:
    """The one QApplication a process may have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", screen)
        patch.setenv("QT_QPA_PLATFORM", "xcb")
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        patch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
        pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
        from PySide6.QtWidgets import QApplication, QSystemTrayIcon

        from toktra.agent.tray import colours

        application = QApplication([])
        application.setStyle("Fusion")
        application.setQuitOnLastWindowClosed(False)
        colours.apply(application)
        until(QSystemTrayIcon.isSystemTrayAvailable, "the panel's tray")
        yield application
        application.shutdown()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    running = Device(tmp_path)
    yield running
    running.close()


@pytest.fixture
def opened() -> list[str]:
    """The addresses that were opened in the browser."""
    return []


@pytest.fixture
def tray(qt: QApplication, device: Device, opened: list[str]) -> Iterator[Tray]:
    """The tray of the account the test runs as; its clock is the device's, where it is noon."""
    from toktra.agent.tray.application import Tray

    running = Tray(
        lambda: device.control_path,
        has_tray=True,
        open_url=lambda url: opened.append(url.toString()),
        now=lambda: datetime.fromtimestamp(device.machine.read().wall_s, UTC),
    )
    until(lambda: running.agent.today is not None, "the first answer")
    yield running
    running.close()
    for window in (running.window, running.schedule, running.log):
        if window is not None:
            window.deleteLater()
    qt.processEvents()


def button(window: QWidget, words: str) -> QWidget:
    """The button with these words on it, as somebody who looks at the window finds it."""
    from PySide6.QtWidgets import QPushButton

    [found] = [one for one in window.findChildren(QPushButton) if one.text() == words and one.isVisible()]
    return found
