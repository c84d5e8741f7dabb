"""The rows of "What has left this device": newest first, older ones asked for as somebody scrolls there."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from toktra.agent.control_messages import Left, LeftEvent, Log
from toktra.agent.errors import AgentError
from toktra.agent.tray import words
from toktra.agent.tray.agent_link import AgentLink
from toktra.agent.tray.language import _
from toktra.agent.tray.news import News

PAGE: Final = 100

_Index = QModelIndex | QPersistentModelIndex


class LogModel(QAbstractTableModel):
    """Asks `link`."""

    def __init__(self, link: AgentLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._asking = 0
        self.loaded = News[()]()
        """An answer came."""
        self.failed = News[str]()
        """Nothing could be shown, and why."""
        self.host = ""
        self.events: list[LeftEvent] = []
        self.more = False
        self.kept_days: int | None = None

    def search(self, host: str) -> None:
        """Shows only hosts with this text in their name."""
        self.host = host
        self._ask(Log(host=host, limit=PAGE), self._replace)

    def refresh(self) -> None:
        """Puts what has left meanwhile on top."""
        self._ask(Log(host=self.host, limit=PAGE), self._put_on_top)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """One for each event."""
        return 0 if parent.isValid() else len(self.events)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """Left, began, host, sent, received, tokens."""
        return 0 if parent.isValid() else len(_heads())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802 - Qt's name
        """The names of the columns."""
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return _heads()[section]
        return None

    def data(self, index: _Index, role: int = 0) -> Any:
        """The text of a cell; numbers stand to the right."""
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(self.events[index.row()])[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() >= 3:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def canFetchMore(self, parent: _Index) -> bool:  # noqa: N802 - Qt's name
        """Whether older ones match."""
        return self.more and not parent.isValid()

    def fetchMore(self, parent: _Index) -> None:  # noqa: N802 - Qt's name
        """Asks for them."""
        del parent
        if self.events and not self._asking:
            self._ask(Log(host=self.host, limit=PAGE, before=self.events[-1].place), self._append)

    def _ask(self, request: Log, then: Any) -> None:
        self._asking += 1

        def answered(page: Left) -> None:
            self._asking -= 1
            if request.host == self.host:  # otherwise something else is searched for by now
                self.kept_days = page.kept_days
                then(page)
                self.loaded.emit()

        def failed(error: AgentError) -> None:
            self._asking -= 1
            self.failed.emit(str(error))

        self._link.ask(request, answered, failed)

    def _replace(self, page: Left) -> None:
        self.beginResetModel()
        self.events, self.more = list(page.events), page.more
        self.endResetModel()

    def _put_on_top(self, page: Left) -> None:
        newest = self.events[0].place if self.events else 0
        new = [one for one in page.events if one.place > newest]
        if len(new) == PAGE or not self.events:  # a gap could lie between them and those below
            if new:
                self._replace(page)
            return
        if new:
            self.beginInsertRows(QModelIndex(), 0, len(new) - 1)
            self.events[:0] = new
            self.endInsertRows()

    def _append(self, page: Left) -> None:
        self.more = page.more
        if page.events:
            self.beginInsertRows(QModelIndex(), len(self.events), len(self.events) + len(page.events) - 1)
            self.events += page.events
            self.endInsertRows()


def _heads() -> tuple[str, ...]:
    return (
        _("Left"),
        _("Began"),
        _("Provider host"),
        _("Sent"),
        _("Received"),
        _("≈ Tokens in"),
        _("≈ Tokens out"),
    )


def _cells(one: LeftEvent) -> tuple[str, ...]:
    event = one.event
    return (
        _local(one.sent_at),
        _local(event.at),
        event.provider_host,
        words.size(event.request_bytes),
        words.size(event.response_bytes),
        words.count(event.estimated_input_tokens),
        words.count(event.estimated_output_tokens),
    )


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
