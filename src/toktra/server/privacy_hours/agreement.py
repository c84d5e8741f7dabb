"""The private time that a works agreement adds for everybody: set by the privacy officer, recorded in the trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import msgspec
from psycopg.types.json import Jsonb

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.privacy_hours.words import plain_text
from toktra.wire.schedule import Schedule

MOST_TITLE: Final = 120

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("known.sql"), "apsycopg")


class ChangedMeanwhile(Exception):
    """The agreement was set elsewhere since it was read; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The state of the agreement."""

    version: int
    """0: none was ever set."""
    title: str
    schedule: Schedule
    set_at: datetime | None

    @property
    def adds(self) -> bool:
        """Whether it adds any private time."""
        return bool(self.schedule.windows)


async def in_force(database: Database, tenant_id: UUID) -> Agreement:
    """The newest one."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.agreement(connection, tenant_id=tenant_id)
    if row is None:
        return Agreement(version=0, title="", schedule=Schedule(zone="UTC"), set_at=None)
    schedule = msgspec.convert(row.schedule, Schedule)
    return Agreement(version=row.version, title=row.title, schedule=schedule, set_at=row.set_at)


async def set_agreement(
    database: Database,
    tenant_id: UUID,
    *,
    title: str,
    schedule: Schedule,
    read_version: int,
    person_id: UUID,
    actor: audit.Actor,
) -> None:
    """From the devices' next questions on, this is added for everybody. Raises ChangedMeanwhile."""
    before = await in_force(database, tenant_id)
    if before.version != read_version:
        raise ChangedMeanwhile
    async with database.tenant(tenant_id) as connection:
        row = await _queries.add_agreement(
            connection,
            tenant_id=tenant_id,
            version=before.version + 1,
            title=title,
            schedule=Jsonb(msgspec.to_builtins(schedule)),
            set_by=person_id,
        )
        if row is None:
            raise ChangedMeanwhile
        await audit.record(
            connection,
            tenant_id,
            Tag.WORKS_AGREEMENT_CHANGED,
            actor,
            before=_told(before.title, before.schedule) if before.version else None,
            after=_told(title, schedule),
        )


def _told(title: str, schedule: Schedule) -> dict[str, str]:
    hours = "; ".join(plain_text(window) for window in schedule.windows) or "–"
    return {"title": title, "zone": schedule.zone, "hours": hours if len(hours) <= 1500 else hours[:1499] + "…"}
