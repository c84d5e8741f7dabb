"""Ends every way in of people who have left, within the transaction in which they leave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection
from toktra.server.sign_in.ways import forget_ways

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("ending.sql"), "apsycopg")


async def end_sign_in(connection: Connection, tenant_id: UUID, person_ids: Sequence[UUID]) -> None:
    """Ends their sessions and the links they have not used, and forgets passkeys, passwords and work accounts.

    Should they come back, they begin with a new link. Until then nothing lets them in: every way asks for the status.
    """
    await _queries.end_sessions(connection, tenant_id=tenant_id, person_ids=list(person_ids))
    await _queries.end_links(connection, tenant_id=tenant_id, person_ids=list(person_ids))
    await forget_ways(connection, tenant_id, list(person_ids))
