"""Takes a person off the devices: their accounts go; devices that were theirs alone are revoked and lose their name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("erasing.sql"), "apsycopg")


async def lock_devices_of(connection: Connection, tenant_id: UUID, person_id: UUID) -> list[UUID]:
    """Their devices, whose batches wait from here until the caller's transaction ends."""
    rows = _queries.lock_devices_of(connection, tenant_id=tenant_id, person_id=person_id)
    return [row.device_id async for row in rows]


async def unnamed_of(connection: Connection, tenant_id: UUID, person_id: UUID) -> list[UUID]:
    """Made-up people whose accounts this person has taken, and whose records were never handed over."""
    rows = _queries.unnamed_of(connection, tenant_id=tenant_id, person_id=person_id)
    return [row.unnamed_id async for row in rows]


async def erase_from_devices(connection: Connection, tenant_id: UUID, person_id: UUID, devices: list[UUID]) -> int:
    """How many devices were theirs alone and are revoked now, within the caller's transaction.

    On a device that others use too, their account's name is remembered as a digest, so that what it reports later is
    recorded of nobody.
    """
    of = {"tenant_id": tenant_id, "person_id": person_id}
    await _queries.remember_accounts(connection, **of)
    await _queries.delete_claims(connection, **of)
    await _queries.delete_accounts(connection, **of)
    ended = [
        row.device_id async for row in _queries.end_devices_of_nobody(connection, tenant_id=tenant_id, devices=devices)
    ]
    await _queries.forget_days(connection, tenant_id=tenant_id, devices=ended)
    return len(ended)
