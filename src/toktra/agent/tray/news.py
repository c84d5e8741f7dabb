"""Telling others that something happened, in the place of Qt's own signals.

Under Python 3.11 every `Signal.emit` of PySide 6.12 gives away a reference to True that it does not own; after some
hundred of them the interpreter ends with a fatal error, and a tray runs for weeks. What Qt itself emits is fine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVarTuple

Ts = TypeVarTuple("Ts")


class News(Generic[*Ts]):
    """For one thread: that of the windows."""

    def __init__(self) -> None:
        self._hearers: list[Callable[[*Ts], object]] = []

    def connect(self, hearer: Callable[[*Ts], object]) -> None:
        """Calls it from now on."""
        self._hearers.append(hearer)

    def emit(self, *what: *Ts) -> None:
        """Calls everybody, in the order they came."""
        for hearer in tuple(self._hearers):
            hearer(*what)
