"""Asks the agent from a thread of its own, so that no window ever waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMetaObject, QObject, Qt, Slot

from toktra.agent.control_client import ask
from toktra.agent.control_messages import Request
from toktra.agent.errors import AgentError


class AgentLink(QObject):
    """One request at a time, in the order they were asked. Answers arrive in the thread of the windows."""

    def __init__(self, find_control: Callable[[], Path], parent: QObject | None = None) -> None:
        """`find_control` names the socket, anew for every request: the agent may be started after the tray."""
        super().__init__(parent)
        self._find_control = find_control
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agent-link")
        self._closed = False
        self._arrived: deque[tuple[Callable[[Any], None], object]] = deque()

    def ask(self, request: Request, then: Callable[[Any], None], failed: Callable[[AgentError], None]) -> None:
        """Calls `then` with the answer, or `failed` with what stood in its way."""

        def work() -> None:
            try:
                outcome: object = ask(self._find_control(), request)
            except AgentError as error:
                outcome = error
            self._arrived.append((failed if isinstance(outcome, AgentError) else then, outcome))
            with suppress(RuntimeError):  # the application has ended meanwhile
                QMetaObject.invokeMethod(self, "deliver", Qt.ConnectionType.QueuedConnection)

        if not self._closed:
            self._thread.submit(work)

    def close(self) -> None:
        """Nothing arrives any more."""
        self._closed = True
        self._thread.shutdown(wait=True, cancel_futures=True)

    @Slot()
    def deliver(self) -> None:
        """Hands on what has arrived. In the thread of the windows."""
        while self._arrived:
            to, outcome = self._arrived.popleft()
            if not self._closed:
                to(outcome)
