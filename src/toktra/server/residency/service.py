"""Whether a server and its database belong to the same region, asked before anything is served."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import aiosql
import psycopg

from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.residency.places import LOCAL
from toktra.server.settings import InvalidSetting

_QUERIES: Final = Path(__file__).with_name("queries.sql")
_queries: Final[Any] = aiosql.from_path(_QUERIES, "apsycopg")
_queries_as_owner: Final[Any] = aiosql.from_path(_QUERIES, "psycopg")


class WrongRegion(InvalidSetting):
    """The database holds organisations of another region than this server is for. The text names one."""


async def check_region(database: Database, region: str) -> None:
    """Raises WrongRegion."""
    async with database.global_tables() as connection:
        home = await _queries.home(connection)
        found = [row async for row in _queries.elsewhere(connection, region=region)]
    if home is not None and home != region:
        raise WrongRegion(
            f"this server is for the region {region}, and the database is of the region {home}. Nothing was served. Is "
            "TOKTRA_DATABASE_URL or TOKTRA_REGION of another server?"
        )
    if found:
        raise WrongRegion(
            f"this server is for the region {region}, and the database holds the organisation {found[0].slug} of the "
            f"region {found[0].region}. Nothing was served. Is TOKTRA_DATABASE_URL or TOKTRA_REGION of another server?"
        )


def check_region_of(app_url: str, region: str) -> None:
    """The same before there is a pool. A database that is away may come back. Raises WrongRegion."""

    async def ask() -> None:
        async with Database(app_url, connections=1) as database:
            await check_region(database, region)

    try:
        asyncio.run(ask())
    except (DatabaseUnreachable, DatabaseBusy):
        return


def settle_region(owner_url: str | None, region: str) -> None:
    """Writes the region of this database down, once: from then on a server of another region refuses it."""
    if owner_url is None or region == LOCAL:
        return
    with psycopg.connect(owner_url) as connection:
        _queries_as_owner.settle(connection, region=region)
