"""What is done for every organisation without anyone asking: closing days, and deleting what may not be kept."""

from __future__ import annotations

from toktra.server.ingest.groups import close_days
from toktra.server.jobs import Work, job, periodic_job
from toktra.server.tenants.clearing import clear


@job("attribution:clear")
async def clear_detail(work: Work) -> None:
    """Takes up again what was broken off; mostly it is done already."""
    await clear(work.database, work.tenant_id)


@periodic_job("attribution:close-days", cron="5 0 * * *")
async def close_finished_days(work: Work) -> None:
    """Decides once what of yesterday is shown. A page that is opened before does the same."""
    async with work.transaction() as connection:
        await close_days(connection, work.tenant_id)
