"""One window of a kind for each account: a second start brings the first one's to the front."""

from __future__ import annotations

import getpass
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from toktra.agent.tray.news import News

ANSWER_WITHIN_MS: Final = 500


class OneInstance(QObject):
    """To be asked at the start, and held until the end."""

    def __init__(self, parent: QObject | None = None, *, purpose: str = "tray", name: str | None = None) -> None:
        super().__init__(parent)
        self.called = News[()]()
        """Somebody started it once more."""
        self._name = name or f"toktra-{purpose}-{getpass.getuser()}"
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)

    def first(self) -> bool:
        """True when this is the first; otherwise the first has been called."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(ANSWER_WITHIN_MS):
            socket.disconnectFromServer()
            return False
        QLocalServer.removeServer(self._name)  # what a killed one left behind
        self._server.listen(self._name)  # where it cannot, there may be two; that is no reason to have none
        return True

    def close(self) -> None:
        """The next one will be the first."""
        self._server.close()

    def _answer(self) -> None:
        connection = self._server.nextPendingConnection()
        connection.disconnected.connect(connection.deleteLater)
        self.called.emit()
