"""What was begun here and must come back within minutes, once: kept on the server, found by a secret that comes back.

A passkey's challenge, a journey to the organisation's sign-in, an authenticator app that is being set up. Whatever
comes back a second time, too late, for another purpose or for another person finds nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
from psycopg.types.json import Jsonb

from toktra.server.database.pool import Connection

VALID_FOR: Final = timedelta(minutes=10)

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("attempts.sql"), "apsycopg")


class Purpose(StrEnum):
    """What an attempt is for, as stored."""

    PASSKEY_SIGN_IN = "passkey:sign-in"
    PASSKEY_CONFIRM = "passkey:confirm"
    PASSKEY_ADD = "passkey:add"
    PASSWORD_SET = "password:set"  # noqa: S105 - the name of a purpose
    SSO = "sso"


async def begin(
    connection: Connection,
    tenant_id: UUID,
    purpose: Purpose,
    *,
    person_id: UUID | None = None,
    kept: Mapping[str, str] | None = None,
) -> str:
    """The secret of a new attempt: 256 random bits, of which the database holds the hash."""
    secret = secrets.token_urlsafe(32)
    await _queries.forget_expired(connection, tenant_id=tenant_id)
    await _queries.add(
        connection,
        tenant_id=tenant_id,
        attempt_hash=_hash(secret),
        purpose=purpose.value,
        person_id=person_id,
        kept=Jsonb(dict(kept or {})),
        valid_for=VALID_FOR,
    )
    return secret


async def look(
    connection: Connection, tenant_id: UUID, purpose: Purpose, secret: str, *, person_id: UUID | None = None
) -> dict[str, str] | None:
    """What was kept with the attempt, which stays; None when there is none."""
    row = await _queries.look(connection, **_which(tenant_id, purpose, secret, person_id))
    return dict(row.kept) if row else None


async def take(
    connection: Connection, tenant_id: UUID, purpose: Purpose, secret: str, *, person_id: UUID | None = None
) -> dict[str, str] | None:
    """What was kept with the attempt, which is over now; None when there is none. Of two who take it one gets it."""
    row = await _queries.take(connection, **_which(tenant_id, purpose, secret, person_id))
    return dict(row.kept) if row else None


def _which(tenant_id: UUID, purpose: Purpose, secret: str, person_id: UUID | None) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "attempt_hash": _hash(secret),
        "purpose": purpose.value,
        "person_id": person_id,
    }


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
