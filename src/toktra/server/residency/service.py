"""Whether a server and its database belong to the same region, asked before anything is served."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import aiosql

from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.database.pool import Database, DatabaseBusy
from toktra.server.settings import InvalidSetting

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class WrongRegion(InvalidSetting):
    """The database holds organisations of another region than this server is for. The text names one."""


async def check_region(database: Database, region: str) -> None:
    """Raises WrongRegion."""
    async with database.global_tables() as connection:
        found = [row async for row in _queries.elsewhere(connection, region=region)]
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
