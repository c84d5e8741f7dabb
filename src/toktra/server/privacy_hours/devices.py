"""What a device asks and is told. See `toktra.wire.portal` for why all of it has a fixed size."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiosql
import msgspec

from toktra.server.database.pool import Database
from toktra.server.privacy_hours import agreement
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.wire.portal import (
    MOST_ACCOUNTS,
    AccountStanding,
    AccountWeek,
    WeeksAnswer,
    WeeksQuestion,
    answer_bytes,
    filled,
)
from toktra.wire.schedule import Schedule
from toktra.wire.signatures import KeyId

NEWEST_BELIEVED: Final = 2**50
"""A device that claims to know a later version is not believed: there would be no room for a newer one."""

_own: Final[Any] = aiosql.from_path(Path(__file__).with_name("own.sql"), "apsycopg")
_known: Final[Any] = aiosql.from_path(Path(__file__).with_name("known.sql"), "apsycopg")


class DeviceRefused(Exception):
    """Nothing is told to this device. `outcome` is unknown_device, revoked or suspended."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


async def answer(database: Database, own: OwnDatabase | None, key: KeyId, question: WeeksQuestion) -> bytes:
    """What a device is told, in bytes. `key` is whose signature was verified. Raises DeviceRefused."""
    await _note(database, key, question)
    in_force = await agreement.in_force(database, key.tenant)
    weeks: tuple[AccountWeek, ...] = ()
    accounts = 1
    if own is not None:
        accounts, weeks = await _weeks(own, key, question)
    message = WeeksAnswer(
        agreement_version=in_force.version, agreement=in_force.schedule if in_force.version else None, weeks=weeks
    )
    return filled(message, answer_bytes(accounts))


async def _note(database: Database, key: KeyId, question: WeeksQuestion) -> None:
    """That the device asks, once, and that Privacy Hours are in use on it, once."""
    of = {"tenant_id": key.tenant, "device_id": key.device}
    async with database.tenant(key.tenant) as connection:
        row = await _known.may_ask(connection, **of)
        if row is None:
            raise DeviceRefused("unknown_device")
        if row.device != "active" or row.tenant != "active":
            raise DeviceRefused("revoked" if row.device != "active" else "suspended")
        if not row.has_asked or (question.in_use and row.in_use_on is None):
            today = datetime.now(UTC).date()
            await _known.note_asked(connection, **of, in_use_on=today if question.in_use else None)


async def _weeks(own: OwnDatabase, key: KeyId, question: WeeksQuestion) -> tuple[int, tuple[AccountWeek, ...]]:
    """How many accounts the device has, and the weeks whose turn it is."""
    of = {"tenant_id": key.tenant, "device_id": key.device}
    async with own.of_device(key) as connection:
        for one in question.standings:
            await _note_standing(connection, of, one)
        accounts: int = await _own.accounts_of_device(connection)
        waiting: int = await _own.weeks_waiting_for_device(connection, **of)
        turns = max(1, -(-waiting // MOST_ACCOUNTS))
        rows = _own.weeks_for_device(connection, **of, skip=MOST_ACCOUNTS * (question.turn % turns), most=MOST_ACCOUNTS)
        weeks = [
            AccountWeek(account=row.name, version=row.version, schedule=msgspec.convert(row.schedule, Schedule))
            async for row in rows
        ]
    return accounts, tuple(weeks)


async def _note_standing(connection: Any, of: dict[str, Any], one: AccountStanding) -> None:
    if one.version <= NEWEST_BELIEVED:
        await _own.note_standing(connection, **of, account=one.account, version=one.version, standing=one.standing)
