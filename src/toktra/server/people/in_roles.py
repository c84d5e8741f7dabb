"""Who is to be written to because of their role."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection
from toktra.server.web.access import Role

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("in_roles.sql"), "apsycopg")


async def people_in_roles(connection: Connection, tenant_id: UUID, roles: Sequence[Role]) -> list[UUID]:
    """Those who are here, have an address, and hold one of these roles."""
    rows = _queries.in_roles(connection, tenant_id=tenant_id, roles=[role.value for role in roles])
    return [row.person_id async for row in rows]
