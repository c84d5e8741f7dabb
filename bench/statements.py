"""The statements that a page sends to its database, taken down once and sent again, as whichever role.

What row-level security costs is the difference between two roles that send the same statements, which name the tenant
themselves, in turns: the server's role, and one that the policies do not bind.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import AsyncCursor
from psycopg.abc import Params

from toktra.server.database.pool import Connection, Database

Statement = tuple[str, Params | None]
_READS: Final = ("select", "with")


class Recorded(Database):
    """A pool that takes down what is read over it; statements that write are sent and not taken down."""

    def __init__(self, url: str) -> None:
        super().__init__(url, connections=1)
        self.statements: list[Statement] = []

    @asynccontextmanager
    async def global_tables(self) -> AsyncIterator[Connection]:
        taken = self.statements

        class Taking(AsyncCursor[Any]):
            async def execute(self, query: Any, params: Params | None = None, **named: Any) -> Any:
                if _reads(query):
                    taken.append((query, params))
                return await super().execute(query, params, **named)

        async with super().global_tables() as connection:
            connection.cursor_factory = Taking
            yield connection


def _reads(statement: str) -> bool:
    lines = [line for line in statement.strip().splitlines() if not line.lstrip().startswith("--")]
    text = " ".join(lines).strip().lower()
    return text.startswith(_READS) and "advisory" not in text and "for update" not in text


def taken_ms(connection: psycopg.Connection[Any], tenant_id: UUID, statements: Sequence[Statement]) -> float:
    """Milliseconds until the last row of all of them is here, in one transaction that is undone."""
    with connection.transaction(force_rollback=True):
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
        began = time.perf_counter()
        for query, params in statements:
            connection.execute(query.encode(), params).fetchall()
        return (time.perf_counter() - began) * 1000
