"""Setting schedules up, changing, pausing and ending them, for the pages and the API alike, by the same rules.

What was entered is tried before it is taken, outside any transaction; what is done is done within the caller's,
together with the deliveries that it sets off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from toktra.server.audit import service as audit
from toktra.server.audit.chain import Detail
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.exports.scheduled import sending, service
from toktra.server.exports.scheduled.entering import InvalidSchedule, entered
from toktra.server.exports.scheduled.presentation import fault_sentence
from toktra.server.exports.scheduled.schedule import Bucket, Fault, Folder, Keys, NotDelivered, Plan, Schedule
from toktra.server.jobs import defer
from toktra.server.people.signed_in import SignedIn
from toktra.server.settings import ServerSettings
from toktra.server.vault import SealBroken, SecretKeyNotUsable, Vault, open_vault

_FIELDS: Final = {
    Fault.NO_BUCKET: "bucket",
    Fault.REFUSED: "access_key_id",
    Fault.KEYS_LOST: "secret_access_key",
    Fault.NO_FOLDER: "target",
    Fault.NOT_WRITABLE: "folder",
    Fault.NO_SPACE: "folder",
}
"""Where an entry is to be corrected. What is not here is about the address."""


class ChangedMeanwhile(Exception):
    """Somebody else changed or ended it since it was looked at. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry that was checked, and whose place has taken a small file."""

    plan: Plan
    keys: Keys | None
    """None for a folder, and for a bucket that keeps those it has."""
    vault: Vault


async def check_new(fields: Mapping[str, str], settings: ServerSettings) -> Taken:
    """Raises InvalidSchedule."""
    plan, keys = entered(fields, today())
    vault = _vault(settings)
    await _try_out(plan.target, keys, settings)
    return Taken(plan, keys, vault)


async def check_change(
    fields: Mapping[str, str], before: Schedule, database: Database, tenant_id: UUID, settings: ServerSettings
) -> Taken:
    """The same of a change; the place is tried when it or its keys are others than before. Raises InvalidSchedule."""
    plan, keys = entered(fields, today(), before.plan)
    vault = _vault(settings)
    if plan.target != before.plan.target or keys is not None:
        used = keys
        if keys is None and isinstance(plan.target, Bucket):
            used = await _kept_keys(before, database, tenant_id, vault)
        await _try_out(plan.target, used, settings)
    return Taken(plan, keys, vault)


async def set_up(connection: Connection, reader: SignedIn, taken: Taken) -> UUID:
    """Takes a new one, and has sent what is due already."""
    schedule_id = await service.add_schedule(connection, reader, taken.plan, taken.keys, taken.vault)
    await sending.send_due(connection, reader.tenant.tenant_id, schedule_id, today())
    after = _told(taken.plan, taken.keys.hint if taken.keys else "")
    await _record(connection, reader, Tag.EXPORT_SCHEDULED, schedule_id, after=after)
    return schedule_id


async def change(connection: Connection, reader: SignedIn, before: Schedule, taken: Taken) -> None:
    """From now on this is sent. Raises ChangedMeanwhile."""
    tenant_id, schedule_id = reader.tenant.tenant_id, before.schedule_id
    now = await service.schedule_to_change(connection, tenant_id, schedule_id)
    if now is None or (now.plan, now.ended_at) != (before.plan, None):
        raise ChangedMeanwhile
    if taken.plan == before.plan and taken.keys is None:
        return
    await service.change_schedule(
        connection, tenant_id, schedule_id, plan=taken.plan, keys=taken.keys, vault=taken.vault
    )
    await sending.send_due(connection, tenant_id, schedule_id, today())
    kept = before.access_key_hint if isinstance(taken.plan.target, Bucket) else ""
    was = _told(before.plan, before.access_key_hint)
    is_now = _told(taken.plan, taken.keys.hint if taken.keys else kept)
    changed = [key for key in {**was, **is_now} if was.get(key) != is_now.get(key)]
    await _record(
        connection,
        reader,
        Tag.EXPORT_SCHEDULE_CHANGED,
        schedule_id,
        before={key: was.get(key) for key in changed},
        after={**{key: is_now.get(key) for key in changed}, "has_new_keys": taken.keys is not None},
    )


async def pause(connection: Connection, reader: SignedIn, schedule_id: UUID) -> None:
    """Begins to send nothing more until it goes on. What was begun ends as it began. Safe to repeat."""
    of = {"tenant_id": reader.tenant.tenant_id, "schedule_id": schedule_id}
    if await service.queries.pause_schedule(connection, **of) is not None:
        await _record(connection, reader, Tag.EXPORT_SCHEDULE_PAUSED, schedule_id)


async def resume(connection: Connection, reader: SignedIn, schedule_id: UUID) -> None:
    """Sends what waited, and every period since, each once. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    of = {"tenant_id": tenant_id, "schedule_id": schedule_id}
    if await service.queries.resume_schedule(connection, **of) is None:
        return
    for row in [row async for row in service.queries.waiting_periods(connection, **of)]:
        await defer(connection, sending.deliver, tenant_id, schedule_id=schedule_id, first_day=row.first_day)
    await sending.send_due(connection, tenant_id, schedule_id, today())
    await _record(connection, reader, Tag.EXPORT_SCHEDULE_RESUMED, schedule_id)


