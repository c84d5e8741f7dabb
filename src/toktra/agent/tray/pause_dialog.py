"""Asks until when to pause."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import QDateTime, Qt
from PySide6.QtWidgets import QDateTimeEdit, QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from toktra.agent.tray.language import _
from toktra.agent.tray.parts import button, problem, say, text

LONGEST: Final = timedelta(days=31)


class PauseDialog(QDialog):
    """`until` is the moment chosen once it was accepted."""

    def __init__(self, now: datetime, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Pause until"))
        self._now = now
        next_hour = now.astimezone().replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
        self.time = QDateTimeEdit(QDateTime.fromSecsSinceEpoch(int(next_hour.timestamp())))
        self.time.setCalendarPopup(True)
        self.time.setDisplayFormat("ddd d MMM yyyy, HH:mm")
        label = QLabel(_("Private from now until"))
        label.setBuddy(self.time)
        self.time.setAccessibleName(_("Private from now until"))
        self._problem = problem()
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button(_("Cancel"), self.reject))
        self.pause = button(_("Pause"), self._check, main=True)
        self.pause.setDefault(True)
        buttons.addWidget(self.pause)
        lines = QVBoxLayout(self)
        lines.setSpacing(10)
        lines.addWidget(label)
        lines.addWidget(self.time)
        lines.addWidget(text(_("You can end it at any time. A shorter pause never shortens a longer one."), quiet=True))
        lines.addWidget(self._problem)
        lines.addLayout(buttons)
        self.time.setFocus(Qt.FocusReason.OtherFocusReason)
        self.time.setSelectedSection(QDateTimeEdit.Section.HourSection)

    @property
    def until(self) -> datetime:
        """What is chosen, in the device's zone."""
        return datetime.fromtimestamp(self.time.dateTime().toSecsSinceEpoch()).astimezone()

    def _check(self) -> None:
        if self.until <= self._now:
            say(self._problem, _("That time is over. Choose a later one."))
        elif self.until - self._now > LONGEST:
            say(self._problem, _("A pause lasts 31 days at most. Choose an earlier time, or pause until you resume."))
        else:
            self.accept()
