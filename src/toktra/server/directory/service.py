"""The directory: finding people, adding and changing them, and what happens when someone leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.compliance.jurisdictions import place
from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.devices import administration as devices
from toktra.server.devices.accounts import give_account, has_unnamed_records
from toktra.server.directory.changing import Directory, Ended, person_of
from toktra.server.directory.changing import Entry as Entry  # noqa: PLC0414 - part of this module's face
from toktra.server.directory.changing import UnknownPerson as UnknownPerson  # noqa: PLC0414
from toktra.server.directory.details import Field, InvalidDetail, Person, Status
from toktra.server.directory.rules import check_change
from toktra.server.people.service import SignedIn
from toktra.server.web.access import Role
from toktra.server.web.language import _
from toktra.server.web.listing import PAGE_ROWS, Listing

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

SORTS: Final = ("name", "email", "department", "manager", "role")
SHOW: Final = ("present", "left", "accounts", "all")
ROLES: Final = ("", *(role.value for role in Role if role is not Role.VISITOR))
_ONE_LOOK: Final = timedelta(hours=1)
_MOST_EXPORTED: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPerson:
    """One line of the list."""

    person_id: UUID
    name: str
    email: str
    department: str
    manager: str
    role: Role
    status: Status
    from_account: bool


@dataclass(frozen=True, slots=True)
class PeopleList:
    """One page of the list and what it is a part of."""

    listing: Listing
    people: tuple[ListedPerson, ...]
    total: int
    present: int
    gone: int
    unnamed: int
    """Accounts that report and nobody is named for."""
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """One entry, with the names of what it refers to."""

    person: Person
    manager_name: str
    manager_email: str
    jurisdiction: str
    """The country or state whose law they ask under; empty: as the organisation."""
    left_on: date | None
    devices: tuple[devices.PersonsDevice, ...]


async def list_people(database: Database, tenant_id: UUID, listing: Listing) -> PeopleList:
    """The page asked for; the first when that one does not exist."""
    async with database.tenant(tenant_id) as connection:
        rows = await _rows(connection, tenant_id, listing, skip=listing.skip, most=PAGE_ROWS)
        if not rows and listing.page > 1:
            listing = listing.at(1)
            rows = await _rows(connection, tenant_id, listing, skip=0, most=PAGE_ROWS)
        counts = await _queries.counts(connection, tenant_id=tenant_id)
        departments = await departments_of(connection, tenant_id)
    total = rows[0].total if rows else 0
    people = tuple(_listed(row) for row in rows)
    return PeopleList(listing, people, total, counts.present, counts.gone, counts.unnamed, tuple(departments))


async def people_after(database: Database, tenant_id: UUID, after: UUID | None, most: int) -> list[ListedPerson]:
    """Everyone, so many at a time, whose ids come after this one; None for the beginning."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.people_after(connection, tenant_id=tenant_id, after=after, most=most)
        return [_listed(row) async for row in rows]


async def departments_of(connection: Connection, tenant_id: UUID) -> list[str]:
    """Every department that anybody is in, by name."""
    return [row.department async for row in _queries.departments(connection, tenant_id=tenant_id)]


async def find_person(database: Database, tenant_id: UUID, person_id: UUID) -> KnownPerson:
    """Raises UnknownPerson."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.find_person(connection, tenant_id=tenant_id, person_id=person_id)
        if row is None:
            raise UnknownPerson
        return KnownPerson(
            person=person_of(row),
            manager_name=row.manager_name or "",
            manager_email=row.manager_email or "",
            jurisdiction=row.jurisdiction or "",
            left_on=row.left_on,
            devices=tuple(await devices.devices_of(connection, tenant_id, person_id)),
        )


async def note_look(database: Database, reader: SignedIn, person: Person, now: datetime) -> None:
    """Records that someone opened another's entry, once an hour; made-up people have nobody to be told."""
    if person.person_id == reader.person_id or person.from_account:
        return
    async with database.tenant(reader.tenant.tenant_id) as connection:
        await audit.record_once(
            connection,
            reader.tenant.tenant_id,
            Tag.PERSON_VIEWED,
            reader.actor,
            subject_id=person.person_id,
            since=now - _ONE_LOOK,
        )


async def active_person(connection: Connection, tenant_id: UUID, email: str, field: Field) -> Person:
    """Who has this e-mail and has not left. Raises InvalidDetail, naming `field`, when there is nobody."""
    row = await _queries.person_by_email(connection, tenant_id=tenant_id, email=email)
    if row is None or row.status != Status.ACTIVE:
        raise InvalidDetail(field, _("Nobody here has the e-mail “%(email)s”.") % {"email": email})
    return person_of(row)


