"""Erases a person's entry and everything that hangs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("erasing.sql"), "apsycopg")


async def erase_person(connection: Connection, tenant_id: UUID, person_id: UUID) -> bool:
    """Whether there was such a person; within the caller's transaction, and after they are off every device."""
    await _queries.delete_imports(connection, tenant_id=tenant_id)
    return await _queries.delete_person(connection, tenant_id=tenant_id, person_id=person_id) is not None


async def another_owner_remains(connection: Connection, tenant_id: UUID, person_id: UUID) -> bool:
    """Whether the organisation has an owner who is somebody else."""
    return bool(await _queries.other_owners(connection, tenant_id=tenant_id, person_id=person_id))
