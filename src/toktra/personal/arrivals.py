"""Uploads of one day that arrive together are stored together: one transaction and one wait for the disk for all.

Whoever sent one is answered when it is on the disk, as if it had come alone. While nothing else arrives, nothing waits;
and a day that is being written anew holds up its own uploads and no others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

MOST_AT_ONCE: Final = 64
"""Half a megabyte: the disk is waited for rarely, and nobody waits long."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One sealed record for one mailbox."""

    mailbox: bytes
    record: UUID
    sealed: bytes


_Waiting = list[tuple[Arrival, asyncio.Future[bool]]]


@dataclass(slots=True)
class Arrivals:
    """`store` stores some of a day, all or none, and says of each whether its mailbox is there."""

    store: Callable[[date, Sequence[Arrival]], Awaitable[Sequence[bool]]]
    _waiting: dict[date, _Waiting] = field(default_factory=dict, repr=False)
    """Of each day whose uploads are being stored now, those that came meanwhile."""
    _writers: set[asyncio.Task[None]] = field(default_factory=set, repr=False)
    """Held, since the event loop itself does not."""

    async def put(self, day: date, arrival: Arrival) -> bool:
        """Returns when it is stored; False: there is no such mailbox. Raises what `store` raised."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if day in self._waiting:
            self._waiting[day].append((arrival, stored))
        else:
            self._waiting[day] = [(arrival, stored)]
            writer = asyncio.create_task(self._write(day))
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await stored

    async def _write(self, day: date) -> None:
        while self._waiting[day]:
            some, self._waiting[day] = self._waiting[day][:MOST_AT_ONCE], self._waiting[day][MOST_AT_ONCE:]
            await self._store(day, some)
        del self._waiting[day]

    async def _store(self, day: date, some: _Waiting) -> None:
        try:
            answers = await self.store(day, [arrival for arrival, _ in some])
        except Exception as fault:
            for _, stored in some:
                if not stored.done():
                    stored.set_exception(fault)
            return
        for (_, stored), answer in zip(some, answers, strict=True):
            if not stored.done():  # whoever sent it may have gone
                stored.set_result(answer)
