"""A person's own week: reading and saving it, what changed when, and to which of their devices it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import msgspec
from psycopg.types.json import Jsonb

from toktra.server.database.pool import Connection
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.wire.portal import Standing
from toktra.wire.schedule import Schedule, Window, by_day, joined

CHANGES_KEPT: Final = timedelta(days=366)
CHANGES_SHOWN: Final = 20

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("own.sql"), "apsycopg")


class ChangedMeanwhile(Exception):
    """The week was saved elsewhere since it was read; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is signed in, as the database finds them again by itself."""

    tenant_id: UUID
    person_id: UUID
    session_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one save changed."""

    at: datetime
    zone: str
    added: tuple[Window, ...]
    removed: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A device to which the week goes, and what it last said of it."""

    version: int
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWeek:
    """All that is kept here about a person's Privacy Hours."""

    version: int
    """0: they never saved one."""
    schedule: Schedule | None
    changes: tuple[Change, ...]
    deliveries: Mapping[UUID, Delivery]


async def own_week(database: OwnDatabase, reader: Reader, *, every_change: bool = False) -> OwnWeek:
    """The reader's own, with the newest changes or with every one that is kept."""
    async with database.of_session(reader.tenant_id, reader.session_hash) as connection:
        most = None if every_change else CHANGES_SHOWN
        return await read_week(connection, reader.tenant_id, reader.person_id, most_changes=most)


async def read_week(connection: Connection, tenant_id: UUID, person_id: UUID, *, most_changes: int | None) -> OwnWeek:
    """What the transaction may see of a person's week; with None every change that is kept."""
    of = {"tenant_id": tenant_id, "person_id": person_id}
    row = await _queries.find_week(connection, **of)
    return OwnWeek(
        version=row.version if row else 0,
        schedule=msgspec.convert(row.schedule, Schedule) if row else None,
        changes=tuple([_change(one) async for one in _queries.changes(connection, **of, most=most_changes)]),
        deliveries={
            one.device_id: Delivery(version=one.version, standing=one.standing)
            async for one in _queries.deliveries(connection, **of)
        },
    )


def as_json(week: OwnWeek) -> bytes:
    """For programs, and still for eyes."""
    return msgspec.json.format(msgspec.json.encode(week))


async def save_week(database: OwnDatabase, reader: Reader, schedule: Schedule, *, read_version: int) -> bool:
    """Makes this the reader's week; whether anything changed. Raises ChangedMeanwhile."""
    of = {"tenant_id": reader.tenant_id, "person_id": reader.person_id}
    async with database.of_session(reader.tenant_id, reader.session_hash) as connection:
        row = await _queries.lock_week(connection, **of)
        if (row.version if row else 0) != read_version:
            raise ChangedMeanwhile
        before = msgspec.convert(row.schedule, Schedule) if row else None
        if schedule == before or (before is None and not schedule.windows):
            return False
        version = await _queries.newest_version(connection, **of) + 1
        store = _queries.change_week if row else _queries.add_week
        await store(connection, **of, version=version, schedule=_json(schedule))
        moved = before is not None and before.zone != schedule.zone
        there = by_day(before.windows) if before else ()
        now = by_day(schedule.windows)
        await _queries.add_change(
            connection,
            **of,
            version=version,
            zone=schedule.zone,
            added=_json(joined(one for one in now if moved or one not in there)),
            removed=_json(joined(one for one in there if moved or one not in now)),
        )
        await _queries.forget_old_changes(connection, **of, keep_for=CHANGES_KEPT)
    return True


async def send_to(database: OwnDatabase, reader: Reader, device_id: UUID) -> None:
    """From its next question on, this device is told the reader's week. Safe to repeat."""
    async with database.of_session(reader.tenant_id, reader.session_hash) as connection:
        await _queries.send_to(connection, tenant_id=reader.tenant_id, person_id=reader.person_id, device_id=device_id)


async def send_no_more_to(database: OwnDatabase, reader: Reader, device_id: UUID) -> None:
    """The device is told nothing more. What it has, it keeps. Safe to repeat."""
    async with database.of_session(reader.tenant_id, reader.session_hash) as connection:
        await _queries.send_no_more_to(
            connection, tenant_id=reader.tenant_id, person_id=reader.person_id, device_id=device_id
        )


def _change(row: Any) -> Change:
    windows = tuple[Window, ...]
    return Change(
        at=row.at,
        zone=row.zone,
        added=msgspec.convert(row.added, windows),
        removed=msgspec.convert(row.removed, windows),
    )


def _json(value: object) -> Jsonb:
    return Jsonb(msgspec.to_builtins(value))
