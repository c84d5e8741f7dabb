"""Takes in a batch: checks it whole, then stores it in one round trip. The rules are in the function ingest_batch."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

import aiosql
import psycopg

from toktra.catalogue import Catalogue
from toktra.server.database.pool import Connection, Database
from toktra.server.ingest.checks import Columns, check
from toktra.server.ingest.months import Months
from toktra.wire.columns import BatchColumns
from toktra.wire.events import BatchAccepted, OutOfSequence
from toktra.wire.signatures import KeyId

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

AT_ONCE: Final = (os.cpu_count() or 1) + 1
"""Batches of one organisation in the database at a time: one for each processor, and one that waits for the disk. More
would only wait there, for the sums that all of them add to, and hold connections that others need."""


class DeviceRefused(Exception):
    """Nothing was stored, because of who sent it. `outcome` is unknown_device, other_key, revoked or suspended."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(slots=True)
class Ingest:
    """The way into the ledger."""

    database: Database
    catalogue: Catalogue
    accepted_age_days: int
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    months: Months = field(init=False)
    _turns: WeakValueDictionary[UUID, asyncio.Semaphore] = field(init=False, default_factory=WeakValueDictionary)
    """Of the organisations whose batches are being stored; in the order in which they came."""

    def __post_init__(self) -> None:
        self.months = Months(self.database, _queries)

    async def take_in(
        self, key: KeyId, batch: BatchColumns, *, public_key: bytes | None = None
    ) -> BatchAccepted | OutOfSequence:
        """Returns once the batch is dealt with for good, or the server's mark when the batch does not follow on it.

        `key` is whose signature was verified, with `public_key`; when that is not the device's any more, the outcome
        is other_key. Raises InvalidMessage or DeviceRefused; then nothing was stored.
        """
        columns = self.check(key, batch)
        await self.months.ensure(columns.months)
        try:
            row = await self._store(key, batch, columns, public_key)
        except psycopg.errors.CheckViolation:  # "no partition of relation found for row": it was dropped meanwhile
            self.months.forget()
            await self.months.ensure(columns.months)
            row = await self._store(key, batch, columns, public_key)
        match row.outcome:
            case "stored" | "duplicate":
                return BatchAccepted(epoch=row.epoch, last_seq=row.last_seq)
            case "gap":
                return OutOfSequence(epoch=row.epoch, last_seq=row.last_seq)
            case refusal:
                raise DeviceRefused(refusal)

    async def prepare(self) -> None:
        """What is better done before the first batch."""
        await self.months.ensure_ahead(datetime.fromtimestamp(self.clock(), UTC).date())

    def check(self, key: KeyId, batch: BatchColumns) -> Columns:
        """All that can be told without the database. Raises InvalidMessage."""
        return check(
            batch,
            device=str(key.device),
            catalogue=self.catalogue,
            now_s=self.clock(),
            accepted_age_days=self.accepted_age_days,
        )

    async def store(
        self, connection: Connection, key: KeyId, batch: BatchColumns, columns: Columns, public_key: bytes | None = None
    ) -> Any:
        """The one round trip. In a transaction of the caller's, it is durable when that is."""
        return await _queries.ingest_batch(
            connection,
            tenant=key.tenant,
            device=key.device,
            public_key=public_key,
            epoch=batch.epoch,
            prev_seq=batch.prev_seq,
            agent_version=batch.agent_version,
            estimator_version=batch.estimator_version,
            missed=batch.missed,
            hosts=columns.hosts,
            users=columns.users,
            at=columns.at,
            host=columns.host,
            user=columns.user,
            request_bytes=columns.request_bytes,
            response_bytes=columns.response_bytes,
            input_tokens=columns.input_tokens,
            output_tokens=columns.output_tokens,
        )

    async def _store(self, key: KeyId, batch: BatchColumns, columns: Columns, public_key: bytes | None) -> Any:
        turn = self._turns.setdefault(key.tenant, asyncio.Semaphore(AT_ONCE))
        # The function itself names the tenant.
        async with turn, self.database.global_tables() as connection:
            return await self.store(connection, key, batch, columns, public_key)
