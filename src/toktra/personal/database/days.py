"""The daily partitions of records: made ahead, and on demand for a day that is filled later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from toktra.personal.database.pool import Ledger, queries


class Days:
    """Remembers which days have a partition, so that an upload of a known day costs nothing more."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: set[date] = set()

    async def ensure(self, days: Iterable[date]) -> None:
        """Makes the partitions that are missing, outside the upload's own transaction."""
        missing = sorted(set(days) - self._known)
        if not missing:
            return
        async with self._ledger.connection() as connection:
            for day in missing:
                await queries.create_day(connection, day=day)
                self._known.add(day)

    async def ensure_ahead(self, today: date) -> None:
        """Today and tomorrow, so that midnight finds its partition there."""
        await self.ensure((today, today + timedelta(days=1)))

    def forget(self) -> None:
        """Asks anew next time: a day may have been dropped."""
        self._known.clear()
