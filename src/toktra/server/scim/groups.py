"""Groups by SCIM; their members change with what they mean (`meanings.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from scim2_models import InvalidValueException, Meta, NotFoundException, UniquenessException

from toktra.server.database.pool import Connection
from toktra.server.directory import details as said
from toktra.server.directory.details import InvalidDetail
from toktra.server.scim.finding import an_id
from toktra.server.scim.meanings import Meanings, UnknownGroup
from toktra.server.scim.resources import Group, Member
from toktra.server.scim.served import PREFIX
from toktra.server.scim.users import ACTOR

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class Groups:
    """The groups of one organisation, within a transaction."""

    def __init__(self, connection: Connection, tenant_id: UUID, base: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._base = base
        self._meanings = Meanings(connection, tenant_id, ACTOR)

    async def find_all(self, found_by: Mapping[str, str | UUID]) -> list[Group]:
        """All groups, or those an exact look-up finds."""
        return [self._resource(row) for row in await self._meanings.rows(found_by)]

    async def find(self, group_id: UUID) -> Group:
        """Raises NotFoundException."""
        return self._resource(await self._row(group_id))

    async def create(self, sent: Group) -> Group:
        """Raises a SCIMException naming the attribute; then nothing was changed."""
        name, people = self._name(sent), await self._people(sent)
        await self._meanings.wait_for_turn()
        try:
            group_id = await _queries.add_group(
                self._connection, tenant_id=self._tenant_id, display_name=name, external_id=sent.external_id
            )
        except psycopg.errors.UniqueViolation:
            raise UniquenessException(detail=f"displayName: there is a group {name} already") from None
        await self._set_members(group_id, people)
        return await self.find(group_id)

    async def replace(self, group_id: UUID, sent: Group) -> Group:
        """Makes the group what `sent` says, and its members what it gives. Raises as `create` and NotFoundException."""
        name, people = self._name(sent), await self._people(sent)
        await self._meanings.wait_for_turn()
        former = await self._row(group_id)
        affected = sorted({*former.members, *people})
        before = await self._meanings.given(affected)
        try:
            await _queries.change_group(
                self._connection,
                tenant_id=self._tenant_id,
                group_id=group_id,
                display_name=name,
                external_id=sent.external_id,
            )
        except psycopg.errors.UniqueViolation:
            raise UniquenessException(detail=f"displayName: there is a group {name} already") from None
        await self._set_members(group_id, people)
        await self._meanings.follow(affected, before)
        return await self.find(group_id)

    async def delete(self, group_id: UUID) -> None:
        """And what it gave. Raises NotFoundException."""
        await self._meanings.wait_for_turn()
        former = await self._row(group_id)
        before = await self._meanings.given(former.members)
        await _queries.delete_group(self._connection, tenant_id=self._tenant_id, group_id=group_id)
        await self._meanings.follow(former.members, before)

    async def _people(self, sent: Group) -> list[UUID]:
        """The members' ids. Raises InvalidValueException for one that is nobody's."""
        asked = {str(member.value): an_id(str(member.value)) for member in sent.members or () if member.value}
        ids = [person_id for person_id in asked.values() if person_id]
        rows = _queries.known(self._connection, tenant_id=self._tenant_id, people=ids)
        known = {row.person_id async for row in rows}
        for text, person_id in asked.items():
            if person_id not in known:
                raise InvalidValueException(detail=f"members.value: there is no user {text}")
        return sorted(known)

    async def _set_members(self, group_id: UUID, people: list[UUID]) -> None:
        of = {"tenant_id": self._tenant_id, "group_id": group_id, "people": people}
        await _queries.clear_members(self._connection, **of)
        await _queries.add_members(self._connection, **of)

    async def _row(self, group_id: UUID) -> Any:
        try:
            return await self._meanings.row(group_id)
        except UnknownGroup:
            raise NotFoundException(detail=f"there is no group {group_id}") from None

    def _name(self, sent: Group) -> str:
        """A department may be called so, whatever the group means today."""
        if sent.external_id is not None and not 0 < len(sent.external_id) <= said.LONGEST_NAME:
            raise InvalidValueException(detail=f"externalId: give 1 to {said.LONGEST_NAME} characters")
        try:
            name = said.department(sent.display_name or "")
        except InvalidDetail as error:
            raise InvalidValueException(detail=f"displayName: {error.reason}") from None
        if name is None:
            raise InvalidValueException(detail="displayName: say what this group is called")
        return name

    def _resource(self, row: Any) -> Group:
        return Group(
            id=str(row.group_id),
            external_id=row.external_id,
            display_name=row.display_name,
            members=[
                Member.model_validate({"value": str(one), "$ref": f"{self._base}{PREFIX}/Users/{one}"})
                for one in row.members
            ]
            or None,
            meta=Meta(
                resource_type="Group",
                last_modified=row.changed_at.astimezone(UTC),
                location=f"{self._base}{PREFIX}/Groups/{row.group_id}",
            ),
        )
