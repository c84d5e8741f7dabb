"""An import of people from upload to decision: the file is kept, its plan shown, and exactly that plan applied."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import aiosql
import psycopg
from psycopg.types.json import Jsonb

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.devices import administration as devices
from toktra.server.directory.changing import changed, person_of
from toktra.server.directory.columns import Column, ColumnsNotUsable, check_columns, guess, read_choice
from toktra.server.directory.csv_reading import WINDOWS_1252, Table, decode, read_table
from toktra.server.directory.details import Details
from toktra.server.directory.planning import Fate, Plan, make_plan
from toktra.server.people.ending import end_sign_in
from toktra.server.people.service import SignedIn

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

_LONGEST_FILE_NAME: Final = 200


class UnknownImport(LookupError):
    """There is no such import of this person's any more: applied, discarded, or more than an hour old."""


class PlanChanged(Exception):
    """What would be written now is not what was shown. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An import as its page shows it."""

    import_id: UUID
    file_name: str
    encoding: str
    table: Table
    columns: dict[Column, int]
    plan: Plan | None
    """None until the columns are usable; `fault` then says what is missing."""
    fault: str = ""

    @property
    def encoding_is_guess(self) -> bool:
        return self.encoding == WINDOWS_1252


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an import wrote."""

    new: int
    changed: int
    refused: int
    left: int
    revoked_devices: int


async def keep(database: Database, reader: SignedIn, file_name: str, content: bytes) -> UUID:
    """Keeps a file for an hour, for this person alone. Raises FileRefused; nothing is kept then."""
    decoded = await asyncio.to_thread(decode, content)
    table = await asyncio.to_thread(read_table, decoded.text)
    shown_name = "".join(sign for sign in file_name if sign.isprintable())[-_LONGEST_FILE_NAME:]
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await _queries.forget_old_imports(connection, tenant_id=tenant_id)
        import_id: UUID = await _queries.keep_import(
            connection,
            tenant_id=tenant_id,
            made_by=reader.person_id,
            file_name=shown_name,
            encoding=decoded.encoding,
            content=decoded.text,
            columns=Jsonb(guess(table.header)),
        )
    return import_id


async def look(database: Database, reader: SignedIn, import_id: UUID) -> Shown:
    """The import over the directory as it is now. Raises UnknownImport."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        return await _shown(connection, reader, import_id)


async def choose_columns(database: Database, reader: SignedIn, import_id: UUID, fields: Mapping[str, str]) -> None:
    """Keeps another choice of columns, usable or not. Raises ColumnsNotUsable for none at all, or UnknownImport."""
    async with database.tenant(reader.tenant.tenant_id) as connection:
        shown = await _shown(connection, reader, import_id)
        columns = read_choice(fields, shown.table.header)
        await _queries.change_columns(
            connection, tenant_id=reader.tenant.tenant_id, import_id=import_id, columns=Jsonb(columns)
        )


