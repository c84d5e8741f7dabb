"""Sealed copies in the database, part by part, until they expire. They open only with their person's key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection, Database
from toktra.server.rights.copies.sealing import Lock

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("copies.sql"), "apsycopg")

KEPT_FOR: Final = timedelta(days=14)
_PART: Final = 1 << 20


async def begin(connection: Connection, tenant_id: UUID, request_id: UUID, lock: Lock) -> None:
    """Says to whom the copy will be sealed."""
    await _queries.begin(
        connection,
        tenant_id=tenant_id,
        request_id=request_id,
        recipient=lock.recipient,
        sealed_identity=lock.sealed_identity,
    )


async def recipient_of(connection: Connection, tenant_id: UUID, request_id: UUID) -> str | None:
    """None when nobody has said yet how it is sealed."""
    found: str | None = await _queries.recipient(connection, tenant_id=tenant_id, request_id=request_id)
    return found


async def sealed_identity_of(database: Database, tenant_id: UUID, request_id: UUID) -> bytes | None:
    """The key to the copy, sealed to its person's passphrase; None when the key is their own."""
    async with database.tenant(tenant_id) as connection:
        found = await _queries.sealed_identity(connection, tenant_id=tenant_id, request_id=request_id)
    return None if found is None else bytes(found)


async def keep(database: Database, tenant_id: UUID, request_id: UUID, content: AsyncIterator[bytes]) -> int:
    """Stores the sealed stream, in place of what an attempt that was broken off left; its size in bytes."""
    of = {"tenant_id": tenant_id, "request_id": request_id}
    async with database.tenant(tenant_id) as connection:
        await _queries.delete_parts(connection, **of)
    size = place = 0
    async for part in _in_parts(content):
        async with database.tenant(tenant_id) as connection:
            await _queries.add_part(connection, **of, place=place, content=part)
        size += len(part)
        place += 1
    return size


async def finish(connection: Connection, tenant_id: UUID, request_id: UUID, size: int) -> None:
    """The copy is whole, and expires from now."""
    await _queries.finish(connection, tenant_id=tenant_id, request_id=request_id, sealed_bytes=size, kept_for=KEPT_FOR)


async def fetch(database: Database, tenant_id: UUID, request_id: UUID) -> AsyncIterator[bytes]:
    """The sealed stream; nothing when it is not whole or has expired. A slow reader keeps no connection."""
    place = 0
    while True:
        async with database.tenant(tenant_id) as connection:
            part = await _queries.part(connection, tenant_id=tenant_id, request_id=request_id, place=place)
        if part is None:
            return
        yield bytes(part)
        place += 1


async def expired(connection: Connection, tenant_id: UUID) -> list[UUID]:
    """Requests whose copies are past their time."""
    return [row.request_id async for row in _queries.expired(connection, tenant_id=tenant_id)]


async def discard(connection: Connection, tenant_id: UUID, request_id: UUID) -> None:
    """Deletes a copy and its key."""
    await _queries.discard(connection, tenant_id=tenant_id, request_id=request_id)


async def _in_parts(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for part in content:
        waiting += part
        while len(waiting) >= _PART:
            yield bytes(waiting[:_PART])
            del waiting[:_PART]
    if waiting:
        yield bytes(waiting)
