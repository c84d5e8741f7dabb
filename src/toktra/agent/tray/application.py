"""The running tray: its icon where the desktop has a place for one, and its windows."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PySide6.QtCore import QLocale, QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QDialog, QSystemTrayIcon, QWidget

from toktra.agent.tray import colours
from toktra.agent.tray.agent_link import AgentLink
from toktra.agent.tray.language import use_language
from toktra.agent.tray.log_window import LogWindow
from toktra.agent.tray.main_window import MainWindow, Ways
from toktra.agent.tray.one_instance import OneInstance
from toktra.agent.tray.own_agent import OwnAgent
from toktra.agent.tray.pause_dialog import PauseDialog
from toktra.agent.tray.schedule_window import ScheduleWindow
from toktra.agent.tray.tray_icon import TrayIcon

TRAY_APPEARS_WITHIN_MS: Final = 60_000
"""At login the panel may start after us."""
LOOK_FOR_TRAY_EVERY_MS: Final = 2_000
PORTAL_PATH: Final = "/me"


class Tray(QObject):
    """All of it. Without a tray on this desktop the main window stands alone, and closing it ends the program."""

    def __init__(
        self,
        find_control: Callable[[], Path],
        *,
        has_tray: bool,
        open_url: Callable[[QUrl], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._open_url = open_url
        self.link = AgentLink(find_control, self)
        self.agent = OwnAgent(self.link, self, now=now)
        ways = Ways(self.ask_until, self.open_schedule, self.open_log, self.open_portal)
        self.window = MainWindow(self.agent, self.link, ways)
        self.schedule: ScheduleWindow | None = None
        self.log: LogWindow | None = None
        self.dialog: PauseDialog | None = None
        self.icon: TrayIcon | None = None
        if has_tray:
            self.icon = TrayIcon(self.agent, ways, open_window=self.open_window, leave=QApplication.quit)
            self.icon.show()
            self.agent.refused.connect(self._say)
        self.agent.refresh()

    def open_window(self) -> None:
        """The main window, in front."""
        to_front(self.window)

    def open_schedule(self) -> None:
        self.schedule = self.schedule or ScheduleWindow(self.agent)
        to_front(self.schedule)

    def open_log(self) -> None:
        self.log = self.log or LogWindow(self.link)
        to_front(self.log)

    def open_portal(self) -> None:
        """The owner's own page, in the browser."""
        if self.agent.today is not None:
            self._open_url(QUrl(self.agent.today.server.rstrip("/") + PORTAL_PATH))

    def ask_until(self) -> None:
        """A pause until a time of the owner's choice."""
        dialog = self.dialog = PauseDialog(self.agent.now, self.window if self.window.isVisible() else None)
        dialog.finished.connect(lambda result: self._chosen(dialog, result))
        dialog.open()

    def close(self) -> None:
        """Takes everything off the screen."""
        if self.icon is not None:
            self.icon.hide()
        for window in (self.dialog, self.schedule, self.log, self.window):
            if window is not None:
                window.hide()
        self.link.close()

    def _chosen(self, dialog: PauseDialog, result: int) -> None:
        if result == QDialog.DialogCode.Accepted:
            self.agent.pause_until(dialog.until)
        self.dialog = None
        dialog.deleteLater()

    def _say(self, because: str) -> None:
        """What was refused, also where no window shows it."""
        windows = (self.window, self.schedule)
        if self.icon is not None and not any(window is not None and window.isVisible() for window in windows):
            self.icon.showMessage("Toktra", because, QSystemTrayIcon.MessageIcon.Warning)


def run(find_control: Callable[[], Path], *, background: bool, look: str) -> int:
    """Runs until it is closed. `background`: without a window, for the start at login. The exit code."""
    application = QApplication([])
    application.setApplicationName("Toktra")
    application.setDesktopFileName("toktra-tray")
    application.setStyle("Fusion")
    use_language(QLocale.system().uiLanguages())
    colours.choose(look)
    colours.apply(application)
    application.styleHints().colorSchemeChanged.connect(lambda _scheme: colours.apply(application))
    instance = OneInstance(application)
    if not instance.first():
        return 0
    has_tray = _tray_available(application, patiently=background)
    if background and not has_tray:
        return 0  # the window opens from the launcher there
    application.setQuitOnLastWindowClosed(not has_tray)
    tray = Tray(find_control, has_tray=has_tray, open_url=QDesktopServices.openUrl)
    instance.called.connect(tray.open_window)
    heartbeat = obey_signals(application)
    if not background:
        tray.open_window()
    code = application.exec()
    heartbeat.stop()
    tray.close()
    instance.close()
    return code


def _tray_available(application: QApplication, *, patiently: bool) -> bool:
    waited_ms = 0
    while not QSystemTrayIcon.isSystemTrayAvailable():
        if not patiently or waited_ms >= TRAY_APPEARS_WITHIN_MS:
            return False
        QTimer.singleShot(LOOK_FOR_TRAY_EVERY_MS, application.quit)
        application.exec()
        waited_ms += LOOK_FOR_TRAY_EVERY_MS
    return True


def obey_signals(application: QApplication) -> QTimer:
    """SIGINT and SIGTERM end it in order. Python acts on them only when it runs, so it runs now and then."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Queued, because quitting before the event loop runs would be without effect.
        signal.signal(number, lambda _number, _frame: QTimer.singleShot(0, application.quit))
    heartbeat = QTimer(application, interval=1_000)
    heartbeat.timeout.connect(lambda: None)
    heartbeat.start()
    return heartbeat


def to_front(window: QWidget) -> None:
    """Shows it, over what else is on the screen as far as the desktop lets it."""
    window.show()
    window.raise_()
    window.activateWindow()
