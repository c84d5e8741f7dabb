"""Requests as they are kept, and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.compliance.deadlines import Regulation, deadline
from toktra.server.database.pool import Connection, Database
from toktra.server.rights.kinds import Channel, Kind, Stage, Step

queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")
"""This room's own statements."""


class UnknownRequest(LookupError):
    """There is no such request in this organisation, or none of this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request."""

    request_id: UUID
    number: int
    kind: Kind
    regulation: Regulation
    person_id: UUID
    name: str | None
    """None for someone who has been erased, and while it is not known whose a mailed request is."""
    asked_from: str | None
    """The address a mailed request came from."""
    channel: Channel
    stage: Stage
    received_on: date
    confirm_by: date | None
    due_on: date
    is_extended: bool
    details: str | None
    closed_on: date | None
    copy_bytes: int | None
    """Of the sealed copy, once it is whole."""
    copy_expires_at: datetime | None
    has_passphrase: bool
    """Whether its person opens the copy with a passphrase; else with an age key of their own."""
    owner_id: UUID | None
    owner: str | None
    """Which of those who answer has taken it; None for nobody yet."""

    @property
    def title(self) -> str:
        """R-031."""
        return f"R-{self.number:03}"

    @property
    def is_open(self) -> bool:
        return self.closed_on is None

    @property
    def target(self) -> date:
        """The last working day on or before the day it is due."""
        return deadline(self.regulation, self.received_on, is_extended=self.is_extended).target

    @property
    def extend_by(self) -> date:
        """The last day on which an extension can be told."""
        return deadline(self.regulation, self.received_on).due

    def days_left(self, today: date) -> int:
        """Negative when it is overdue."""
        return (self.due_on - today).days


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of what happened to a request."""

    at: datetime
    step: Step
    note: str | None
    by_role: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of the organisation; `closed` and `on_time` of this year."""

    open: int
    overdue: int
    closed: int
    on_time: int


async def list_requests(database: Database, tenant_id: UUID, *, is_open: bool) -> list[Request]:
    """Open ones by the day they are due, closed ones newest first; 500 at most."""
    async with database.tenant(tenant_id) as connection:
        rows = queries.list(connection, tenant_id=tenant_id, is_open=is_open)
        return [request_of(row) async for row in rows]


async def list_below(
    database: Database, tenant_id: UUID, *, is_open: bool | None, below: int | None, most: int
) -> list[Request]:
    """Newest first, those with a number below this one; `is_open` None for open and closed ones."""
    async with database.tenant(tenant_id) as connection:
        rows = queries.list_below(connection, tenant_id=tenant_id, is_open=is_open, below=below, most=most)
        return [request_of(row) async for row in rows]


async def requests_of(database: Database, tenant_id: UUID, person_id: UUID) -> list[Request]:
    """What one person has asked for, newest first."""
    async with database.tenant(tenant_id) as connection:
        rows = queries.of_person(connection, tenant_id=tenant_id, person_id=person_id)
        return [request_of(row) async for row in rows]


async def find(connection: Connection, tenant_id: UUID, request_id: UUID, *, of: UUID | None = None) -> Request:
    """The request; with `of`, only when it is this person's. Raises UnknownRequest."""
    row = await queries.find(connection, tenant_id=tenant_id, request_id=request_id)
    if row is None or (of is not None and row.person_id != of):
        raise UnknownRequest
    return request_of(row)


async def find_whole(
    database: Database, tenant_id: UUID, request_id: UUID, *, of: UUID | None = None
) -> tuple[Request, Sequence[Happened]]:
    """The request and what happened to it, newest first. Raises UnknownRequest."""
    async with database.tenant(tenant_id) as connection:
        found = await find(connection, tenant_id, request_id, of=of)
        rows = queries.steps(connection, tenant_id=tenant_id, request_id=request_id)
        steps = [Happened(row.at.astimezone(UTC), Step(row.step), row.note, row.by_role) async for row in rows]
    return found, steps


async def is_restricted(connection: Connection, tenant_id: UUID, person_id: UUID) -> bool:
    """Whether someone asked for restriction or objected, and it was not refused: nobody may open their figures."""
    return bool(await queries.is_restricted(connection, tenant_id=tenant_id, person_id=person_id))


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps someone's data from being erased, as they are told."""

    authority: str
    reason: str
    ends_on: date


async def told_hold(database: Database, tenant_id: UUID, person_id: UUID, today: date) -> Hold | None:
    """A legal hold on someone's data; None when there is none, or the law forbids to tell them."""
    async with database.tenant(tenant_id) as connection:
        row = await queries.hold_on(connection, tenant_id=tenant_id, person_id=person_id, today=today)
    return Hold(row.authority, row.reason, row.ends_on) if row and row.is_told else None


async def count(connection: Connection, tenant_id: UUID, today: date) -> Counts:
    """For the queue's head and the privacy officer's page."""
    year = datetime(today.year, 1, 1, tzinfo=UTC)
    row = await queries.counts(connection, tenant_id=tenant_id, today=today, year=year)
    return Counts(*row)


async def note_step(
    connection: Connection,
    tenant_id: UUID,
    request_id: UUID,
    step: Step,
    *,
    note: str | None = None,
    role: str | None = None,
) -> None:
    """Adds a line to what happened to a request."""
    await queries.add_step(
        connection, tenant_id=tenant_id, request_id=request_id, step=step.value, note=note, by_role=role
    )


def request_of(row: Any) -> Request:
    """A row of the statements that read requests."""
    return Request(
        request_id=row.request_id,
        number=row.number,
        kind=Kind(row.kind),
        regulation=Regulation(row.regulation),
        person_id=row.person_id,
        name=row.display_name,
        asked_from=row.asked_from,
        channel=Channel(row.channel),
        stage=Stage(row.stage),
        received_on=row.received_on,
        confirm_by=row.confirm_by,
        due_on=row.due_on,
        is_extended=row.is_extended,
        details=row.details,
        closed_on=row.closed_on,
        copy_bytes=row.sealed_bytes if row.is_whole else None,
        copy_expires_at=row.expires_at,
        has_passphrase=bool(row.has_passphrase),
        owner_id=row.owner_id,
        owner=row.owner,
    )
