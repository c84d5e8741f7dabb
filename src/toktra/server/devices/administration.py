"""Devices as administrators see them: what is enrolled, whose it is, when it last reported; and revoking one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.devices.silence import Reports, silent_before
from toktra.server.web.listing import PAGE_ROWS, Listing

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("administration.sql"), "apsycopg")

SORTS: Final = ("device", "person", "department", "system", "agent", "enrolled", "report")
REPORTING: Final = ("all", "yesterday", "silent", "never", "revoked")
PLATFORMS: Final = ("all", "linux", "macos", "windows", "chromeos")
_NEED_PEOPLE: Final = frozenset({"person", "department"})
MOST_EXPORTED: Final = 100_000


class UnknownDevice(LookupError):
    """There is no such device in this organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDevice:
    """One line of the list."""

    device_id: UUID
    hostname: str
    platform: str
    agent_version: str
    is_revoked: bool
    people: str
    """Names of those whose accounts report from it; empty before the first report of a fleet's device."""
    departments: str
    reports: Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many devices there are, and how many of those enrolled reported yesterday."""

    enrolled: int
    reported: int
    revoked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccount:
    """A local account of a device and whose it is."""

    name: str
    person_id: UUID
    person: str
    email: str | None
    is_unnamed: bool
    has_waiting: bool
    """Whether there are records from before it was somebody's that wait for a second person."""
    has_left: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device, whole."""

    device_id: UUID
    hostname: str
    platform: str
    agent_version: str
    is_revoked: bool
    reports: Reports
    missed: int
    """Uses the device could not keep, ever."""
    set_up_anew_on: date | None
    accounts: tuple[DeviceAccount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonsDevice:
    """A device on which a person has an account."""

    device_id: UUID
    hostname: str
    platform: str
    account: str
    is_revoked: bool
    is_shared: bool
    """Whether someone else's account reports from it as well."""


@dataclass(frozen=True, slots=True)
class DeviceList:
    """One page of the list and what it is a part of."""

    listing: Listing
    devices: tuple[ListedDevice, ...]
    total: int
    counts: Counts
    departments: tuple[str, ...]


async def list_devices(database: Database, tenant_id: UUID, listing: Listing, today: date) -> DeviceList:
    """The page asked for; the first when that one does not exist."""
    async with database.tenant(tenant_id) as connection:
        rows = await _rows(connection, tenant_id, listing, today, skip=listing.skip, most=PAGE_ROWS)
        if not rows and listing.page > 1:
            listing = listing.at(1)
            rows = await _rows(connection, tenant_id, listing, today, skip=0, most=PAGE_ROWS)
        counted = await _queries.counts(
            connection, tenant_id=tenant_id, today=today, yesterday=today - timedelta(days=1)
        )
        departments = [row.department async for row in _queries.departments(connection, tenant_id=tenant_id)]
    return DeviceList(
        listing,
        tuple(_listed(row, today) for row in rows),
        rows[0].total if rows else 0,
        Counts(enrolled=counted.enrolled, reported=counted.reported, revoked=counted.revoked),
        tuple(departments),
    )


async def all_devices(database: Database, tenant_id: UUID, listing: Listing, today: date) -> list[ListedDevice]:
    """All pages of the list, for a download."""
    async with database.tenant(tenant_id) as connection:
        rows = await _rows(connection, tenant_id, listing, today, skip=0, most=MOST_EXPORTED)
    return [_listed(row, today) for row in rows]


async def devices_after(
    database: Database, tenant_id: UUID, after: UUID | None, most: int, today: date
) -> list[ListedDevice]:
    """All devices, so many at a time, whose ids come after this one; None for the beginning."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.devices_after(connection, tenant_id=tenant_id, after=after, most=most, today=today)
        return [_listed(row, today) async for row in rows]


async def find_device(database: Database, tenant_id: UUID, device_id: UUID, today: date) -> Device:
    """Raises UnknownDevice."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.find_device(connection, tenant_id=tenant_id, device_id=device_id, today=today)
        if row is None:
            raise UnknownDevice
        accounts = _queries.accounts_of_device(connection, tenant_id=tenant_id, device_id=device_id)
        return Device(
            device_id=row.device_id,
            hostname=row.hostname,
            platform=row.platform,
            agent_version=row.agent_version,
            is_revoked=row.status != "active",
            reports=Reports(row.enrolled_on, row.reported_on, today),
            missed=row.missed,
            set_up_anew_on=row.set_up_anew_on,
            accounts=tuple([_account(account) async for account in accounts]),
        )


