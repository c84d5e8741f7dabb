"""Puts jobs into the queue, in the transaction of whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, ParamSpec
from uuid import UUID

import aiosql
from psycopg.types.json import Jsonb

from toktra.server.database.pool import Connection, Database
from toktra.server.jobs.declaring import Job

P = ParamSpec("P")

QUEUE: Final = "toktra"

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


async def defer(connection: Connection, job: Job[P], tenant_id: UUID, *args: P.args, **arguments: P.kwargs) -> bool:
    """Has `job` done for a tenant once the connection's transaction is committed; if it is undone, so is this.

    False when the same job waits already (`once`). Raises TypeError or ValueError for arguments that are not the job's.
    """
    if args:
        raise TypeError(f"{job.name}: arguments are given by name")
    job_id = await _queries.add_job(
        connection,
        queue=QUEUE,
        name=job.name,
        once=job.once and f"{job.name}:{tenant_id}:{job.once}",
        arguments=Jsonb({"tenant_id": str(tenant_id), "arguments": job.encode(arguments)}),
        at=job.at,
    )
    return job_id is not None


async def defer_tick(database: Database, job: Job[Any], timestamp_s: int) -> None:
    """Every tenant's turn of a periodic job, all or none; a tenant whose last one still waits gets no second."""
    async with database.global_tables() as connection, connection.transaction():
        for row in [row async for row in _queries.tenants(connection)]:
            await _queries.add_job(
                connection,
                queue=QUEUE,
                name=job.name,
                once=f"{job.name}:{row.tenant_id}:tick",
                arguments=Jsonb({"tenant_id": str(row.tenant_id), "arguments": {}, "tick_s": timestamp_s}),
                at=None,
            )


async def count_due(database: Database) -> int:
    """Jobs that could be done now."""
    async with database.global_tables() as connection:
        due: int = await _queries.due(connection)
    return due
