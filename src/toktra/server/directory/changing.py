"""Changes of an organisation's directory, whoever asks for them: a page, a file, or its own directory by SCIM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg

from toktra.server.audit import service as audit
from toktra.server.audit.chain import Detail
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection
from toktra.server.devices import administration as devices
from toktra.server.directory.details import Details, Field, InvalidDetail, Person, Status
from toktra.server.directory.rules import check_change, check_owner_remains, under_themselves
from toktra.server.people.ending import end_sign_in
from toktra.server.people.service import SignedIn
from toktra.server.web.access import Role
from toktra.server.web.language import _

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class UnknownPerson(LookupError):
    """There is no such person in this organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a form says about someone; the manager by e-mail, empty for nobody."""

    details: Details
    manager_email: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended when someone left: the devices that were theirs alone, by name."""

    revoked: tuple[str, ...]


class Directory:
    """Changes of one organisation's directory by one actor with the rights of a role, within a transaction."""

    def __init__(self, connection: Connection, tenant_id: UUID, actor: audit.Actor, role: Role) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._actor = actor
        self._role = role

    @classmethod
    def of(cls, connection: Connection, reader: SignedIn) -> Directory:
        """As someone who is signed in."""
        return cls(connection, reader.tenant.tenant_id, reader.actor, reader.role)

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
        check_change(self._role, was, entry.details)
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
            revoked = await devices.revoke_only_of(self._connection, self._tenant_id, [before.person_id], self._actor)
        await self.record(Tag.PERSON_CHANGED, before.person_id, **changed(before.details, after))
        return Ended(tuple(revoked))

    async def record(
        self, tag: Tag, subject_id: UUID, *, before: Detail | None = None, after: Detail | None = None
    ) -> None:
        await audit.record(
            self._connection, self._tenant_id, tag, self._actor, subject_id=subject_id, before=before, after=after
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
