"""What administrators may know: whether Privacy Hours are in use on a device, by days that are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Database

FEWEST_PEOPLE: Final = 5
"""A count of fewer would be a list of names."""

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("known.sql"), "apsycopg")


@dataclass(frozen=True, slots=True)
class Fleet:
    """On how many devices Privacy Hours are in use; None: on those of fewer than five people, or none."""

    devices: int | None


async def on_devices(database: Database, tenant_id: UUID, device_ids: Sequence[UUID], today: date) -> dict[UUID, bool]:
    """Yes or no for each device that ever asked; a device that is not named has an agent without Privacy Hours."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.in_use(connection, tenant_id=tenant_id, device_ids=list(device_ids), today=today)
        return {row.device_id: row.in_use async for row in rows}


async def in_fleet(database: Database, tenant_id: UUID, today: date) -> Fleet:
    """For all enrolled devices together."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.fleet(connection, tenant_id=tenant_id, today=today)
    return Fleet(row.devices if row.people >= FEWEST_PEOPLE else None)
