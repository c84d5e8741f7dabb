"""The rules, what a change would delete, and the proof of what is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.compliance.keeping import BOUNDS, Kind, check_days
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.signed_in import SignedIn

queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")
"""This room's own statements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One kind of data: how long it may be kept, and the oldest that is there."""

    kind: Kind
    keep_days: int
    kept_from: date
    """The first day (UTC) of which anything may be there."""
    oldest: date | None
    ran_at: datetime | None
    """When the nightly deletion last ran for it."""
    rows_deleted: int

    @property
    def holds(self) -> bool:
        """Whether nothing is older than it may be. What falls due today goes tonight."""
        return self.oldest is None or self.oldest >= self.kept_from - timedelta(days=1)


def kept_from(today: date, keep_days: int) -> date:
    """The first day that is kept whole."""
    return today - timedelta(days=keep_days)


async def days_kept(connection: Connection, tenant_id: UUID, kind: Kind) -> int:
    """The organisation's rule, or the default."""
    found: int | None = await queries.rule(connection, tenant_id=tenant_id, kind=kind.value)
    return BOUNDS[kind].default if found is None else found


async def proofs(database: Database, tenant_id: UUID, today: date) -> list[Proof]:
    """Every kind of data."""
    async with database.tenant(tenant_id) as connection:
        runs = {row.kind: row async for row in queries.newest_runs(connection, tenant_id=tenant_id)}
        found = []
        for kind in Kind:
            days = await days_kept(connection, tenant_id, kind)
            run = runs.get(kind.value)
            found.append(
                Proof(
                    kind=kind,
                    keep_days=days,
                    kept_from=kept_from(today, days),
                    oldest=await _OLDEST[kind](connection, tenant_id=tenant_id),
                    ran_at=run.ran_at.astimezone(UTC) if run else None,
                    rows_deleted=run.rows_deleted if run else 0,
                )
            )
    return found


async def would_delete(database: Database, tenant_id: UUID, kind: Kind, days: int, today: date) -> int:
    """How many rows the next night would delete if the kind were kept for so many days. Raises DaysOutOfBounds."""
    check_days(kind, days)
    async with database.tenant(tenant_id) as connection:
        rows: int = await _BEFORE[kind](connection, tenant_id=tenant_id, day=kept_from(today, days))
    return rows


async def change(database: Database, reader: SignedIn, kind: Kind, days: int) -> None:
    """Keeps a kind for so many days; what is older goes in the next night. Raises DaysOutOfBounds."""
    check_days(kind, days)
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        before = await days_kept(connection, tenant_id, kind)
        await queries.put_rule(connection, tenant_id=tenant_id, kind=kind.value, keep_days=days)
        await audit.record(
            connection,
            tenant_id,
            Tag.POLICY_CHANGED,
            reader.actor,
            before={"policy": f"keep-{kind.value}", "value": before},
            after={"policy": f"keep-{kind.value}", "value": days},
        )


_OLDEST: Final = {
    Kind.EVENTS: queries.oldest_event,
    Kind.SUMS: queries.oldest_sum,
    Kind.REQUESTS: queries.oldest_request,
    Kind.AUDIT: audit.oldest,
}
_BEFORE: Final = {
    Kind.EVENTS: queries.events_before,
    Kind.SUMS: queries.sums_before,
    Kind.REQUESTS: queries.requests_before,
    Kind.AUDIT: audit.count_before,
}