async def end(connection: Connection, reader: SignedIn, schedule_id: UUID) -> None:
    """Sends nothing more. Safe to repeat."""
    await service.end_schedule(connection, reader.tenant.tenant_id, schedule_id, reader.actor)


async def send_again(connection: Connection, reader: SignedIn, schedule_id: UUID, first: date) -> None:
    """Has a period sent that was given up. Safe to repeat, and nothing for one that was not."""
    tenant_id = reader.tenant.tenant_id
    of = {"tenant_id": tenant_id, "schedule_id": schedule_id}
    if await service.queries.again(connection, **of, first_day=first) is not None:
        await defer(connection, sending.deliver, tenant_id, schedule_id=schedule_id, first_day=first)


def today() -> date:
    return datetime.now(UTC).date()


def _told(plan: Plan, access_key_hint: str) -> dict[str, str | int]:
    """For the trail. Of keys, what the page shows."""
    return {
        "dataset": plan.dataset.value,
        "format": plan.format.value,
        "rhythm": plan.rhythm.value,
        "wait_days": plan.wait_days,
        "target": service.target_words(plan.target),
        **({"access_key": access_key_hint} if access_key_hint else {}),
    }


async def _record(
    connection: Connection,
    reader: SignedIn,
    tag: Tag,
    schedule_id: UUID,
    *,
    before: Detail | None = None,
    after: Detail | None = None,
) -> None:
    await audit.record(
        connection,
        reader.tenant.tenant_id,
        tag,
        reader.actor,
        before=before,
        after={"schedule": str(schedule_id), **(after or {})},
    )


def _vault(settings: ServerSettings) -> Vault:
    try:
        return open_vault(settings.data_directory, os.environ)
    except SecretKeyNotUsable as fault:
        raise InvalidSchedule("secret_access_key", str(fault)) from None


async def _kept_keys(before: Schedule, database: Database, tenant_id: UUID, vault: Vault) -> Keys:
    try:
        async with database.tenant(tenant_id) as connection:
            return await service.secret_of(connection, tenant_id, before.schedule_id, vault)
    except SealBroken:
        raise _invalid(NotDelivered(Fault.KEYS_LOST), before.plan.target) from None


async def _try_out(target: Folder | Bucket, keys: Keys | None, settings: ServerSettings) -> None:
    try:
        await sending.try_out(target, keys, settings)
    except NotDelivered as fault:
        raise _invalid(fault, target) from None


def _invalid(fault: NotDelivered, target: Folder | Bucket) -> InvalidSchedule:
    address = "endpoint" if isinstance(target, Bucket) and target.endpoint else "region"
    return InvalidSchedule(_FIELDS.get(fault.fault, address), fault_sentence(fault.fault, fault.detail))
