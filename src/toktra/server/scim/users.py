"""People by SCIM: found, added, changed and let go, by the rules of the directory room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from scim2_models import InvalidValueException, Meta, NotFoundException, UniquenessException

from toktra.server.audit.service import Actor
from toktra.server.database.pool import Connection
from toktra.server.directory import details as said
from toktra.server.directory.changing import Directory, Entry, UnknownPerson, person_of
from toktra.server.directory.details import Details, Field, InvalidDetail, Person, Status
from toktra.server.scim.resources import UserEmail, Work, WorkingUser
from toktra.server.scim.served import PREFIX
from toktra.server.web.access import Role

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

ACTOR: Final = Actor.system()
_LONGEST_EXTERNAL_ID: Final = 200
_ATTRIBUTES: Final[Mapping[Field, str]] = {
    Field.NAME: "displayName",
    Field.EMAIL: "emails",
    Field.DEPARTMENT: f"{Work.__schema__}:department",
    Field.MANAGER: "manager",
    Field.ROLE: "roles",
    Field.STATUS: "active",
}


class Users:
    """The users of one organisation, within a transaction."""

    def __init__(self, connection: Connection, tenant_id: UUID, base: str) -> None:
        """`base` is the address before /scim/v2, for the locations in answers."""
        self._connection = connection
        self._tenant_id = tenant_id
        self._base = base
        self.directory = Directory(connection, tenant_id, ACTOR, Role.ADMINISTRATOR)

    async def find_all(self, found_by: Mapping[str, str | UUID]) -> list[Any]:
        """Everyone, or those an exact look-up finds."""
        asked: dict[str, str | UUID | None] = dict.fromkeys(("user_name", "external_id", "email", "person_id"))
        asked |= {"person_id" if name == "id" else name: value for name, value in found_by.items()}
        asked.pop("display_name", None)
        rows = _queries.users(self._connection, tenant_id=self._tenant_id, **asked)
        return [self._resource(row) async for row in rows]

    async def find(self, person_id: UUID) -> Any:
        """Raises NotFoundException."""
        found = await self.find_all({"id": person_id})
        if not found:
            raise NotFoundException(detail=f"there is no user {person_id}")
        return found[0]

    async def create(self, sent: Any) -> Any:
        """Raises a SCIMException naming the attribute; then nothing was changed."""
        await self.directory.wait_for_turn()
        await self._check_user_name(sent.user_name, None)
        wanted = self._details(sent, None)
        former = wanted.email and await _queries.left_with_email(
            self._connection, tenant_id=self._tenant_id, email=wanted.email
        )
        if former:  # deleted there and now there again: the same person
            await self._set_names(former, sent)
            return await self._change(await self.directory.find(former), wanted)
        try:
            entry = Entry(details=replace(wanted, status=Status.ACTIVE), manager_email="")
            person_id = await self.directory.add(await self.directory.checked(None, entry))
        except InvalidDetail as error:
            raise refusal_of(error) from None
        await self._set_names(person_id, sent)
        return await self._change(await self.directory.find(person_id), wanted)

    async def replace(self, person_id: UUID, sent: Any) -> Any:
        """Makes the person what `sent` says. Raises a SCIMException naming the attribute; then nothing was changed."""
        await self.directory.wait_for_turn()
        before = await self._person(person_id)
        await self._check_user_name(sent.user_name, person_id)
        wanted = self._details(sent, before)
        await self._set_names(person_id, sent)
        return await self._change(before, wanted)

    async def delete(self, person_id: UUID) -> None:
        """They have left: sign-in and their own devices end at once. What was recorded stays.

        Raises NotFoundException, or InvalidValueException for an owner.
        """
        await self.directory.wait_for_turn()
        before = await self._person(person_id)
        await self._change(before, replace(before.details, status=Status.INACTIVE))
        await _queries.set_names(
            self._connection, tenant_id=self._tenant_id, person_id=person_id, user_name=None, external_id=None
        )

    async def _change(self, before: Person, wanted: Details) -> Any:
        if before.details.role is Role.OWNER and wanted.status is not before.details.status:
            raise InvalidValueException(detail="active: an owner leaves only by the decision of an owner on this site")
        try:
            entry = Entry(details=replace(wanted, status=before.details.status), manager_email="")
            checked = await self.directory.checked(before, entry)
            kept = replace(checked, status=wanted.status, manager_id=before.details.manager_id)
            await self.directory.change(before, kept)
        except InvalidDetail as error:
            raise refusal_of(error) from None
        return await self.find(before.person_id)

    async def _person(self, person_id: UUID) -> Person:
        await self.find(person_id)
        try:
            return await self.directory.find(person_id)
        except UnknownPerson:
            raise NotFoundException(detail=f"there is no user {person_id}") from None

    async def _check_user_name(self, user_name: str, person_id: UUID | None) -> None:
        if not user_name or len(user_name) > said.LONGEST_EMAIL or not user_name.isprintable():
            raise InvalidValueException(detail=f"userName: give 1 to {said.LONGEST_EMAIL} characters")
        taken = await self.find_all({"user_name": user_name})
        if any(one.id != str(person_id) for one in taken):
            raise UniquenessException(detail=f"userName: {user_name} is another user's")

    async def _set_names(self, person_id: UUID, sent: Any) -> None:
        if sent.external_id is not None and not 0 < len(sent.external_id) <= _LONGEST_EXTERNAL_ID:
            raise InvalidValueException(detail=f"externalId: give 1 to {_LONGEST_EXTERNAL_ID} characters")
        try:
            await _queries.set_names(
                self._connection,
                tenant_id=self._tenant_id,
                person_id=person_id,
                user_name=sent.user_name,
                external_id=sent.external_id,
            )
        except psycopg.errors.UniqueViolation:
            raise UniquenessException(detail=f"userName: {sent.user_name} is another user's") from None

    def _details(self, sent: Any, before: Person | None) -> Details:
        """What is said about the person, as the directory keeps it."""
        work = sent[Work]
        try:
            return Details(
                name=said.name(sent.display_name or sent.user_name),
                email=said.email(_address(sent)),
                department=said.department((work.department if work else None) or ""),
                manager_id=before.details.manager_id if before else None,
                role=before.details.role if before else Role.EMPLOYEE,
                status=Status.INACTIVE if sent.active is False else Status.ACTIVE,
            )
        except InvalidDetail as error:
            raise refusal_of(error) from None

    def _resource(self, row: Any) -> Any:
        person = person_of(row)
        details = person.details
        user = WorkingUser(
            id=str(person.person_id),
            external_id=row.external_id,
            user_name=row.user_name or details.email or str(person.person_id),
            display_name=details.name,
            active=details.status is Status.ACTIVE,
            emails=[UserEmail(value=details.email, type=UserEmail.Type.work, primary=True)] if details.email else None,
            meta=Meta(
                resource_type="User",
                created=row.created_at.astimezone(UTC),
                location=f"{self._base}{PREFIX}/Users/{person.person_id}",
            ),
        )
        if details.department:
            user[Work] = Work(department=details.department)
        return user


def refusal_of(error: InvalidDetail) -> InvalidValueException:
    """A refusal of the directory, with the attribute's name as SCIM has it."""
    return InvalidValueException(detail=f"{_ATTRIBUTES[error.field]}: {error.reason}")


def _address(sent: Any) -> str:
    """The primary address, or the first; without any, a user name that is one."""
    emails = [email for email in sent.emails or () if email.value]
    chosen = next((email for email in emails if email.primary), emails[0] if emails else None)
    if chosen is not None:
        return str(chosen.value)
    return sent.user_name if "@" in sent.user_name else ""
