"""In which language an organisation writes where no reader says theirs: letters that jobs send. Of no person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection
from toktra.server.web.language import OFFERED, SOURCE

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("language.sql"), "apsycopg")


class NotOffered(ValueError):
    """Pages and letters are not written in this language."""


async def language_of(connection: Connection, tenant_id: UUID) -> str:
    """The code of one that is offered; English unless the organisation chose another."""
    found: str | None = await _queries.language(connection, tenant_id=tenant_id)
    return found if found and found in OFFERED else SOURCE


async def write_in(connection: Connection, tenant_id: UUID, actor: Actor, language: str) -> None:
    """From now on letters are in this language. Raises NotOffered."""
    if language not in OFFERED:
        raise NotOffered(language)
    before = await language_of(connection, tenant_id)
    await _queries.put_language(connection, tenant_id=tenant_id, language=language)
    await audit.record(
        connection,
        tenant_id,
        Tag.POLICY_CHANGED,
        actor,
        before={"policy": "language-of-letters", "value": before},
        after={"policy": "language-of-letters", "value": language},
    )
