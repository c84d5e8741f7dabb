"""Gives all that is recorded under one person to another, events and sums together."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("moving.sql"), "apsycopg")


async def move_usage(connection: Connection, tenant_id: UUID, *, former: UUID, person_id: UUID) -> None:
    """Within the caller's transaction, which must hold the lock of every device that reports under `former`.

    Hourly sums have no person, so they stay as they are.
    """
    await _queries.move_events(connection, tenant_id=tenant_id, former=former, person_id=person_id)
    await _queries.move_days(connection, tenant_id=tenant_id, former=former, person_id=person_id)
