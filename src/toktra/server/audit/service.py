"""Writing to the trail, reading it, and checking it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

import aiosql
from psycopg.types.json import Jsonb

from toktra.server.audit.chain import START, Broken, Check, Detail, Entry, Head, hash_of
from toktra.server.audit.tags import ABOUT_A_PERSON, CARRIES, NEEDS_REASON, Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.web.access import Role

MOST_REASON: Final = 200
LEAST_REASON: Final = 5
_READ_AT_ONCE: Final = 1000

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters and those that turn the direction of text, with which one reason could pass for another."""

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class NotRecordable(ValueError):
    """This cannot be an entry: a mistake of the program, not of a person."""


class ReasonNotUsable(ValueError):
    """Not a reason that can stand in the trail: too short, too long, or not plain text."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a person in their role, a program for them, a command on the server's machine, or the server."""

    kind: str
    person_id: UUID | None = None
    role: str | None = None
    command: str | None = None

    @classmethod
    def person(cls, person_id: UUID, role: Role) -> Self:
        return cls("person", person_id=person_id, role=role.value)

    @classmethod
    def program(cls, person_id: UUID, role: Role, name: str) -> Self:
        """A program that acts for a person by the public API; `name` is what its maker called it."""
        return cls("program", person_id=person_id, role=role.value, command=name)

    @classmethod
    def by_command(cls, name: str) -> Self:
        """`name` as it is typed after `toktra`: "server sign-in-link"."""
        return cls("command", command=name)

    @classmethod
    def system(cls) -> Self:
        return cls("system")


async def record(
    connection: Connection,
    tenant_id: UUID,
    tag: Tag,
    actor: Actor,
    *,
    subject_id: UUID | None = None,
    reason: str | None = None,
    before: Detail | None = None,
    after: Detail | None = None,
) -> Head:
    """Adds an entry within the caller's transaction: what is done and its entry come to be together or not at all.

    From here until that transaction ends, others who record for this organisation wait. So record last.
    Raises NotRecordable.
    """
    if tag in NEEDS_REASON and not reason:
        raise NotRecordable(f"{tag} needs a reason")
    unlisted = ({*(before or {}), *(after or {})}) - CARRIES[tag]
    if unlisted:
        raise NotRecordable(f"{tag} cannot carry {', '.join(sorted(unlisted))}")
    await _queries.wait_for_turn(connection, tenant_id=tenant_id)
    newest = await _queries.newest(connection, tenant_id=tenant_id)
    at: datetime = await _queries.now(connection)
    entry = Entry(
        tenant_id=tenant_id,
        number=newest.number + 1 if newest else 1,
        at=at,
        tag=tag.value,
        actor=actor.kind,
        actor_id=actor.person_id,
        actor_role=actor.role,
        command=actor.command,
        subject_id=subject_id,
        reason=reason,
        before=before,
        after=after,
        previous_hash=bytes(newest.hash) if newest else START,
        hash=b"",
    )
    entry = replace(entry, hash=hash_of(entry, entry.previous_hash))
    await _queries.add(connection, **(asdict(entry) | {"before": _json(before), "after": _json(after)}))
    return Head(entry.number, entry.hash)


async def record_once(
    connection: Connection, tenant_id: UUID, tag: Tag, actor: Actor, *, subject_id: UUID, since: datetime
) -> None:
    """Adds an entry unless this person did the same to the same person after `since`: a page read twice is one look."""
    of = {"tenant_id": tenant_id, "tag": tag.value, "actor_id": actor.person_id, "subject_id": subject_id}
    if not await _queries.was_noted(connection, **of, since=since):
        await record(connection, tenant_id, tag, actor, subject_id=subject_id)


def usable_reason(text: str) -> str:
    """A reason as it is kept: on one line, without spaces around. Raises ReasonNotUsable."""
    reason = " ".join(text.split())
    if not LEAST_REASON <= len(reason) <= MOST_REASON or _CONTROL.search(reason):
        raise ReasonNotUsable
    return reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which entries; None stands for all."""

    tag: Tag | None = None
    words: str | None = None
    """Part of a reason or of a command."""
    people: tuple[UUID, ...] | None = None
    """Any of them did it, or it was done to any of them."""
    first: date | None = None
    last: date | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        escaped = re.sub(r"([\\%_])", r"\\\1", self.words) if self.words else None
        people = None if self.people is None else list(self.people)
        return {**asdict(self), "words": f"%{escaped}%" if escaped else None, "people": people}


async def count(database: Database, tenant_id: UUID, search: Search) -> int:
    """How many entries a search finds."""
    async with database.tenant(tenant_id) as connection:
        number: int = await _queries.count_found(connection, tenant_id=tenant_id, **search.parameters)
    return number


async def find(database: Database, tenant_id: UUID, search: Search, *, offset: int, most: int) -> list[Entry]:
    """Entries, newest first."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.search(
            connection, tenant_id=tenant_id, **search.parameters, below=None, offset=offset, most=most
        )
        return [_entry(row) async for row in rows]


