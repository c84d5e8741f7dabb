"""Erases a person in one transaction: afterwards all of it is gone, or nothing was touched. Safe to repeat.

What stays: the request itself and the entries of the audit trail, which name the person by a number that stands for
nobody any more, and that number on the list of those erased, which is replayed when a backup is restored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from toktra.server.database.pool import Connection
from toktra.server.devices.erasing import erase_from_devices, lock_devices_of, unnamed_of
from toktra.server.ingest.erasing import erase_usage
from toktra.server.people.erasing import erase_person
from toktra.server.people.names import email_at_any_time
from toktra.server.rights.mailed.links import queries as links
from toktra.server.rights.requests import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, in numbers."""

    events: int
    devices: int
    was_there: bool
    """False when the person had been erased before."""


async def erase(connection: Connection, tenant_id: UUID, person_id: UUID, request_id: UUID) -> Erased:
    """Within the caller's transaction. What their devices send from now on is recorded of nobody."""
    of = {"tenant_id": tenant_id, "person_id": person_id}
    devices = await lock_devices_of(connection, tenant_id, person_id)
    await queries.stop_recording(connection, **of, cause="erasure", request_id=request_id)
    events = await erase_usage(connection, tenant_id, person_id)
    for unnamed in await unnamed_of(connection, tenant_id, person_id):  # theirs too, by their own word
        events += await erase_usage(connection, tenant_id, unnamed)
        await erase_person(connection, tenant_id, unnamed)
    ended = await erase_from_devices(connection, tenant_id, person_id, devices)
    await queries.forget_words(connection, **of)
    await queries.forget_notes(connection, **of)
    await queries.forget_copies(connection, **of)
    address = await email_at_any_time(connection, tenant_id, person_id)
    await links.forget_of_person(connection, **of, address=address)
    await links.forget_asked_from(connection, **of, address=address)
    was_there = await erase_person(connection, tenant_id, person_id)
    return Erased(events=events, devices=ended, was_there=was_there)


async def erased_people(connection: Connection, tenant_id: UUID) -> list[tuple[UUID, UUID]]:
    """The list of those erased: each person's number, and their request's."""
    return [(row.person_id, row.request_id) async for row in queries.erased(connection, tenant_id=tenant_id)]


async def erase_again(
    connection: Connection, tenant_id: UUID, listed: Sequence[tuple[UUID, UUID]] = ()
) -> list[Erased]:
    """Everyone on this list and on the database's own, for a database that was restored from a backup."""
    people = dict([*listed, *await erased_people(connection, tenant_id)])
    return [await erase(connection, tenant_id, person_id, people[person_id]) for person_id in sorted(people)]
