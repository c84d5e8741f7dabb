"""The number of the present epoch, kept apart from the spool so that a lost or damaged spool can raise it."""

from __future__ import annotations

from pathlib import Path

from toktra.agent.durable_file import write_durably


class EpochCounter:
    """A counter in a file of its own. It only grows; numbers may be skipped.

    A missing or unreadable file counts as 0: the spool knows its own epoch, and the server answers with the one it has,
    so the counter finds its way back above both before any event is sent under it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value = read_number(path)

    @property
    def value(self) -> int:
        """The highest epoch begun so far, 0 before the first."""
        return self._value

    def advance(self, *, beyond: int = 0) -> int:
        """The next epoch, above every earlier one and above `beyond`; on the disk before it is returned."""
        value = max(self._value, beyond) + 1
        write_durably(self._path, f"{value}\n".encode(), mode=0o600)
        self._value = value
        return value


def read_number(path: Path) -> int:
    """The whole number a file holds, 0 when there is none. Raises OSError when the file cannot be read at all."""
    try:
        text = path.read_bytes().strip()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdigit() and len(text) < 10 else 0
