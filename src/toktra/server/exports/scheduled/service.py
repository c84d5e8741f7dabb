"""Schedules and their runs as they are stored: set up, changed, paused, ended, planned, looked at."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import aiosql
import msgspec

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection
from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format
from toktra.server.exports.scheduled.schedule import (
    Bucket,
    Fault,
    Folder,
    Keys,
    Plan,
    Rhythm,
    Run,
    RunState,
    Schedule,
    Sent,
    due,
)
from toktra.server.people.signed_in import SignedIn
from toktra.server.vault import Vault

MOST_PLANNED: Final = 400
"""Periods of a schedule that are planned at once; the rest follow the next day."""

queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


async def add_schedule(connection: Connection, reader: SignedIn, plan: Plan, keys: Keys | None, vault: Vault) -> UUID:
    """Stores a plan; the keys of its bucket are sealed."""
    tenant_id, schedule_id = reader.tenant.tenant_id, uuid4()
    await queries.add_schedule(
        connection,
        tenant_id=tenant_id,
        schedule_id=schedule_id,
        starts_on=plan.starts_on,
        created_by=reader.person_id,
        **_columns(plan),
        **_sealed(keys, tenant_id, schedule_id, vault),
    )
    return schedule_id


async def change_schedule(
    connection: Connection, tenant_id: UUID, schedule_id: UUID, *, plan: Plan, keys: Keys | None, vault: Vault
) -> None:
    """From now on this is sent. Without keys, a bucket keeps those it has. What was begun ends as it began."""
    await queries.change_schedule(
        connection,
        tenant_id=tenant_id,
        schedule_id=schedule_id,
        **_columns(plan),
        **_sealed(keys, tenant_id, schedule_id, vault),
    )


async def end_schedule(connection: Connection, tenant_id: UUID, schedule_id: UUID, actor: audit.Actor) -> None:
    """Sends nothing more, and forgets the keys. What was sent stays where it is. Safe to repeat."""
    of = {"tenant_id": tenant_id, "schedule_id": schedule_id}
    if await queries.end_schedule(connection, **of) is not None:
        await queries.forget_begun_keys(connection, **of)
        after = {"schedule": str(schedule_id)}
        await audit.record(connection, tenant_id, Tag.EXPORT_SCHEDULE_ENDED, actor, after=after)


async def schedule_to_change(connection: Connection, tenant_id: UUID, schedule_id: UUID) -> Schedule | None:
    """One, which nobody else changes before the connection's transaction is over."""
    await queries.lock_schedule(connection, tenant_id=tenant_id, schedule_id=schedule_id)
    return await schedule_of(connection, tenant_id, schedule_id)


async def schedules_of(connection: Connection, tenant_id: UUID) -> list[Schedule]:
    """Every schedule, those that are open first."""
    return [_schedule(row) async for row in queries.schedules(connection, tenant_id=tenant_id)]


async def schedule_of(connection: Connection, tenant_id: UUID, schedule_id: UUID) -> Schedule | None:
    row = await queries.schedule(connection, tenant_id=tenant_id, schedule_id=schedule_id)
    return _schedule(row) if row else None


async def runs_of(
    connection: Connection, tenant_id: UUID, schedule_id: UUID, most: int, before: date | None = None
) -> list[Run]:
    """Newest period first; `before` the first day of another."""
    rows = queries.runs(connection, tenant_id=tenant_id, schedule_id=schedule_id, before=before, most=most)
    return [_run(row) async for row in rows]


async def run_of(connection: Connection, tenant_id: UUID, schedule_id: UUID, first: date) -> Run | None:
    row = await queries.run(connection, tenant_id=tenant_id, schedule_id=schedule_id, first_day=first)
    return _run(row) if row else None


async def newest_runs(connection: Connection, tenant_id: UUID) -> dict[UUID, Run]:
    """The run of each schedule's newest period."""
    return {row.schedule_id: _run(row) async for row in queries.newest_runs(connection, tenant_id=tenant_id)}


async def plan_runs(connection: Connection, tenant_id: UUID, schedule: Schedule, today: date) -> list[date]:
    """Stores the periods that have become due; the first days of those that were not stored before."""
    of = {"tenant_id": tenant_id, "schedule_id": schedule.schedule_id}
    planned_until: date | None = await queries.planned_until(connection, **of)
    return [
        first
        for first, last in due(schedule.plan, today, MOST_PLANNED, planned_until)
        if await queries.plan_run(connection, **of, first_day=first, last_day=last) is not None
    ]


