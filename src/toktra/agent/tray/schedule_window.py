"""The schedule: a week to look at and choose in, a form, and the list of windows. Every change holds at once."""

from __future__ import annotations

from datetime import date, timedelta

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from toktra.agent.tray import words
from toktra.agent.tray.language import _
from toktra.agent.tray.own_agent import OwnAgent
from toktra.agent.tray.parts import button, heading, problem, say, text
from toktra.agent.tray.state import waits
from toktra.agent.tray.week import blocks, monday_of
from toktra.agent.tray.week_view import WeekView
from toktra.agent.tray.window_form import WindowForm
from toktra.wire.schedule import Window


class ScheduleWindow(QWidget):
    """The owner's windows, and beside them what a works agreement added."""

    def __init__(self, agent: OwnAgent) -> None:
        super().__init__()
        self._agent = agent
        self.setWindowTitle(_("My private time – Toktra"))
        self.week = WeekView(monday_of(date.today()))  # noqa: DTZ011 - the device's own calendar
        self.form = WindowForm()
        self.list = QListWidget()
        self.list.setAccessibleName(_("My windows"))
        self.list.setMinimumHeight(110)
        self._state = text()
        self._zone = text(quiet=True)
        self._which_week = heading("")
        self._problem = problem()
        self.remove = button(_("Remove this window"), self._remove)
        self._anew = button(_("Begin anew with an empty schedule"), agent.begin_anew)
        self._waiting = text()
        self._confirm = button(_("I agree: end it on this device"), agent.confirm_waiting)
        self._waits_title = heading(_("Waits for you"))
        self._lay_out()
        self.form.show_window(self.week.chosen_window())
        self.week.chosen.connect(self._chosen)
        self.week.add_wanted.connect(self.form.hand_over)
        self.week.picked.connect(self._picked)
        self.week.remove_wanted.connect(self._remove)
        self.form.wanted.connect(self._add)
        self.list.currentItemChanged.connect(lambda *_items: self._mark())
        QShortcut(QKeySequence(Qt.Key.Key_Delete), self.list, self._remove, context=Qt.ShortcutContext.WidgetShortcut)
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self.close)
        agent.changed.connect(self.update_words)
        agent.refused.connect(lambda because: say(self._problem, because))
        self.update_words()

    def windows(self) -> list[Window]:
        """The owner's own, as they are listed."""
        return [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]

    def update_words(self) -> None:
        """Shows the schedule as the agent has it now."""
        told = self._agent.told
        shown = self._agent.shown()
        self._state.setText(f"{shown.headline}. {shown.sentence}")
        schedule = told.schedule if told else None
        own = list(schedule.windows) if schedule else []
        added = [window for one in (told.added if told else ()) for window in one.windows]
        if own != self.windows():
            picked = self._current()
            self.list.clear()
            for window in own:
                item = QListWidgetItem(_capitalised(words.window(window)))
                item.setData(Qt.ItemDataRole.UserRole, window)
                self.list.addItem(item)
                if window == picked:
                    self.list.setCurrentItem(item)
        monday = self.week.monday
        self.week.show_week(monday, blocks(own, monday) + blocks(added, monday, added=True))
        sunday = monday + timedelta(days=6)
        self._which_week.setText(f"{monday.day}.{monday.month}. – {sunday.day}.{sunday.month}.{sunday.year}")
        notes = (
            [_("Times of {zone}. Where you travel they count there as well.").format(zone=schedule.zone)]
            if own and schedule
            else []
        )
        if added:
            notes.append(_("Hatched: added by a works agreement. It stays until you agree to less."))
        self._zone.setText(" ".join(notes))
        waiting = waits(told)
        self._waiting.setText("\n".join(waiting))
        for one in (self._waits_title, self._waiting, self._confirm):
            one.setVisible(bool(waiting))
        self._anew.setVisible(told is not None and schedule is None)
        self.form.add.setEnabled(schedule is not None)
        self._mark()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """News arrive sooner while somebody looks."""
        super().showEvent(event)
        self._agent.look(closely=True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """And later again."""
        super().hideEvent(event)
        say(self._problem, "")
        self._agent.look(closely=False)

    def _current(self) -> Window | None:
        row = self.list.currentRow()
        return self.windows()[row] if row >= 0 else None

    def _mark(self) -> None:
        self.week.pick(self._current())
        self.remove.setEnabled(self._current() is not None)

    def _chosen(self, window: Window) -> None:
        self.list.setCurrentRow(-1)
        self.form.show_window(window)

    def _picked(self, window: Window) -> None:
        self.list.setCurrentRow(self.windows().index(window))

    def _add(self, window: Window) -> None:
        say(self._problem, "")
        self._agent.add(window)

    def _remove(self) -> None:
        window = self._current()
        if window is not None:
            say(self._problem, "")
            self._agent.remove(window)

    def _turn(self, weeks: int) -> None:
        self.week.monday += timedelta(weeks=weeks)
        self.update_words()

    def _lay_out(self) -> None:
        back, ahead = button("‹", lambda: self._turn(-1)), button("›", lambda: self._turn(1))
        back.setAccessibleName(_("The week before"))
        ahead.setAccessibleName(_("The week after"))
        turn = QHBoxLayout()
        turn.addWidget(back)
        turn.addWidget(self._which_week)
        turn.addWidget(ahead)
        turn.addStretch(1)
        left = QVBoxLayout()
        left.addWidget(heading(_("My private time"), 1.4))
        left.addWidget(self._state)
        left.addLayout(turn)
        left.addWidget(self.week, 1)
        left.addWidget(self._zone)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(heading(_("New window")))
        right.addWidget(self.form)
        right.addSpacing(8)
        right.addWidget(heading(_("My windows")))
        right.addWidget(self.list, 1)
        right.addWidget(self.remove)
        right.addWidget(self._anew)
        right.addWidget(self._waits_title)
        right.addWidget(self._waiting)
        right.addWidget(self._confirm)
        right.addWidget(self._problem)
        right.addWidget(
            text(
                _("Changes hold at once, on this device. No administrator can see your hours or shorten them."),
                quiet=True,
            )
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(20)
        row.addLayout(left, 1)
        side = QWidget()
        side.setLayout(right)
        right.setContentsMargins(0, 0, 0, 0)
        side.setFixedWidth(300)
        row.addWidget(side)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
