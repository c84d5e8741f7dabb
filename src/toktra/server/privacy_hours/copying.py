"""A person's week in the copy of their data, which a job makes while they are not there.

In their own session they leave it to one request; the job then sees the week of whoever did so, and only while that
leave lasts. So a copy that nobody asked for, or that is asked for in somebody's name, has no week in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.server.privacy_hours.weeks import OwnWeek, Reader, read_week

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("copying.sql"), "apsycopg")


async def leave_to(database: OwnDatabase, reader: Reader, request_id: UUID) -> None:
    """For a day the reader's week may go into the copy that is made for this request of theirs. Safe to repeat."""
    async with database.of_session(reader.tenant_id, reader.session_hash) as connection:
        await _queries.leave_to(
            connection, tenant_id=reader.tenant_id, person_id=reader.person_id, request_id=request_id
        )


@asynccontextmanager
async def weeks_for_copies(url: str | None) -> AsyncIterator[OwnDatabase | None]:
    """The way to the weeks for one job; None on a server that has no place for them."""
    if url is None:
        yield None
        return
    async with OwnDatabase(url) as database:
        yield database


async def week_for_copy(
    database: OwnDatabase | None, tenant_id: UUID, person_id: UUID, request_id: UUID
) -> OwnWeek | None:
    """All that is kept here about their Privacy Hours; None where they did not leave it to this request."""
    if database is None:
        return None
    of = {"tenant_id": tenant_id, "person_id": person_id}
    async with database.of_copy(tenant_id, request_id) as connection:
        if not await _queries.is_left_to(connection, **of, request_id=request_id):
            return None
        return await read_week(connection, tenant_id, person_id, most_changes=None)


async def end_leave(database: OwnDatabase | None, tenant_id: UUID, request_id: UUID) -> None:
    """The copy is made. Safe to repeat."""
    if database is not None:
        async with database.of_copy(tenant_id, request_id) as connection:
            await _queries.end_leave(connection, tenant_id=tenant_id, request_id=request_id)