async def add_person(database: Database, reader: SignedIn, entry: Entry) -> UUID:
    """Adds someone. Raises InvalidDetail; then nothing was changed."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = Directory.of(connection, reader)
        await directory.wait_for_turn()
        details = await directory.checked(None, entry)
        person_id: UUID = await directory.add(details)
    return person_id


async def change_person(database: Database, reader: SignedIn, person_id: UUID, entry: Entry) -> None:
    """Changes what is said about someone; not whether they have left. Raises InvalidDetail or UnknownPerson."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = Directory.of(connection, reader)
        await directory.wait_for_turn()
        before = await directory.find(person_id)
        details = replace(entry.details, status=before.details.status)
        await directory.change(before, await directory.checked(before, replace(entry, details=details)))


async def leave(database: Database, reader: SignedIn, person_id: UUID) -> Ended:
    """Someone has left: in one transaction their sessions, links, codes and the devices that are theirs alone end.

    Safe to repeat. Raises InvalidDetail for the last owner, or UnknownPerson.
    """
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = Directory.of(connection, reader)
        await directory.wait_for_turn()
        before = await directory.find(person_id)
        after = replace(before.details, status=Status.INACTIVE)
        check_change(reader.role, before.details, after)
        await directory.check_owners(before, after)
        return await directory.change(before, after)


async def come_back(database: Database, reader: SignedIn, person_id: UUID) -> None:
    """Someone is here again. What ended when they left stays ended. Raises InvalidDetail or UnknownPerson."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = Directory.of(connection, reader)
        await directory.wait_for_turn()
        before = await directory.find(person_id)
        after = replace(before.details, status=Status.ACTIVE)
        check_change(reader.role, before.details, after)
        await directory.change(before, after)


async def name_account(database: Database, reader: SignedIn, device_id: UUID, account: str, email: str) -> Person:
    """Says whose an account on a device is. Raises InvalidDetail or devices.accounts.UnknownAccount.

    Nobody gives themself an account that has reported while it was nobody's: its records would be theirs to read, and
    may be someone else's. A second person says so.
    """
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        directory = Directory.of(connection, reader)
        await directory.wait_for_turn()
        person = await active_person(connection, tenant_id, email, Field.EMAIL)
        if person.person_id == reader.person_id and await has_unnamed_records(
            connection, tenant_id, device_id, account
        ):
            raise InvalidDetail(
                Field.EMAIL,
                _("This account has reported, and nobody was named for it. Someone else must say that it is yours."),
            )
        made_up = await give_account(connection, tenant_id, device_id, account, person.person_id)
        if made_up is not None:
            await _queries.forget_made_up_person(connection, tenant_id=tenant_id, person_id=made_up)
        await directory.record(
            Tag.ACCOUNT_ASSIGNED,
            person.person_id,
            after={"device": str(device_id), "records_moved": made_up is not None},
        )
        return person


async def put_jurisdiction(database: Database, reader: SignedIn, person_id: UUID, text: str) -> None:
    """Says under whose law someone asks: DE, DE-BY, GB, US-CA; empty for the organisation's. Safe to repeat.

    Requests that are made already stay as they are. Raises UnknownPlace or UnknownPerson.
    """
    said = place(text)
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = Directory.of(connection, reader)
        await directory.wait_for_turn()
        await directory.find(person_id)
        of = {"tenant_id": reader.tenant.tenant_id, "person_id": person_id}
        if await _queries.put_jurisdiction(connection, **of, jurisdiction=said):
            await directory.record(Tag.PERSON_CHANGED, person_id, after={"fields": "jurisdiction"})


async def export(database: Database, tenant_id: UUID, listing: Listing) -> list[Any]:
    """All pages of the list: name, e-mail, department, the manager's e-mail, role and status, for a download."""
    async with database.tenant(tenant_id) as connection:
        emails = {
            row.person_id: row.email async for row in _queries.everyone(connection, tenant_id=tenant_id) if row.email
        }
        managers = {
            row.person_id: emails.get(row.manager_id, "")
            async for row in _queries.managers(connection, tenant_id=tenant_id)
        }
        rows = await _rows(connection, tenant_id, listing, skip=0, most=_MOST_EXPORTED)
    return [
        (row.display_name, row.email or "", row.department or "", managers.get(row.person_id, ""), row.role, row.status)
        for row in rows
    ]


async def _rows(connection: Connection, tenant_id: UUID, listing: Listing, *, skip: int, most: int) -> list[Any]:
    rows = _queries.list_people(
        connection,
        tenant_id=tenant_id,
        search=listing.search,
        pattern=listing.pattern,
        show=listing.chosen["show"],
        role=listing.chosen["role"],
        department=listing.free["department"],
        sort=listing.sort,
        descending=listing.descending,
        skip=skip,
        most=most,
    )
    return [row async for row in rows]


def _listed(row: Any) -> ListedPerson:
    return ListedPerson(
        person_id=row.person_id,
        name=row.display_name,
        email=row.email or "",
        department=row.department or "",
        manager=row.manager_name or "",
        role=Role(row.role),
        status=Status(row.status),
        from_account=row.from_account,
    )
