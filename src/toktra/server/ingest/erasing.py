"""Erases all that is recorded of one person: single uses, sums by day, and their share of the sums by hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("erasing.sql"), "apsycopg")


async def erase_usage(connection: Connection, tenant_id: UUID, person_id: UUID) -> int:
    """How many single uses were erased, within the caller's transaction, which must hold the locks of their devices.

    Days are locked before hours and hours in their order, as ingest does, so neither waits for the other in a circle.
    Sums by department have no person and stay.
    """
    of = {"tenant_id": tenant_id, "person_id": person_id}
    await _queries.delete_days(connection, **of)
    hours = sorted({row.hour async for row in _queries.hours_of(connection, **of)})
    await _queries.lock_hours(connection, tenant_id=tenant_id, hours=hours)
    await _queries.take_from_hours(connection, **of)
    await _queries.delete_empty_hours(connection, tenant_id=tenant_id, hours=hours)
    erased: int = await _queries.delete_events(connection, **of)
    return erased
