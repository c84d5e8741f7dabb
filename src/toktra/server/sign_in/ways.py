"""Which ways in a person has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("ways.sql"), "apsycopg")


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """A passkey as its owner sees it."""

    passkey_id: UUID
    name: str
    added_on: date
    used_on: date | None


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways in of one person, beside one-time links."""

    passkeys: tuple[OwnPasskey, ...]
    password_set_on: date | None
    recovery_codes_left: int
    work_account: str | None
    """The issuer of the organisation's sign-in where they are connected."""

    @property
    def can_confirm(self) -> bool:
        """Whether there is a way to prove again who they are."""
        return bool(self.passkeys or self.password_set_on or self.work_account)

    @property
    def needs_codes(self) -> bool:
        """Whether losing one thing would shut them out."""
        return bool(self.passkeys or self.password_set_on) and self.recovery_codes_left == 0


async def ways_of(connection: Connection, tenant_id: UUID, person_id: UUID) -> Ways:
    """What a person has set up. A work account counts while its provider is the organisation's."""
    of = {"tenant_id": tenant_id, "person_id": person_id}
    passkeys = [
        OwnPasskey(row.passkey_id, row.name, row.added_on, row.used_on)
        async for row in _queries.passkeys(connection, **of)
    ]
    row = await _queries.others(connection, **of)
    return Ways(tuple(passkeys), row.password_set_on, row.recovery_codes_left, row.work_account)


async def forget_ways(connection: Connection, tenant_id: UUID, person_ids: list[UUID]) -> None:
    """Takes every way in from people who have left; should they come back, they begin with a new link."""
    for forget in (
        _queries.forget_passkeys,
        _queries.forget_passwords,
        _queries.forget_recovery_codes,
        _queries.forget_work_accounts,
        _queries.forget_attempts,
    ):
        await forget(connection, tenant_id=tenant_id, person_ids=person_ids)