async def secret_of(connection: Connection, tenant_id: UUID, schedule_id: UUID, vault: Vault) -> Keys:
    """The keys of a schedule's bucket. Raises SealBroken."""
    row = await queries.schedule(connection, tenant_id=tenant_id, schedule_id=schedule_id)
    return opened(bytes(row.sealed_credentials), tenant_id, schedule_id, vault)


def opened(sealed: bytes, tenant_id: UUID, schedule_id: UUID, vault: Vault) -> Keys:
    """Sealed keys. Raises SealBroken."""
    secret = vault.open(sealed, tenant_id=tenant_id, purpose=_purpose(schedule_id))
    return Keys(*msgspec.json.decode(secret, type=tuple[str, str]))


def what_goes(claimed: Any) -> tuple[Sent, bytes]:
    """What is sent where in this attempt, and its sealed keys: as it is now, or as it began where that may be there."""
    now = Sent(dataset=Dataset(claimed.dataset), format=Format(claimed.format), target=_target(claimed))
    if not claimed.may_be_there:
        return now, bytes(claimed.sealed_credentials or b"")
    begun = Sent.of(claimed.begun_as)
    # Whatever is going there goes on with the newest keys to the place.
    sealed = claimed.sealed_credentials if begun.target == now.target else claimed.sealed_begun
    return begun, bytes(sealed or b"")


def target_words(target: Folder | Bucket) -> str:
    """Where it goes, without what opens it."""
    if isinstance(target, Folder):
        return f"folder {target.name}"
    at = f" at {target.endpoint}" if target.endpoint else ""
    return f"s3://{target.bucket}/{target.prefix} ({target.region}){at}"


def _purpose(schedule_id: UUID) -> str:
    return f"export:{schedule_id}"


def _columns(plan: Plan) -> dict[str, Any]:
    folder = plan.target if isinstance(plan.target, Folder) else None
    bucket = plan.target if isinstance(plan.target, Bucket) else None
    return {
        "dataset": plan.dataset.value,
        "format": plan.format.value,
        "rhythm": plan.rhythm.value,
        "wait_days": plan.wait_days,
        "target": "folder" if folder else "s3",
        "folder": folder and folder.name,
        "endpoint": (bucket.endpoint or None) if bucket else None,
        "region": bucket and bucket.region,
        "bucket": bucket and bucket.bucket,
        "prefix": None if bucket is None else bucket.prefix,
    }


def _sealed(keys: Keys | None, tenant_id: UUID, schedule_id: UUID, vault: Vault) -> dict[str, Any]:
    if keys is None:
        return {"access_key_hint": None, "sealed_credentials": None}
    secret = msgspec.json.encode([keys.access_key_id, keys.secret_access_key]).decode()
    sealed = vault.seal(secret, tenant_id=tenant_id, purpose=_purpose(schedule_id))
    return {"access_key_hint": keys.hint, "sealed_credentials": sealed}


def _target(row: Any) -> Folder | Bucket:
    if row.target == "folder":
        return Folder(row.folder)
    return Bucket(row.endpoint or "", row.region, row.bucket, row.prefix)


def _schedule(row: Any) -> Schedule:
    return Schedule(
        schedule_id=row.schedule_id,
        plan=Plan(
            dataset=Dataset(row.dataset),
            format=Format(row.format),
            rhythm=Rhythm(row.rhythm),
            wait_days=row.wait_days,
            starts_on=row.starts_on,
            target=_target(row),
        ),
        access_key_hint=row.access_key_hint or "",
        created_at=row.created_at,
        created_by=row.maker or "",
        paused_at=row.paused_at,
        ended_at=row.ended_at,
    )


def _run(row: Any) -> Run:
    return Run(
        schedule_id=row.schedule_id,
        first=row.first_day,
        last=row.last_day,
        state=RunState(row.state),
        attempts=row.attempts,
        size_bytes=row.size_bytes,
        sent_bytes=row.sent_bytes,
        sha256=row.sha256,
        fault=Fault(row.fault) if row.fault else None,
        fault_detail=row.fault_detail or "",
        attempted_at=row.attempted_at,
        delivered_at=row.delivered_at,
        schema_version=row.schema_version,
        estimator_versions=tuple(row.estimator_versions or ()),
        devices_reported=row.devices_reported,
        devices_enrolled=row.devices_enrolled,
        begun_as=Sent.of(row.begun_as) if row.begun_as else None,
    )
