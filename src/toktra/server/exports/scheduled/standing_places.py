"""Whether every bucket that exports are sent to is in the server's region, asked before anything is served."""

from __future__ import annotations

import asyncio
import os

import structlog

from toktra.server.audit.service import Actor
from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.exports.scheduled import service
from toktra.server.exports.scheduled.schedule import Bucket, Fault, NotDelivered, Schedule
from toktra.server.exports.scheduled.sending import reach
from toktra.server.residency.places import LOCAL, OutsideRegion
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import Tenant, find_tenant, tenants_here
from toktra.server.vault import SealBroken, SecretKeyNotUsable, open_vault

_log = structlog.get_logger()


def check_buckets(app_url: str, settings: ServerSettings) -> None:
    """Raises OutsideRegion. What cannot be asked now is asked again before each file: a bucket may be away."""
    if settings.region == LOCAL:
        return

    async def ask() -> None:
        async with Database(app_url, connections=1) as database:
            for tenant in await tenants_here(database):
                for schedule in await _open_ones(database, tenant):
                    await _check(database, tenant, schedule, settings)

    try:
        asyncio.run(ask())
    except (DatabaseUnreachable, DatabaseBusy):
        return


def end_exports_to(app_url: str, slug: str, bucket: str, command: str) -> int:
    """Ends all that an organisation sends to a bucket; how many schedules that were."""

    async def end() -> int:
        async with Database(app_url, connections=1) as database:
            tenant = await find_tenant(database, slug)
            if tenant is None:
                return 0
            there = [one for one in await _open_ones(database, tenant) if _bucket_of(one) == bucket]
            for schedule in there:
                actor = Actor.by_command(command)
                async with database.tenant(tenant.tenant_id) as connection:
                    await service.end_schedule(connection, tenant.tenant_id, schedule.schedule_id, actor)
            return len(there)

    return asyncio.run(end())


def _bucket_of(schedule: Schedule) -> str | None:
    return schedule.plan.target.bucket if isinstance(schedule.plan.target, Bucket) else None


async def _open_ones(database: Database, tenant: Tenant) -> list[Schedule]:
    async with database.tenant(tenant.tenant_id) as connection:
        found = await service.schedules_of(connection, tenant.tenant_id)
    return [one for one in found if one.ended_at is None]


async def _check(database: Database, tenant: Tenant, schedule: Schedule, settings: ServerSettings) -> None:
    target = schedule.plan.target
    if not isinstance(target, Bucket):
        return
    try:
        vault = open_vault(settings.data_directory, os.environ)
        async with database.tenant(tenant.tenant_id) as connection:
            keys = await service.secret_of(connection, tenant.tenant_id, schedule.schedule_id, vault)
        await reach(target, keys, settings)
    except (SealBroken, SecretKeyNotUsable):
        return
    except NotDelivered as fault:
        if fault.fault is Fault.OUTSIDE_REGION:
            raise OutsideRegion(
                f"{tenant.slug} has exports sent to {service.target_words(target)}, and that is not in the region "
                f"{settings.region}. Nothing was served. If the bucket is right, TOKTRA_REGION or "
                f"TOKTRA_AMAZON_REGIONS is not; else: toktra server region end-exports {tenant.slug} {target.bucket}"
            ) from None
        _log.warning("a bucket could not be asked where it is", outcome=fault.fault.value)
