"""What has left this device: every event, searchable, live, and each one exactly as it was sent."""

from __future__ import annotations

from typing import Final

import msgspec
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFontDatabase, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHeaderView, QLabel, QLineEdit, QPlainTextEdit, QTableView, QVBoxLayout, QWidget

from toktra.agent.tray import words
from toktra.agent.tray.agent_link import AgentLink
from toktra.agent.tray.language import _, ngettext
from toktra.agent.tray.log_model import LogModel
from toktra.agent.tray.parts import heading, problem, say, text
from toktra.wire.events import encode

SEARCH_AFTER_MS: Final = 250
"""Without a key pressed."""
REFRESH_EVERY_MS: Final = 3_000


class LogWindow(QWidget):
    """A search field, a table, and the event that is selected as the bytes that were sent."""

    def __init__(self, link: AgentLink) -> None:
        super().__init__()
        self.setWindowTitle(_("What has left this device – Toktra"))
        self.resize(880, 620)
        self.model = LogModel(link, self)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.setPlaceholderText(_("Part of a provider host, like openai"))
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(_("What has left this device"))
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.setAlternatingRowColors(True)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.event_text = QPlainTextEdit()
        self.event_text.setReadOnly(True)
        self.event_text.setAccessibleName(_("The event as it was sent"))
        self.event_text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.event_text.setMaximumHeight(196)
        self.event_text.setPlaceholderText(_("Select a line to see every field of it."))
        self.event_text.setTabChangesFocus(True)
        self.count = text(quiet=True)
        self._problem = problem()
        self._pause = QTimer(self, singleShot=True, interval=SEARCH_AFTER_MS)
        self._pause.timeout.connect(lambda: self.model.search(self.search.text()))
        self._refresh = QTimer(self, interval=REFRESH_EVERY_MS)
        self._refresh.timeout.connect(self.model.refresh)
        self.search.textChanged.connect(lambda _text: self._pause.start())
        self.model.loaded.connect(self._loaded)
        self.model.failed.connect(lambda because: say(self._problem, because))
        self.model.modelReset.connect(self._show_event)
        self.table.selectionModel().currentRowChanged.connect(lambda *_rows: self._show_event())
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self, self.search.setFocus)
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self.close)
        self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Live while somebody looks."""
        super().showEvent(event)
        self.model.search(self.search.text())
        self._refresh.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """And no longer."""
        super().hideEvent(event)
        self._refresh.stop()

    def _loaded(self) -> None:
        say(self._problem, "")
        number = len(self.model.events)
        if number == 0:
            self.count.setText(_("Nothing matches.") if self.model.host.strip() else _("Nothing has left yet."))
            return
        shown = ngettext("%(n)s event, newest first.", "%(n)s events, newest first.", number)
        more = _(" Older ones follow as you scroll down.") if self.model.more else ""
        kept = _(" Kept for {n} days.").format(n=self.model.kept_days)
        self.count.setText(shown % {"n": words.count(number)} + more + kept)

    def _show_event(self) -> None:
        row = self.table.currentIndex().row()
        if not 0 <= row < len(self.model.events):
            self.event_text.setPlainText("")
            return
        sent = encode(self.model.events[row].event)
        self.event_text.setPlainText(msgspec.json.format(sent, indent=2).decode())

    def _lay_out(self) -> None:
        label = QLabel(_("&Search"))
        label.setBuddy(self.search)
        self.search.setAccessibleName(_("Search by provider host"))
        lines = QVBoxLayout(self)
        lines.setContentsMargins(16, 16, 16, 16)
        lines.addWidget(heading(_("What has left this device"), 1.4))
        lines.addWidget(
            text(
                _(
                    "Every event about you, with all its fields. Nothing else about you was sent. This list is kept on"
                    " this device for a limited time and shown to your account alone."
                ),
                quiet=True,
            )
        )
        lines.addWidget(label)
        lines.addWidget(self.search)
        lines.addWidget(self.table, 1)
        lines.addWidget(self.count)
        lines.addWidget(self._problem)
        lines.addWidget(self.event_text)
