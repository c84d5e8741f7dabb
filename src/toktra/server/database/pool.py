"""Connections to the ledger, each for one tenant at a time.

There is no way here to get a connection without naming the tenant: `Database.tenant` opens a transaction whose every
statement row-level security confines to that tenant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString, Self
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, namedtuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from toktra.server.database.failures import DatabaseUnreachable, MigrationsPending, UnsafeDatabaseRole
from toktra.server.database.migrate import NEWEST, check_version

WAIT_S: Final = 5.0
"""How long a request waits for a connection before it is told to come back."""

_STATE: Final[LiteralString] = """
    select to_regclass('public.alembic_version') is null as empty, rolsuper or rolbypassrls as bypasses,
        (select relowner = rol.oid from pg_class where oid = to_regclass('public.device')) as owns,
        current_database() as name
    from pg_roles rol where rolname = current_user
"""

Connection = AsyncConnection[Any]


class DatabaseBusy(Exception):
    """No connection came free in time; the caller answers 503 with Retry-After."""


class Database:
    """A pool of connections as the server's role. An async context manager."""

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            timeout=WAIT_S,
            open=False,
            name="toktra",
            kwargs={"autocommit": True, "row_factory": namedtuple_row, "application_name": "toktra server"},
        )

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Starts connecting; the database need not be there yet. `check_ready` says whether it is."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[Connection]:
        """A transaction confined to one tenant: committed at the end, undone on an exception.

        Raises DatabaseBusy when no connection comes free within WAIT_S.
        """
        async with self.global_tables() as connection, connection.transaction():
            await connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
            yield connection

    @asynccontextmanager
    async def global_tables(self) -> AsyncIterator[Connection]:
        """A connection in autocommit with no tenant: sees the table of tenants and no tenant's rows.

        Raises DatabaseBusy when no connection comes free within WAIT_S.
        """
        try:
            async with self._pool.connection() as connection:
                yield connection
        except PoolTimeout:
            raise DatabaseBusy from None

    def pool_stats(self) -> dict[str, int]:
        """Sizes and waits, under the names psycopg's pool gives them."""
        return self._pool.get_stats()

    async def check_ready(self) -> None:
        """Raises DatabaseUnreachable, MigrationsPending, DataDirectoryTooNew or UnsafeDatabaseRole."""
        try:
            async with self.global_tables() as connection:
                cursor = await connection.execute(_STATE)
                empty, bypasses, owns, name = await cursor.fetchone() or (True, True, True, "")
                if bypasses or owns:
                    raise UnsafeDatabaseRole(
                        "TOKTRA_DATABASE_URL names a role that row-level security does not bind. Give the server a "
                        "plain role of its own, and the owner only to TOKTRA_OWNER_DATABASE_URL."
                    )
                revision = None
                if not empty:
                    cursor = await connection.execute("select version_num from alembic_version")
                    row = await cursor.fetchone()
                    revision = row[0] if row else None
        except (psycopg.OperationalError, DatabaseBusy) as error:
            raise DatabaseUnreachable(f"the database does not answer: {error or 'no connection'}") from None
        if check_version(revision, name):
            raise MigrationsPending(
                f"the tables are at version {revision or 'none'} and {NEWEST} is needed. Run: toktra server migrate"
            )
