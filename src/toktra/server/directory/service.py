"""The directory: finding people, adding and changing them, and what happens when someone leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg

from toktra.server.audit import service as audit
from toktra.server.audit.chain import Detail
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.devices import administration as devices
from toktra.server.devices.accounts import give_account
from toktra.server.directory.details import Details, Field, InvalidDetail, Person, Status
from toktra.server.directory.rules import check_change, check_owner_remains, under_themselves
from toktra.server.people.ending import end_sign_in
from toktra.server.people.service import SignedIn
from toktra.server.web.access import Role
from toktra.server.web.language import _
from toktra.server.web.listing import PAGE_ROWS, Listing

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

SORTS: Final = ("name", "email", "department", "manager", "role")
SHOW: Final = ("present", "left", "accounts", "all")
ROLES: Final = ("", *(role.value for role in Role if role is not Role.VISITOR))
_MOST_EXPORTED: Final = 1_000_000


class UnknownPerson(LookupError):
    """There is no such person in this organisation."""


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
    left_on: date | None
    devices: tuple[devices.PersonsDevice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a form says about someone; the manager by e-mail, empty for nobody."""

    details: Details
    manager_email: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended when someone left: the devices that were theirs alone, by name."""

    revoked: tuple[str, ...]


async def list_people(database: Database, tenant_id: UUID, listing: Listing) -> PeopleList:
    """The page asked for; the first when that one does not exist."""
    async with database.tenant(tenant_id) as connection:
        rows = await _rows(connection, tenant_id, listing, skip=listing.skip, most=PAGE_ROWS)
        if not rows and listing.page > 1:
            listing = listing.at(1)
            rows = await _rows(connection, tenant_id, listing, skip=0, most=PAGE_ROWS)
        counts = await _queries.counts(connection, tenant_id=tenant_id)
        departments = [row.department async for row in _queries.departments(connection, tenant_id=tenant_id)]
    total = rows[0].total if rows else 0
    people = tuple(_listed(row) for row in rows)
    return PeopleList(listing, people, total, counts.present, counts.gone, counts.unnamed, tuple(departments))


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
            left_on=row.left_on,
            devices=tuple(await devices.devices_of(connection, tenant_id, person_id)),
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
        directory = _Directory(connection, reader)
        await directory.wait_for_turn()
        details = await directory.checked(None, entry)
        person_id: UUID = await directory.add(details)
    return person_id


async def change_person(database: Database, reader: SignedIn, person_id: UUID, entry: Entry) -> None:
    """Changes what is said about someone; not whether they have left. Raises InvalidDetail or UnknownPerson."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = _Directory(connection, reader)
        await directory.wait_for_turn()
        before = await directory.find(person_id)
        details = replace(entry.details, status=before.details.status)
        await directory.change(before, await directory.checked(before, replace(entry, details=details)))


async def leave(database: Database, reader: SignedIn, person_id: UUID) -> Ended:
    """Someone has left: in one transaction their sessions, links, codes and the devices that are theirs alone end.

    Safe to repeat. Raises InvalidDetail for the last owner, or UnknownPerson.
    """
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = _Directory(connection, reader)
        await directory.wait_for_turn()
        before = await directory.find(person_id)
        after = replace(before.details, status=Status.INACTIVE)
        check_change(reader.role, before.details, after)
        await directory.check_owners(before, after)
        return await directory.change(before, after)


async def come_back(database: Database, reader: SignedIn, person_id: UUID) -> None:
    """Someone is here again. What ended when they left stays ended. Raises InvalidDetail or UnknownPerson."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        directory = _Directory(connection, reader)
        await directory.wait_for_turn()
        before = await directory.find(person_id)
        after = replace(before.details, status=Status.ACTIVE)
        check_change(reader.role, before.details, after)
        await directory.change(before, after)


async def name_account(database: Database, reader: SignedIn, device_id: UUID, account: str, email: str) -> Person:
    """Says whose an account on a device is. Raises InvalidDetail or devices.accounts.UnknownAccount."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        directory = _Directory(connection, reader)
        await directory.wait_for_turn()
        person = await active_person(connection, tenant_id, email, Field.EMAIL)
        made_up = await give_account(connection, tenant_id, device_id, account, person.person_id)
        if made_up is not None:
            await _queries.forget_made_up_person(connection, tenant_id=tenant_id, person_id=made_up)
        await directory.record(
            Tag.ACCOUNT_ASSIGNED,
            person.person_id,
            after={"device": str(device_id), "account": account, "records_moved": made_up is not None},
        )
        return person


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


