"""Sessions: started when someone proves who they are, given a new token whenever what they may do changes, ended.

A session is a row here and a random token in one browser. Where or with what someone signs in is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.signed_in import SignedIn
from toktra.server.people.tokens import Token
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role

IDLE_LIMIT: Final = timedelta(hours=12)
"""Unused for so long, a session ends."""
ABSOLUTE_LIMIT: Final = timedelta(days=7)
"""A session ends after this long however much it is used."""
FRESH_FOR: Final = timedelta(minutes=5)
"""For so long after someone has proved who they are, nothing sensitive asks again."""

_TOUCH_AFTER: Final = timedelta(minutes=1)
"""How exactly the last visit is known; less would write a row for every request."""

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("sessions.sql"), "apsycopg")


class Method(StrEnum):
    """How someone proved who they are, as stored."""

    LINK = "link"
    PASSKEY = "passkey"
    PASSWORD = "password"  # noqa: S105 - the name of a method
    RECOVERY_CODE = "recovery_code"
    WORK_ACCOUNT = "work_account"


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session as its own holder sees it. Nobody else is shown when someone was here."""

    session_id: UUID
    method: Method
    started_at: datetime
    seen_at: datetime
    """To the minute."""


async def start(connection: Connection, tenant: Tenant, person_id: UUID, role: Role, method: Method) -> Token:
    """Starts a session and answers its token, in the caller's transaction: record last, so call this last."""
    token, tenant_id = Token.new(tenant.slug), tenant.tenant_id
    await _queries.forget_ended_sessions(connection, tenant_id=tenant_id, idle_limit=IDLE_LIMIT)
    await _queries.add_session(
        connection,
        tenant_id=tenant_id,
        token_hash=token.hash,
        person_id=person_id,
        role=role.value,
        method=method.value,
        absolute_limit=ABSOLUTE_LIMIT,
    )
    await audit.record(
        connection, tenant_id, Tag.SESSION_STARTED, Actor.person(person_id, role), after={"method": method.value}
    )
    return token


async def whose_session(database: Database, text: str | None, *, is_activity: bool = True) -> SignedIn | None:
    """Who holds this session; None when it is unknown, ended, or its person or organisation is not active.

    A request that a page makes by itself is no activity: a page left open must not keep someone signed in.
    """
    found = await token_and_tenant(database, text or "")
    if found is None:
        return None
    token, tenant = found
    async with database.tenant(tenant.tenant_id) as connection:
        row = await _queries.find_session(
            connection,
            tenant_id=tenant.tenant_id,
            token_hash=token.hash,
            idle_limit=IDLE_LIMIT,
            touch_after=_TOUCH_AFTER,
            fresh_for=FRESH_FOR,
        )
        if row is None:
            return None
        if row.stale and is_activity:
            await _queries.touch_session(connection, tenant_id=tenant.tenant_id, token_hash=token.hash)
        new_token = None
        if row.role_changed and is_activity:
            new_token = Token.new(tenant.slug)
            await _queries.replace_token(
                connection, tenant_id=tenant.tenant_id, session_id=row.session_id, token_hash=new_token.hash
            )
    return SignedIn(
        tenant, row.person_id, row.display_name, Role(row.role), row.session_id, bool(row.is_fresh), new_token
    )


async def prove_again(connection: Connection, reader: SignedIn, method: Method) -> Token:
    """The reader has proved again who they are: the session is fresh, under the new token that this answers."""
    token, tenant_id = Token.new(reader.tenant.slug), reader.tenant.tenant_id
    await _queries.make_fresh(
        connection,
        tenant_id=tenant_id,
        session_id=reader.session_id,
        token_hash=token.hash,
        method=method.value,
    )
    await audit.record(connection, tenant_id, Tag.SESSION_CONFIRMED, reader.actor, after={"method": method.value})
    return token


async def own_sessions(database: Database, reader: SignedIn) -> list[OwnSession]:
    """The reader's sessions that have not ended, the last used first."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        rows = _queries.sessions_of(connection, tenant_id=tenant_id, person_id=reader.person_id, idle_limit=IDLE_LIMIT)
        return [OwnSession(row.session_id, Method(row.method), row.created_at, row.seen_at) async for row in rows]


async def end_session(database: Database, text: str | None) -> None:
    """Ends a session. One that does not exist has ended already."""
    found = await token_and_tenant(database, text or "")
    if found is None:
        return
    token, tenant = found
    async with database.tenant(tenant.tenant_id) as connection:
        await _queries.end_session(connection, tenant_id=tenant.tenant_id, token_hash=token.hash)


async def end_own(database: Database, reader: SignedIn, session_id: UUID) -> None:
    """Ends one of the reader's sessions. Nobody else's has such an id, so another's stays."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        ended = await _queries.end_one(
            connection, tenant_id=tenant_id, person_id=reader.person_id, session_id=session_id
        )
        await _record_end(connection, reader, reader.person_id, ended)


async def end_others(connection: Connection, reader: SignedIn) -> int:
    """Ends every session of the reader but the one they are in, and answers how many that were."""
    ended: int = await _queries.end_all_but(
        connection, tenant_id=reader.tenant.tenant_id, person_id=reader.person_id, session_id=reader.session_id
    )
    await _record_end(connection, reader, reader.person_id, ended)
    return ended


async def end_all_of(connection: Connection, reader: SignedIn, person_id: UUID) -> int:
    """Ends every session of a person, by someone who may, and answers how many that were."""
    ended: int = await _queries.end_all_but(
        connection, tenant_id=reader.tenant.tenant_id, person_id=person_id, session_id=None
    )
    await _record_end(connection, reader, person_id, ended)
    return ended


async def _record_end(connection: Connection, reader: SignedIn, person_id: UUID, ended: int) -> None:
    if ended:
        await audit.record(
            connection,
            reader.tenant.tenant_id,
            Tag.SESSIONS_ENDED,
            reader.actor,
            subject_id=person_id,
            after={"sessions": ended},
        )


async def token_and_tenant(database: Database, text: str) -> tuple[Token, Tenant] | None:
    """The token a text stands for and its organisation; None unless both are there and the organisation is active."""
    token = Token.parse(text)
    tenant = await find_tenant(database, token.slug) if token else None
    return (token, tenant) if token and tenant and tenant.active else None
