"""Groups by SCIM, and what they mean here: nothing until an administrator says so, then a role or a department.

A group gives a role, and takes back only what it gave: a role that an owner gave by hand stays. Owners are not touched,
and no group makes one. Of several roles the first of `PRECEDENCE` counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from scim2_models import InvalidValueException, Meta, NotFoundException, UniquenessException

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection
from toktra.server.directory import details as said
from toktra.server.directory.changing import Directory
from toktra.server.directory.details import InvalidDetail
from toktra.server.scim.finding import an_id
from toktra.server.scim.resources import PREFIX, Group, Member
from toktra.server.scim.users import ACTOR
from toktra.server.web.access import Role

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

PRECEDENCE: Final = (Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.FINANCE)
DEPARTMENT: Final = "department"
NOTHING: Final = "nothing"
MEANINGS: Final = (NOTHING, DEPARTMENT, *(role.value for role in PRECEDENCE))


@dataclass(frozen=True, slots=True)
class Given:
    """What the groups someone is in give them."""

    role: Role | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedGroup:
    """A group as the page of its meaning shows it."""

    group_id: UUID
    name: str
    members: int
    means: str


class Groups:
    """The groups of one organisation, within a transaction."""

    def __init__(self, connection: Connection, tenant_id: UUID, base: str, actor: audit.Actor = ACTOR) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._base = base
        self._actor = actor
        self._directory = Directory(connection, tenant_id, actor, Role.OWNER)

    async def find_all(self, found_by: Mapping[str, str | UUID]) -> list[Group]:
        """All groups, or those an exact look-up finds."""
        return [self._resource(row) for row in await self._rows(found_by)]

    async def find(self, group_id: UUID) -> Group:
        """Raises NotFoundException."""
        return self._resource(await self._row(group_id))

    async def create(self, sent: Group) -> Group:
        """Raises a SCIMException naming the attribute; then nothing was changed."""
        name, people = self._name(sent), await self._people(sent)
        await self._directory.wait_for_turn()
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
        await self._directory.wait_for_turn()
        former = await self._row(group_id)
        affected = sorted({*former.members, *people})
        before = await self._given(affected)
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
        await self._follow(affected, before)
        return await self.find(group_id)

    async def delete(self, group_id: UUID) -> None:
        """And what it gave. Raises NotFoundException."""
        await self._directory.wait_for_turn()
        former = await self._row(group_id)
        before = await self._given(former.members)
        await _queries.delete_group(self._connection, tenant_id=self._tenant_id, group_id=group_id)
        await self._follow(former.members, before)

    async def listed(self) -> list[ListedGroup]:
        """All groups with their meaning."""
        return [
            ListedGroup(group_id=row.group_id, name=row.display_name, members=len(row.members), means=_means(row))
            for row in await self._rows({})
        ]

    async def give_meaning(self, group_id: UUID, means: str) -> None:
        """Says what a group is from now on; its members change with it. Raises NotFoundException, or ValueError."""
        if means not in MEANINGS:
            raise ValueError(means)
        await self._directory.wait_for_turn()
        former = await self._row(group_id)
        if means == _means(former):
            return
        before = await self._given(former.members)
        await _queries.give_meaning(
            self._connection,
            tenant_id=self._tenant_id,
            group_id=group_id,
            gives_role=None if means in {NOTHING, DEPARTMENT} else means,
            is_department=means == DEPARTMENT,
        )
        await self._follow(former.members, before)
        await audit.record(
            self._connection,
            self._tenant_id,
            Tag.GROUP_CHANGED,
            self._actor,
            before={"group": former.display_name, "means": _means(former)},
            after={"group": former.display_name, "means": means},
        )

    async def _follow(self, people: Sequence[UUID], before: Mapping[UUID, Given]) -> None:
        """Gives people what their groups give now and did not before, and takes back what they gave and do not now."""
        now = await self._given(people)
        for person_id in people:
            was, has = before.get(person_id, Given()), now.get(person_id, Given())
            if was == has:
                continue
            person = await self._directory.find(person_id)
            after = person.details
            if was.role is not has.role and after.role is not Role.OWNER and after.role in {was.role, Role.EMPLOYEE}:
                after = replace(after, role=has.role or Role.EMPLOYEE)
            if was.department != has.department and (has.department or after.department == was.department):
                after = replace(after, department=has.department)
            await self._directory.change(person, after)

    async def _given(self, people: Sequence[UUID]) -> dict[UUID, Given]:
        rows = _queries.given(self._connection, tenant_id=self._tenant_id, people=list(people))
        return {
            row.person_id: Given(
                next((role for role in PRECEDENCE if role.value in (row.roles or ())), None), row.department
            )
            async for row in rows
        }

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

    async def _rows(self, found_by: Mapping[str, str | UUID]) -> list[Any]:
        rows = _queries.groups(
            self._connection,
            tenant_id=self._tenant_id,
            group_id=found_by.get("id"),
            display_name=found_by.get("display_name"),
            external_id=found_by.get("external_id"),
        )
        return [row async for row in rows]

    async def _row(self, group_id: UUID) -> Any:
        rows = await self._rows({"id": group_id})
        if not rows:
            raise NotFoundException(detail=f"there is no group {group_id}")
        return rows[0]

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


def _means(row: Any) -> str:
    return DEPARTMENT if row.is_department else row.gives_role or NOTHING
