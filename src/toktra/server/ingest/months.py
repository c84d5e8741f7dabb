"""The monthly partitions of usage_event: made ahead, and on demand for months long past or just begun."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from toktra.server.database.pool import Database


class Months:
    """Remembers which months have a partition, so that a batch of a known month costs nothing more."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries
        self._known: set[date] = set()

    async def ensure(self, months: Iterable[date]) -> None:
        """Makes the partitions that are missing, outside the batch's own transaction. `months` are first days."""
        missing = sorted(set(months) - self._known)
        if not missing:
            return
        async with self._database.global_tables() as connection:
            for month in missing:
                await self._queries.create_month(connection, month=month)
                self._known.add(month)

    async def ensure_ahead(self, today: date) -> None:
        """This month and the next, so that midnight finds its partition there."""
        first = today.replace(day=1)
        await self.ensure((first, (first + timedelta(days=32)).replace(day=1)))

    def forget(self) -> None:
        """Asks anew next time: retention may have dropped a month."""
        self._known.clear()
