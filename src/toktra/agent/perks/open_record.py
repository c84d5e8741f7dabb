"""The record that an account's uses go into: in memory while it is open, and on the disk sealed, whole each time."""

from __future__ import annotations

from toktra.agent.perks.age import Sealer
from toktra.agent.perks.waiting import Waiting
from toktra.wire.personal import UPLOAD_EVERY_S, PersonalRecord, PersonalUse, fits


class OpenRecord:
    """For one thread. It is let go after an hour, so no use stays in memory for longer."""

    def __init__(self, use: PersonalUse, now_s: float) -> None:
        """Its first use, on the monotonic clock."""
        self._uses = [use]
        self._begun_s = now_s
        self._written = 0
        self._place: int | None = None

    @property
    def is_written(self) -> bool:
        """All of its uses are on the disk, sealed."""
        return self._written == len(self._uses)

    def is_over(self, now_s: float) -> bool:
        """Its hour is: an upload takes one record an hour, so more of them would only have to wait."""
        return now_s - self._begun_s >= UPLOAD_EVERY_S

    def add(self, use: PersonalUse) -> bool:
        """False: it is full, and stays as it was."""
        if not fits([*self._uses, use]):
            return False
        self._uses.append(use)
        return True

    def unwritten(self) -> PersonalRecord:
        """The uses that are not on the disk yet, as a record of their own."""
        return PersonalRecord(uses=tuple(self._uses[self._written :]))

    def write(self, waiting: Waiting, sealer: Sealer) -> None:
        """In place of its earlier form, or behind it when that has left. Raises NotWritable, and is as it was."""
        whole = PersonalRecord(uses=tuple(self._uses))
        if self._place is None or not waiting.replace(self._place, sealer.seal(whole)):
            rest = self.unwritten()
            self._place = waiting.append(sealer.seal(rest))
            self._uses = list(rest.uses)
        self._written = len(self._uses)
