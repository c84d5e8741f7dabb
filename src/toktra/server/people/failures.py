"""Sign-ins that failed, counted by the day, with an entry in the trail for the first, the tenth, the hundredth.

So the trail shows that somebody tries, at whom, and how hard, and a guesser cannot fill it: a hundred thousand tries at
one person are six entries, and when many people are tried the later ones count together. What was typed is not kept:
neither a password nor an address, least of all one that is not known here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.people.sessions import Method

NOBODY: Final = UUID(int=0)
"""Under this id count tries at no one known here, and those at more people than MOST_PEOPLE a day."""
MOST_PEOPLE: Final = 100

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("failures.sql"), "apsycopg")


async def note_failure(database: Database, tenant_id: UUID, method: Method, person_id: UUID | None) -> None:
    """Counts one try that failed; `person_id` is whose account it was tried at, None for nobody's."""
    async with database.tenant(tenant_id) as connection:
        await _queries.forget_earlier_days(connection, tenant_id=tenant_id)
        counted = await _queries.count(
            connection,
            tenant_id=tenant_id,
            person_id=person_id or NOBODY,
            nobody=NOBODY,
            most_people=MOST_PEOPLE,
            method=method.value,
        )
        if _is_told(counted.tries):
            await audit.record(
                connection,
                tenant_id,
                Tag.SIGN_IN_FAILED,
                Actor.system(),
                subject_id=None if counted.person_id == NOBODY else counted.person_id,
                after={"method": method.value, "tries": counted.tries},
            )


def _is_told(tries: int) -> bool:
    """1, 10, 100, …"""
    return str(tries).rstrip("0") == "1"
