"""Connections to the second ledger, as the role that serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import aiosql
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, namedtuple_row
from psycopg.types.array import ListBinaryDumper
from psycopg.types.string import BytesBinaryDumper
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from toktra.personal.database.failures import LedgerBehind, LedgerTooNew, LedgerUnreachable
from toktra.personal.database.migrate import NEWEST

WAIT_S: Final = 5.0
"""How long a request waits for a connection, or for a lock, before it is told to come back."""

Connection = AsyncConnection[Any]

queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


async def _records_in_binary(connection: Connection) -> None:
    """By itself the driver escapes each to text, which costs more than storing it."""
    connection.adapters.register_dumper(list, ListBinaryDumper)
    connection.adapters.register_dumper(bytes, BytesBinaryDumper)


class LedgerBusy(Exception):
    """No connection came free in time; the caller answers 503 with Retry-After."""


class Ledger:
    """A pool of connections. An async context manager."""

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            timeout=WAIT_S,
            open=False,
            name="toktra personal",
            configure=_records_in_binary,
            kwargs={
                "autocommit": True,
                "row_factory": namedtuple_row,
                "application_name": "toktra personal",
                "options": f"-c lock_timeout={WAIT_S * 1000:.0f}",
            },
        )

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One in autocommit. Raises LedgerBusy when none comes free within WAIT_S."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except PoolTimeout:
            raise LedgerBusy from None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Committed at the end, undone on an exception. Raises LedgerBusy."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def check_ready(self) -> None:
        """Raises LedgerUnreachable, LedgerBehind or LedgerTooNew."""
        try:
            async with self.connection() as connection:
                version = await queries.version(connection)
        except psycopg.errors.UndefinedTable:
            version = 0
        except psycopg.errors.InsufficientPrivilege:
            version = 0
        except (psycopg.OperationalError, LedgerBusy):
            raise LedgerUnreachable("the second ledger's database does not answer") from None
        if version < NEWEST:
            raise LedgerBehind(
                f"the second ledger's tables are at version {version} and {NEWEST} is needed. "
                "Run: toktra personal migrate"
            )
        if version > NEWEST:
            raise LedgerTooNew(f"the second ledger's tables are at version {version}, newer than {NEWEST}")