class _Directory:
    """Changes of one organisation's directory by one person, within a transaction."""

    def __init__(self, connection: Connection, reader: SignedIn) -> None:
        self._connection = connection
        self._reader = reader
        self._tenant_id = reader.tenant.tenant_id

    async def wait_for_turn(self) -> None:
        await _queries.wait_for_turn(self._connection, tenant_id=self._tenant_id)

    async def find(self, person_id: UUID) -> Person:
        row = await _queries.find_person(self._connection, tenant_id=self._tenant_id, person_id=person_id)
        if row is None:
            raise UnknownPerson
        return person_of(row)

    async def checked(self, before: Person | None, entry: Entry) -> Details:
        """What the entry says, as it may be stored. Raises InvalidDetail."""
        was = before.details if before else None
        check_change(self._reader.role, was, entry.details)
        await self._check_email(before, entry.details)
        if before is not None:
            await self.check_owners(before, entry.details)
        return replace(entry.details, manager_id=await self._manager(before, entry.manager_email))

    async def check_owners(self, before: Person, after: Details) -> None:
        others = await _queries.other_owners(self._connection, tenant_id=self._tenant_id, person_id=before.person_id)
        check_owner_remains(before.details, after, others)

    async def add(self, details: Details) -> UUID:
        person_id: UUID = await self._stored(
            _queries.add_person(
                self._connection,
                tenant_id=self._tenant_id,
                display_name=details.name,
                email=details.email,
                department=details.department,
                manager_id=details.manager_id,
                role=details.role.value,
            )
        )
        await self.record(Tag.PERSON_ADDED, person_id, after={"role": details.role.value})
        return person_id

    async def change(self, before: Person, after: Details) -> Ended:
        """Stores it, ends what a leaving ends, and records it."""
        if after == before.details and not before.from_account:
            return Ended(())
        await self._stored(
            _queries.change_person(
                self._connection,
                tenant_id=self._tenant_id,
                person_id=before.person_id,
                display_name=after.name,
                email=after.email,
                department=after.department,
                manager_id=after.manager_id,
                role=after.role.value,
                status=after.status.value,
            )
        )
        revoked: Sequence[str] = ()
        if after.status is not before.details.status:
            # Coming back, too: a session begun in the very moment of leaving must not live on.
            await end_sign_in(self._connection, self._tenant_id, [before.person_id])
        if before.details.status is Status.ACTIVE and after.status is Status.INACTIVE:
            actor = self._reader.actor
            revoked = await devices.revoke_only_of(self._connection, self._tenant_id, [before.person_id], actor)
        await self.record(Tag.PERSON_CHANGED, before.person_id, **changed(before.details, after))
        return Ended(tuple(revoked))

    async def record(
        self, tag: Tag, subject_id: UUID, *, before: Detail | None = None, after: Detail | None = None
    ) -> None:
        actor = self._reader.actor
        await audit.record(
            self._connection, self._tenant_id, tag, actor, subject_id=subject_id, before=before, after=after
        )

    async def _check_email(self, before: Person | None, after: Details) -> None:
        if after.email is None:
            return
        row = await _queries.person_by_email(self._connection, tenant_id=self._tenant_id, email=after.email)
        if row is not None and (before is None or row.person_id != before.person_id):
            raise InvalidDetail(
                Field.EMAIL,
                _("E-mail: %(email)s is already %(name)s’s.") % {"email": row.email, "name": row.display_name},
            )

    async def _manager(self, before: Person | None, email: str) -> UUID | None:
        if not email:
            return None
        row = await _queries.person_by_email(self._connection, tenant_id=self._tenant_id, email=email)
        if row is None:
            raise InvalidDetail(Field.MANAGER, _("Manager: nobody here has the e-mail “%(email)s”.") % {"email": email})
        manager_id: UUID = row.person_id
        if before is None:
            return manager_id
        managers: dict[UUID, UUID | None] = {
            row.person_id: row.manager_id
            async for row in _queries.managers(self._connection, tenant_id=self._tenant_id)
        }
        if under_themselves({**managers, before.person_id: manager_id}, [before.person_id]):
            raise InvalidDetail(
                Field.MANAGER,
                _("Manager: %(manager)s is %(name)s or works under them.")
                % {"manager": row.display_name, "name": before.details.name},
            )
        return manager_id

    async def _stored(self, work: Any) -> Any:
        """Another part of the server may have taken the e-mail since it was looked up: the index has the last word."""
        try:
            return await work
        except psycopg.errors.UniqueViolation:
            raise InvalidDetail(Field.EMAIL, _("E-mail: someone else has just been given this address.")) from None


def changed(before: Details, after: Details) -> dict[str, Detail]:
    """What the audit trail says of a change. Names and addresses stay out of it: it outlives the people."""
    told = {
        "role": (before.role.value, after.role.value),
        "status": (before.status.value, after.status.value),
    }
    differing = {name: pair for name, pair in told.items() if pair[0] != pair[1]}
    fields = [
        field.value
        for field, same in (
            (Field.NAME, before.name == after.name),
            (Field.EMAIL, before.email == after.email),
            (Field.DEPARTMENT, before.department == after.department),
            (Field.MANAGER, before.manager_id == after.manager_id),
        )
        if not same
    ]
    return {
        "before": {name: pair[0] for name, pair in differing.items()},
        "after": {**{name: pair[1] for name, pair in differing.items()}, "fields": ", ".join(fields)},
    }


def person_of(row: Any) -> Person:
    """An entry from a row of the person table."""
    details = Details(
        name=row.display_name,
        email=row.email,
        department=row.department,
        manager_id=row.manager_id,
        role=Role(row.role),
        status=Status(row.status),
    )
    return Person(row.person_id, details, row.from_account)


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