async def find_below(
    database: Database, tenant_id: UUID, search: Search, *, below: int | None, most: int
) -> list[Entry]:
    """Entries with a number below this one, newest first; None for the newest."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.search(connection, tenant_id=tenant_id, **search.parameters, below=below, offset=0, most=most)
        return [_entry(row) async for row in rows]


async def find_all(
    database: Database, tenant_id: UUID, search: Search, *, up_to: int
) -> AsyncIterator[Sequence[Entry]]:
    """All entries up to a number, newest first, some at a time: none keeps a connection while a slow reader reads."""
    below = up_to + 1
    while below > 1:
        async with database.tenant(tenant_id) as connection:
            rows = _queries.search(
                connection, tenant_id=tenant_id, **search.parameters, below=below, offset=0, most=_READ_AT_ONCE
            )
            entries = [_entry(row) async for row in rows]
        if not entries:
            return
        yield entries
        below = entries[-1].number


async def head(database: Database, tenant_id: UUID) -> Head | None:
    """The newest entry; None while there is none."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.newest(connection, tenant_id=tenant_id)
    return Head(row.number, bytes(row.hash)) if row else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking a trail came to: `head` is the newest entry that holds, `broken` the first that does not."""

    head: Head | None
    broken: Broken | None


async def verify(database: Database, tenant_id: UUID, expected: Head | None = None) -> Verdict:
    """Reads the whole trail and checks each entry against the one before it, and against an earlier head."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.began_after(connection, tenant_id=tenant_id)
    check = Check(expected, after=Head(row.number, bytes(row.hash)) if row else None)
    if check.broken:
        return Verdict(None, check.broken)
    number = 1
    while True:
        async with database.tenant(tenant_id) as connection:
            rows = _queries.entries_from(connection, tenant_id=tenant_id, number=number, most=_READ_AT_ONCE)
            entries = [_entry(row) async for row in rows]
        if not entries:
            return Verdict(check.head, check.finish())
        for entry in entries:
            if broken := check.add(entry):
                return Verdict(check.head, broken)
        number = entries[-1].number + 1


async def oldest(connection: Connection, *, tenant_id: UUID) -> date | None:
    """The day (UTC) of the oldest entry."""
    day: date | None = await _queries.oldest(connection, tenant_id=tenant_id)
    return day


async def count_before(connection: Connection, *, tenant_id: UUID, day: date) -> int:
    """How many entries are older than a day (UTC)."""
    number: int = await _queries.count_before(connection, tenant_id=tenant_id, day=day)
    return number


async def cut(connection: Connection, tenant_id: UUID, before: date) -> int:
    """Ends the time of entries before a day (UTC), and says so in an entry; how many they were.

    None goes while anybody's data is held by law, and none of the last 731 days: the database sees to both.
    """
    number: int = await _queries.cut(connection, tenant_id=tenant_id, day=before)
    if number:
        after: Detail = {"before": before.isoformat(), "entries": number}
        await record(connection, tenant_id, Tag.AUDIT_CUT, Actor.system(), after=after)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """What a person may know about an entry of which they are the subject: what, when, in which role and why."""

    at: datetime
    tag: Tag
    is_own: bool
    """Whether they did it themself."""
    role: Role | None
    """The role in which someone else did it; None for a command."""
    command: str | None
    """The command; beside a role, the program that did it for somebody in that role."""
    reason: str | None
    after: Detail


async def look_ups(
    database: Database, tenant_id: UUID, person_id: UUID, *, offset: int, most: int
) -> tuple[list[LookUp], int]:
    """Who looked at this person's figures, newest first, and how often in all. It does not say who by name."""
    tags = [tag.value for tag in ABOUT_A_PERSON]
    of = {"tenant_id": tenant_id, "person_id": person_id, "tags": tags}
    async with database.tenant(tenant_id) as connection:
        found = [_look_up(row) async for row in _queries.about(connection, **of, offset=offset, most=most)]
        return found, await _queries.count_about(connection, **of)


def _look_up(row: Any) -> LookUp:
    return LookUp(
        at=row.at.astimezone(UTC),
        tag=Tag(row.tag),
        is_own=bool(row.is_own),
        role=Role(row.actor_role) if row.actor_role else None,
        command=row.command,
        reason=row.reason,
        after=row.after or {},
    )


def _entry(row: Any) -> Entry:
    return Entry(**(row._asdict() | {"previous_hash": bytes(row.previous_hash), "hash": bytes(row.hash)}))


def _json(detail: Detail | None) -> Jsonb | None:
    return None if detail is None else Jsonb(dict(detail))
