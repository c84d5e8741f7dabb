"""What a group means here: nothing until an administrator says so, then a role or a department.

A group gives a role, and takes back only what it gave: a role that an owner gave by hand stays. Owners are not touched,
and no group makes one. Of several roles the first of `PRECEDENCE` counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection
from toktra.server.directory.changing import Directory
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


class UnknownGroup(LookupError):
    """There is none with this id."""


class Meanings:
    """The groups of one organisation and what they give their members, within a transaction."""

    def __init__(self, connection: Connection, tenant_id: UUID, actor: audit.Actor) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._actor = actor
        self._directory = Directory(connection, tenant_id, actor, Role.OWNER)

    async def wait_for_turn(self) -> None:
        """One change of the directory after the other."""
        await self._directory.wait_for_turn()

    async def listed(self) -> list[ListedGroup]:
        """All groups with their meaning."""
        return [
            ListedGroup(group_id=row.group_id, name=row.display_name, members=len(row.members), means=_means(row))
            for row in await self.rows({})
        ]

    async def give(self, group_id: UUID, means: str) -> None:
        """Says what a group is from now on; its members change with it. Raises UnknownGroup, or ValueError."""
        if means not in MEANINGS:
            raise ValueError(means)
        await self._directory.wait_for_turn()
        former = await self.row(group_id)
        if means == _means(former):
            return
        before = await self.given(former.members)
        await _queries.give_meaning(
            self._connection,
            tenant_id=self._tenant_id,
            group_id=group_id,
            gives_role=None if means in {NOTHING, DEPARTMENT} else means,
            is_department=means == DEPARTMENT,
        )
        await self.follow(former.members, before)
        await audit.record(
            self._connection,
            self._tenant_id,
            Tag.GROUP_CHANGED,
            self._actor,
            before={"group": former.display_name, "means": _means(former)},
            after={"group": former.display_name, "means": means},
        )

    async def follow(self, people: Sequence[UUID], before: Mapping[UUID, Given]) -> None:
        """Gives people what their groups give now and did not before, and takes back what they gave and do not now."""
        now = await self.given(people)
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

    async def given(self, people: Sequence[UUID]) -> dict[UUID, Given]:
        """What their groups give each of them."""
        rows = _queries.given(self._connection, tenant_id=self._tenant_id, people=list(people))
        return {
            row.person_id: Given(
                next((role for role in PRECEDENCE if role.value in (row.roles or ())), None), row.department
            )
            async for row in rows
        }

    async def rows(self, found_by: Mapping[str, str | UUID]) -> list[Any]:
        """All groups, or those an exact look-up finds."""
        rows = _queries.groups(
            self._connection,
            tenant_id=self._tenant_id,
            group_id=found_by.get("id"),
            display_name=found_by.get("display_name"),
            external_id=found_by.get("external_id"),
        )
        return [row async for row in rows]

    async def row(self, group_id: UUID) -> Any:
        """Raises UnknownGroup."""
        rows = await self.rows({"id": group_id})
        if not rows:
            raise UnknownGroup(group_id)
        return rows[0]


def _means(row: Any) -> str:
    return DEPARTMENT if row.is_department else row.gives_role or NOTHING
