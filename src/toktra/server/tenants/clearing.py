"""Deletes the detail that an organisation may no longer keep, a day at a time, so that it can be taken up again.

What is kept in the meantime is shown to nobody: pages ask for the level first. Nothing is added to it either: batches
follow the level from the moment it is decided.
"""

from __future__ import annotations

from uuid import UUID

from toktra.server.database.pool import Database
from toktra.server.ingest.groups import forget_departments, forget_people_of_oldest_day
from toktra.server.tenants.attribution import Level, attribution_of, finish_clearing


async def clear(database: Database, tenant_id: UUID) -> None:
    """Deletes all of it. Safe to repeat, to break off and to run twice at once."""
    while await _clear_some(database, tenant_id):
        pass


async def _clear_some(database: Database, tenant_id: UUID) -> bool:
    """One day's detail, or the last step; False when nothing is left to do."""
    async with database.tenant(tenant_id) as connection:
        found = await attribution_of(connection, tenant_id)
        if not found.is_clearing:
            return False
        by_department = found.level is not Level.ORGANISATION
        if await forget_people_of_oldest_day(connection, tenant_id, by_department=by_department):
            return True
        if not by_department:
            await forget_departments(connection, tenant_id)
        await finish_clearing(connection, tenant_id)
    return False
