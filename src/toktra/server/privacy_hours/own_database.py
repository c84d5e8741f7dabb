"""The way to people's weeks: as a database role of its own, for one person, one device or one copy at a time.

Row-level security finds the person by the hash of their session's token, which the database looks up itself. So a page
that got the wrong person into a query would find nothing, and the rest of the server, which has another role, is not
let into the schema at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self
from uuid import UUID

from toktra.server.database.pool import Connection, Database
from toktra.wire.signatures import KeyId

CONNECTIONS: Final = 4


class OwnDatabase:
    """A pool as the role that is let to the weeks. An async context manager."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, connections=CONNECTIONS)

    async def __aenter__(self) -> Self:
        await self._database.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._database.close()

    @asynccontextmanager
    async def of_session(self, tenant_id: UUID, session_hash: bytes) -> AsyncIterator[Connection]:
        """A transaction in which the one who holds this session sees and changes their own, and nothing else.

        Raises DatabaseBusy.
        """
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("select set_config('toktra.session_hash', %s, true)", [session_hash.hex()])
            yield connection

    @asynccontextmanager
    async def of_device(self, key: KeyId) -> AsyncIterator[Connection]:
        """A transaction in which a device reads what its owners chose to send it, and says how that stands.

        `key` is whose signature was verified. Raises DatabaseBusy.
        """
        async with self._database.tenant(key.tenant) as connection:
            await connection.execute("select set_config('toktra.device_id', %s, true)", [str(key.device)])
            yield connection

    @asynccontextmanager
    async def of_copy(self, tenant_id: UUID, request_id: UUID) -> AsyncIterator[Connection]:
        """A transaction that reads the week of whoever left it to the copy made for this request, and ends that leave.

        Raises DatabaseBusy.
        """
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute("select set_config('toktra.copied_request', %s, true)", [str(request_id)])
            yield connection