async def discard(database: Database, reader: SignedIn, import_id: UUID) -> None:
    """Forgets the file. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await _queries.forget_import(connection, tenant_id=tenant_id, import_id=import_id, made_by=reader.person_id)


async def apply(database: Database, reader: SignedIn, import_id: UUID, digest: str) -> Applied:
    """Writes the plan of this digest, all of it in one transaction, or nothing.

    Raises PlanChanged when the directory or the columns have changed since it was shown, or UnknownImport.
    """
    tenant_id = reader.tenant.tenant_id
    try:
        async with database.tenant(tenant_id) as connection:
            await _queries.wait_for_turn(connection, tenant_id=tenant_id)
            shown = await _shown(connection, reader, import_id)
            if shown.plan is None or shown.plan.digest != digest:
                raise PlanChanged
            await _queries.forget_import(connection, tenant_id=tenant_id, import_id=import_id, made_by=reader.person_id)
            return await _write(connection, reader, shown.plan)
    except psycopg.errors.UniqueViolation:  # sign-in by another way made a person of one of the file's addresses
        raise PlanChanged from None


async def _shown(connection: Connection, reader: SignedIn, import_id: UUID) -> Shown:
    tenant_id = reader.tenant.tenant_id
    row = await _queries.find_import(connection, tenant_id=tenant_id, import_id=import_id, made_by=reader.person_id)
    if row is None:
        raise UnknownImport
    table = await asyncio.to_thread(read_table, row.content)
    columns = {Column(name): place for name, place in row.columns.items()}
    plan, fault = None, ""
    try:
        check_columns(columns)
        people = [person_of(person) async for person in _queries.everyone(connection, tenant_id=tenant_id)]
        plan = await asyncio.to_thread(make_plan, table, columns, people, reader.role)
    except ColumnsNotUsable as error:
        fault = str(error)
    return Shown(
        import_id=row.import_id,
        file_name=row.file_name,
        encoding=row.encoding,
        table=table,
        columns=columns,
        plan=plan,
        fault=fault,
    )


async def _write(connection: Connection, reader: SignedIn, plan: Plan) -> Applied:
    tenant_id = reader.tenant.tenant_id
    new, differing = plan.having(Fate.NEW), plan.having(Fate.CHANGED)
    ids = {row.person_id: uuid4() for row in new}  # a plan's ids of new people follow from their addresses
    entries = [(ids.get(row.person_id, row.person_id), row.after) for row in [*new, *differing] if row.after]
    await _add(connection, tenant_id, [entry for entry in entries if entry[0] in ids.values()])
    await _change(connection, tenant_id, entries, ids)
    leaving = [row.person_id for row in differing if row.leaves and row.person_id]
    switched = [
        row.person_id
        for row in differing
        if row.person_id and row.before and row.after and row.before.status is not row.after.status
    ]
    await end_sign_in(connection, tenant_id, switched)
    revoked = await devices.revoke_only_of(connection, tenant_id, leaving, reader.actor)
    await _record(connection, reader, plan, ids)
    return Applied(
        new=len(new),
        changed=len(differing),
        refused=plan.counts[Fate.REFUSED],
        left=len(leaving),
        revoked_devices=len(revoked),
    )


async def _add(connection: Connection, tenant_id: UUID, entries: Sequence[tuple[UUID | None, Details]]) -> None:
    await _queries.add_many(
        connection,
        tenant_id=tenant_id,
        ids=[person_id for person_id, _details in entries],
        names=[details.name for _id, details in entries],
        emails=[details.email for _id, details in entries],
        departments=[details.department for _id, details in entries],
        roles=[details.role.value for _id, details in entries],
    )


async def _change(
    connection: Connection,
    tenant_id: UUID,
    entries: Sequence[tuple[UUID | None, Details]],
    ids: Mapping[UUID | None, UUID],
) -> None:
    """New people too, once all are there: managers may be among them."""
    managers = [ids.get(details.manager_id, details.manager_id) for _id, details in entries]
    await _queries.change_many(
        connection,
        tenant_id=tenant_id,
        ids=[person_id for person_id, _details in entries],
        names=[details.name for _id, details in entries],
        departments=[details.department for _id, details in entries],
        managers=managers,
        roles=[details.role.value for _id, details in entries],
        statuses=[details.status.value for _id, details in entries],
    )


async def _record(connection: Connection, reader: SignedIn, plan: Plan, ids: Mapping[UUID | None, UUID]) -> None:
    """One entry for the import; and one for everyone who got or lost a role by it, left or came back."""
    tenant_id = reader.tenant.tenant_id
    for row in [*plan.having(Fate.NEW), *plan.having(Fate.CHANGED)]:
        before, after = row.before or Details(name=""), row.after
        if after is None or (before.role, before.status) == (after.role, after.status):
            continue
        tag = Tag.PERSON_CHANGED if row.before else Tag.PERSON_ADDED
        told = changed(before, after) if row.before else {"after": {"role": after.role.value}}
        subject_id = ids.get(row.person_id, row.person_id)
        await audit.record(connection, tenant_id, tag, reader.actor, subject_id=subject_id, **told)
    counts = plan.counts
    await audit.record(
        connection,
        tenant_id,
        Tag.PEOPLE_IMPORTED,
        reader.actor,
        after={"new": counts[Fate.NEW], "changed": counts[Fate.CHANGED], "refused": counts[Fate.REFUSED]},
    )
