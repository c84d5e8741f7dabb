"""Whose a local account is. An account that reports before anyone was named for it gets a made-up person; here it is
given to a real one.

What was recorded while nobody had been named goes along when somebody else says whose it was: it never was anyone
else's. Who takes an account as their own has only what follows; what was recorded before waits for a second person.
What was recorded as a real person's stays theirs, and only what comes later is recorded for the new one: they did not
do it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection
from toktra.server.ingest.moving import move_usage

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("administration.sql"), "apsycopg")


class UnknownAccount(LookupError):
    """There is no such account on this device."""


class AccountTaken(Exception):
    """The account is another real person's."""


async def has_unnamed_records(connection: Connection, tenant_id: UUID, device_id: UUID, name: str) -> bool:
    """Whether this account is nobody's so far and something is recorded under it."""
    found: bool = await _queries.has_unnamed_records(connection, tenant_id=tenant_id, device_id=device_id, name=name)
    return found


async def give_account(
    connection: Connection, tenant_id: UUID, device_id: UUID, name: str, person_id: UUID
) -> UUID | None:
    """Makes an account this person's, within the caller's transaction.

    Answers the made-up person whose records went along, who has no account left; None when there are no records that
    nobody was named for. Raises UnknownAccount.
    """
    of = {"tenant_id": tenant_id, "device_id": device_id}
    if await _queries.lock_device(connection, **of) is None:  # no batch is taken in meanwhile
        raise UnknownAccount
    account = await _queries.find_account(connection, **of, name=name)
    if account is None:
        raise UnknownAccount
    await _queries.give_account(connection, **of, name=name, person_id=person_id, unnamed_id=None)
    former: UUID | None = account.person_id if account.from_account else account.unnamed_id
    if former is None or former == person_id:
        return None
    if await _queries.other_accounts(connection, tenant_id=tenant_id, person_id=former):
        return None  # a made-up person has one account; were there another, its records could not be told apart
    await move_usage(connection, tenant_id, former=former, person_id=person_id)
    return former


async def take_account(connection: Connection, tenant_id: UUID, device_id: UUID, name: str, person_id: UUID) -> None:
    """Makes an account this person's by their own word, within the caller's transaction. Safe to repeat.

    One that never reported is there from now on. Raises UnknownAccount for a device that is not there, or AccountTaken.
    """
    of = {"tenant_id": tenant_id, "device_id": device_id}
    if await _queries.lock_device(connection, **of) is None:
        raise UnknownAccount
    account = await _queries.find_account(connection, **of, name=name)
    if account is None:
        await _queries.add_account(connection, **of, name=name, person_id=person_id)
    elif account.from_account:
        await _queries.give_account(connection, **of, name=name, person_id=person_id, unnamed_id=account.person_id)
    elif account.person_id != person_id:
        raise AccountTaken
