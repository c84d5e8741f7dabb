"""Every morning, what connected providers billed until yesterday is fetched."""

from __future__ import annotations

import os
from typing import Final

from toktra.server.jobs import Work, periodic_job
from toktra.server.reconciliation import service
from toktra.server.reconciliation.fetching import Fetcher, FetchFailed
from toktra.server.vault import open_vault

PATIENCE_S: Final = 60.0
"""How long it waits in all for a provider that asks to be asked later; then the job is tried again."""


def new_fetcher() -> Fetcher:
    """Asks providers at their own addresses."""
    return Fetcher(patience_s=PATIENCE_S)


@periodic_job("reconciliation:fetch", cron="30 4 * * *")
async def fetch(work: Work) -> None:
    """Fetches what is new of every connected provider; safe to repeat. The page shows why one of them failed."""
    if not await service.connections(work.database, work.tenant_id):
        return
    fetched = await service.reconcile(
        work.database,
        work.tenant_id,
        vault=open_vault(work.settings.data_directory, os.environ),
        fetcher=new_fetcher(),
        today=service.today_utc(),
    )
    faults = [one.fault for one in fetched if one.fault is not None]
    if faults and not work.is_last_attempt:
        raise FetchFailed("; ".join(faults))
