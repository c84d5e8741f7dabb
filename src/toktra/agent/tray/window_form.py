"""The form for one window of private time: days or a date, from and to."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, QTime
from PySide6.QtWidgets import (
    QCheckBox,
    QDateEdit,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from toktra.agent.tray import words
from toktra.agent.tray.language import _
from toktra.agent.tray.news import News
from toktra.agent.tray.parts import button, problem, say, text
from toktra.wire.schedule import DAYS, MINUTES_A_DAY, DatedWindow, WeeklyWindow, Window


class WindowForm(QWidget):
    """`wanted` carries the window once it is whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.wanted = News[Window]()
        self.weekly = QRadioButton(_("Every week"))
        self.once = QRadioButton(_("Once, on"))
        self.weekly.setChecked(True)
        self.days = [QCheckBox(name) for name in words.day_names()]
        for box, name in zip(self.days, words.long_day_names(), strict=True):
            box.setAccessibleName(name)
        self.date = QDateEdit(QDate.currentDate())
        self.date.setCalendarPopup(True)
        self.date.setDisplayFormat("ddd d MMM yyyy")
        self.date.setAccessibleName(_("Date"))
        self.start, self.end = QTimeEdit(QTime(12, 0)), QTimeEdit(QTime(13, 0))
        for field in (self.start, self.end):
            field.setDisplayFormat("HH:mm")
        self.whole_day = QCheckBox(_("The whole day"))
        self._problem = problem()
        self.add = button(_("Add this window"), self.hand_over, main=True)
        self.weekly.toggled.connect(self._fit)
        self.whole_day.toggled.connect(self._fit)
        self._lay_out()
        self._fit()

    def show_window(self, window: Window) -> None:
        """Fills the form."""
        if isinstance(window, DatedWindow):
            self.once.setChecked(True)
            self.date.setDate(QDate(window.on.year, window.on.month, window.on.day))
        else:
            self.weekly.setChecked(True)
            for day, box in zip(DAYS, self.days, strict=True):
                box.setChecked(day in window.days)
        self.whole_day.setChecked((window.start_minute, window.end_minute) == (0, MINUTES_A_DAY))
        self.start.setTime(QTime(window.start_minute // 60, window.start_minute % 60))
        self.end.setTime(QTime(window.end_minute // 60 % 24, window.end_minute % 60))
        say(self._problem, "")

    def hand_over(self) -> None:
        """Says what is missing, or hands the window on."""
        days = tuple(day for day, box in zip(DAYS, self.days, strict=True) if box.isChecked())
        start, end = (0, MINUTES_A_DAY) if self.whole_day.isChecked() else self._times()
        if self.weekly.isChecked() and not days:
            say(self._problem, _("Choose at least one day."))
        elif start == end:
            say(self._problem, _("It starts and ends at the same time. For all of a day choose “The whole day”."))
        else:
            say(self._problem, "")
            hours = {"start_minute": start, "end_minute": end}
            self.wanted.emit(WeeklyWindow(days=days, **hours) if self.weekly.isChecked() else self._dated(**hours))

    def _dated(self, start_minute: int, end_minute: int) -> DatedWindow:
        chosen = self.date.date()
        on = date(chosen.year(), chosen.month(), chosen.day())
        return DatedWindow(on=on, start_minute=start_minute, end_minute=end_minute)

    def _times(self) -> tuple[int, int]:
        start, end = (60 * field.time().hour() + field.time().minute() for field in (self.start, self.end))
        return start, end or MINUTES_A_DAY

    def _fit(self) -> None:
        """What does not apply cannot be changed."""
        for box in self.days:
            box.setEnabled(self.weekly.isChecked())
        self.date.setEnabled(self.once.isChecked())
        for field in (self.start, self.end):
            field.setEnabled(not self.whole_day.isChecked())

    def _lay_out(self) -> None:
        days = QGridLayout()
        days.setHorizontalSpacing(6)
        for place, box in enumerate(self.days):
            days.addWidget(box, place // 4, place % 4)
        once = QHBoxLayout()
        once.addWidget(self.once)
        once.addWidget(self.date, 1)
        start, end = QLabel(_("From")), QLabel(_("to"))
        start.setBuddy(self.start)
        end.setBuddy(self.end)
        self.start.setAccessibleName(_("From"))
        self.end.setAccessibleName(_("To"))
        times = QHBoxLayout()
        for one in (start, self.start, end, self.end):
            times.addWidget(one)
        times.addStretch(1)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addWidget(self.weekly)
        lines.addLayout(days)
        lines.addLayout(once)
        lines.addLayout(times)
        lines.addWidget(self.whole_day)
        lines.addWidget(text(_("An end before the start lies on the next day."), quiet=True))
        lines.addWidget(self._problem)
        lines.addWidget(self.add)
