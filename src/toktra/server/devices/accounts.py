"""Whose a local account is. An account that reports before anyone was named for it gets a made-up person; here it is
given to a real one.

What was recorded while nobody had been named goes along: it never was anyone else's. What was recorded as a real
person's stays theirs, and only what comes later is recorded for the new one: they did not do it.
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


async def has_unnamed_records(connection: Connection, tenant_id: UUID, device_id: UUID, name: str) -> bool:
    """Whether this account is nobody's so far and something is recorded under it."""
    found: bool = await _queries.has_unnamed_records(connection, tenant_id=tenant_id, device_id=device_id, name=name)
    return found


async def give_account(
    connection: Connection, tenant_id: UUID, device_id: UUID, name: str, person_id: UUID
) -> UUID | None:
    """Makes an account this person's, within the caller's transaction.

    Answers the made-up person whose records went along, who has no account left; None when the account was a real
    person's, or is this person's already. Raises UnknownAccount.
    """
    of = {"tenant_id": tenant_id, "device_id": device_id}
    if await _queries.lock_device(connection, **of) is None:  # no batch is taken in meanwhile
        raise UnknownAccount
    account = await _queries.find_account(connection, **of, name=name)
    if account is None:
        raise UnknownAccount
    if account.person_id == person_id:
        return None
    await _queries.give_account(connection, **of, name=name, person_id=person_id)
    if not account.from_account:
        return None
    if await _queries.other_accounts(connection, tenant_id=tenant_id, person_id=account.person_id):
        return None  # a made-up person has one account; were there another, its records could not be told apart
    former: UUID = account.person_id
    await move_usage(connection, tenant_id, former=former, person_id=person_id)
    return former
