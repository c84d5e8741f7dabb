"""The nightly deletion. Each day of single uses goes in a transaction of its own, so that nothing waits long for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Final

from psycopg.errors import LockNotAvailable

from toktra.compliance.keeping import BOUNDS, Kind
from toktra.server.audit import service as audit
from toktra.server.database.pool import Database
from toktra.server.jobs import Work, periodic_job
from toktra.server.retention.service import days_kept, kept_from, queries

_MOST_DAYS_A_NIGHT: Final = 4000
_TRIES_S: Final = (0.5, 2.0, 8.0, 0.0)
"""How long to wait after each attempt to drop a month that was being read."""


@periodic_job("retention:delete", cron="20 1 * * *")
async def delete(work: Work) -> None:
    """Deletes what is past its time, and notes how much that was; safe to repeat."""
    today = datetime.now(UTC).date()
    async with work.transaction() as connection:
        keep = {kind: kept_from(today, await days_kept(connection, work.tenant_id, kind)) for kind in Kind}
    deleted = {Kind.EVENTS: await _delete_events(work, keep[Kind.EVENTS])}
    async with work.transaction() as connection:
        of = {"tenant_id": work.tenant_id, "day": keep[Kind.SUMS]}
        deleted[Kind.SUMS] = (
            await queries.delete_days(connection, **of)
            + await queries.delete_group_days(connection, **of)
            + await queries.delete_hours(connection, **of)
        )
    async with work.transaction() as connection:
        deleted[Kind.REQUESTS] = await queries.delete_requests(
            connection, tenant_id=work.tenant_id, day=keep[Kind.REQUESTS]
        )
        deleted[Kind.AUDIT] = await audit.cut(connection, work.tenant_id, keep[Kind.AUDIT])
        for kind, rows in deleted.items():
            await queries.note_run(
                connection, tenant_id=work.tenant_id, kind=kind.value, kept_from=keep[kind], rows_deleted=rows
            )
        await queries.forget_runs(connection, tenant_id=work.tenant_id)
    await drop_months(work.database)


async def drop_months(database: Database) -> list[str]:
    """Drops the months that no organisation may have any more; the names of their tables, the oldest first.

    A month that somebody reads all the while stays until the next night: nobody is kept waiting for it.
    """
    dropped: list[str] = []
    async with database.global_tables() as connection:
        for wait_s in _TRIES_S:
            try:
                while month := await queries.drop_month(connection, keep_days=BOUNDS[Kind.EVENTS].default):
                    dropped.append(month)
                break
            except LockNotAvailable:
                await asyncio.sleep(wait_s)
    return dropped


async def _delete_events(work: Work, keep: date) -> int:
    deleted = 0
    for _night in range(_MOST_DAYS_A_NIGHT):
        async with work.transaction() as connection:
            day: date | None = await queries.first_deletable_event(connection, tenant_id=work.tenant_id, day=keep)
            if day is None:
                break
            deleted += await queries.delete_events(
                connection, tenant_id=work.tenant_id, first=day, last=day + timedelta(days=1)
            )
    return deleted
