"""Ends every way in of people who have left, within the transaction in which they leave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("ending.sql"), "apsycopg")


async def end_sign_in(connection: Connection, tenant_id: UUID, person_ids: Sequence[UUID]) -> None:
    """Ends their sessions and the links they have not used. Whoever is not active gets in with nothing else either:
    every session asks for the person's status.
    """
    await _queries.end_sessions(connection, tenant_id=tenant_id, person_ids=list(person_ids))
    await _queries.end_links(connection, tenant_id=tenant_id, person_ids=list(person_ids))