async def devices_of(connection: Connection, tenant_id: UUID, person_id: UUID) -> list[PersonsDevice]:
    """The devices on which this person has an account, revoked ones too."""
    rows = _queries.accounts_of_person(connection, tenant_id=tenant_id, person_id=person_id)
    return [
        PersonsDevice(
            device_id=row.device_id,
            hostname=row.hostname,
            platform=row.platform,
            account=row.name,
            is_revoked=row.status != "active",
            is_shared=row.shared,
        )
        async for row in rows
    ]


async def revoke(database: Database, tenant_id: UUID, device_id: UUID, actor: audit.Actor) -> None:
    """Ends what a device may send, from its next request on. Safe to repeat. Raises UnknownDevice."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.revoke_device(connection, tenant_id=tenant_id, device_id=device_id)
        if row is not None:
            await _record_revoked(connection, tenant_id, device_id, actor)
        elif await _queries.lock_device(connection, tenant_id=tenant_id, device_id=device_id) is None:
            raise UnknownDevice


async def revoke_only_of(
    connection: Connection, tenant_id: UUID, person_ids: Sequence[UUID], actor: audit.Actor
) -> list[str]:
    """Revokes the devices on which nobody else who is still here has an account, and ends these people's codes.

    Within the caller's transaction. Answers the revoked devices' names.
    """
    of = {"tenant_id": tenant_id, "person_ids": list(person_ids)}
    # Codes first: who is enrolling with one holds its lock, and the device they get is then among those looked at.
    await _queries.end_codes_of(connection, **of)
    await _queries.lock_devices_of(connection, **of)
    revoked = [row async for row in _queries.revoke_devices_only_of(connection, **of)]
    for row in revoked:
        await _record_revoked(connection, tenant_id, row.device_id, actor)
    return sorted(row.hostname for row in revoked)


async def _record_revoked(connection: Connection, tenant_id: UUID, device_id: UUID, actor: audit.Actor) -> None:
    await audit.record(
        connection,
        tenant_id,
        Tag.DEVICE_REVOKED,
        actor,
        before={"status": "active"},
        after={"status": "revoked", "device": str(device_id)},
    )


async def _rows(
    connection: Connection, tenant_id: UUID, listing: Listing, today: date, *, skip: int, most: int
) -> list[Any]:
    rows = _queries.list_devices(
        connection,
        tenant_id=tenant_id,
        needs_people=bool(listing.search or listing.free["department"] or listing.sort in _NEED_PEOPLE),
        today=today,
        yesterday=today - timedelta(days=1),
        silent_before=silent_before(today),
        reporting=listing.chosen["reporting"],
        platform=listing.chosen["system"],
        department=listing.free["department"],
        search=listing.search,
        pattern=listing.pattern,
        sort=listing.sort,
        descending=listing.descending,
        skip=skip,
        most=most,
    )
    return [row async for row in rows]


def _listed(row: Any, today: date) -> ListedDevice:
    return ListedDevice(
        device_id=row.device_id,
        hostname=row.hostname,
        platform=row.platform,
        agent_version=row.agent_version,
        is_revoked=row.status != "active",
        people=row.people or "",
        departments=row.departments or "",
        reports=Reports(row.enrolled_on, row.reported_on, today),
    )


def _account(row: Any) -> DeviceAccount:
    return DeviceAccount(
        name=row.name,
        person_id=row.person_id,
        person=row.display_name,
        email=row.email,
        is_unnamed=row.from_account,
        has_waiting=row.has_waiting,
        has_left=row.status != "active",
    )
