"""Gathers what other rooms know into one report. It names nobody but the requests that are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from toktra.server.audit import service as audit
from toktra.server.audit.service import Verdict
from toktra.server.database.pool import Database
from toktra.server.exports.scheduled.service import schedules_of, target_words
from toktra.server.notices import service as notices
from toktra.server.notices.service import Coverage, Precedes, Version
from toktra.server.perks.aggregates import counted, enrolled
from toktra.server.privacy_hours.in_use import Fleet, in_fleet
from toktra.server.residency.places import Known, known_places
from toktra.server.retention.service import Proof, proofs
from toktra.server.rights.requests import Counts, Request, count, list_requests
from toktra.server.settings import ServerSettings
from toktra.server.tenants.attribution import Level, attribution_of
from toktra.server.tenants.service import Tenant, find_tenant_by_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How things stand."""

    made_at: datetime
    tenant: Tenant
    requests: list[Request]
    """Open ones, by the day they are due."""
    counts: Counts
    proofs: list[Proof]
    notice: Version | None
    """The newest that was published."""
    coverage: Coverage | None
    first: Precedes
    level: Level
    trail: Verdict
    fleet: Fleet
    places: list[Known]
    """What this server writes to, and why each is taken to be in the region."""
    exports_to: list[str]
    """Where exports of the organisation are sent."""
    perks: tuple[date, tuple[int, int] | None] | None
    """The newest month that is over, and the step of ten in which the number of people lies who took part in Token
    Perks; no step below ten. None where no month was counted."""


async def report(database: Database, tenant_id: UUID, settings: ServerSettings) -> Report:
    """Reads the whole audit trail to say whether it holds, so it is made when it is asked for and not before."""
    now = datetime.now(UTC)
    today = now.date()
    async with database.tenant(tenant_id) as connection:
        counts = await count(connection, tenant_id, today)
        versions = await notices.versions(connection, tenant_id)
        first = await notices.required(connection, tenant_id)
        coverage = await notices.coverage(connection, tenant_id, versions[0].version) if versions else None
        level = (await attribution_of(connection, tenant_id)).level
        perks = enrolled(await counted(connection, tenant_id))
        schedules = await schedules_of(connection, tenant_id)
    return Report(
        made_at=now,
        tenant=await find_tenant_by_id(database, tenant_id),
        requests=await list_requests(database, tenant_id, is_open=True),
        counts=counts,
        proofs=await proofs(database, tenant_id, today),
        notice=versions[0] if versions else None,
        coverage=coverage,
        first=first,
        level=level,
        trail=await audit.verify(database, tenant_id),
        fleet=await in_fleet(database, tenant_id, today),
        places=known_places(settings),
        exports_to=sorted({target_words(one.plan.target) for one in schedules if one.ended_at is None}),
        perks=perks,
    )
