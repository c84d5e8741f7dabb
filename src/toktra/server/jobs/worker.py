"""Does the jobs, in the server's own process or in one of its own. Any number of workers may share a database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from toktra.server.database.pool import WAIT_S, Database, DatabaseBusy
from toktra.server.jobs.declaring import Job
from toktra.server.jobs.queue import count_due
from toktra.server.jobs.rooms import load_jobs
from toktra.server.jobs.tasks import add_jobs, add_upkeep
from toktra.server.settings import ServerSettings

_log = structlog.get_logger()

CONCURRENCY: Final = 4
"""Jobs at once; each has a connection of its own, so that no request waits for a job."""
STOP_WITHIN_S: Final = 5.0
"""How long a job may go on when its worker stops; then it goes back into the queue."""
CATCH_UP_S: Final = 40 * 24 * 3600
"""A schedule that was missed for this long is made up for once: a laptop is not awake every night at three."""

_AWAY: Final = (ConnectorException, psycopg.Error, PoolTimeout, DatabaseBusy)
_PAUSES_S: Final = (1, 2, 5, 10, 30)


@asynccontextmanager
async def working(settings: ServerSettings) -> AsyncIterator[None]:
    """A worker runs while the context lasts."""
    worker = asyncio.create_task(run_worker(settings), name="jobs")
    try:
        yield
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


async def run_worker(settings: ServerSettings, jobs: Mapping[str, Job[Any]] | None = None) -> None:
    """Does jobs until cancelled. A database that is away is waited for."""
    failed = 0
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await _serve(settings, load_jobs() if jobs is None else jobs)
        except _AWAY as error:
            _log.warning("jobs wait for the database", exc_info=error)
        lasted_s = asyncio.get_running_loop().time() - began
        failed = 0 if lasted_s > 60 else min(failed + 1, len(_PAUSES_S))
        await asyncio.sleep(_PAUSES_S[failed - 1] if failed else 0)


async def _serve(settings: ServerSettings, jobs: Mapping[str, Job[Any]]) -> None:
    async with _tools(settings) as (app, database):
        add_jobs(app, jobs, database, settings)
        add_upkeep(app, jobs, database)
        await app.run_worker_async(
            concurrency=CONCURRENCY,
            shutdown_graceful_timeout=STOP_WITHIN_S,
            delete_jobs="successful",
            install_signal_handlers=False,
        )


async def work_off(settings: ServerSettings, jobs: Mapping[str, Job[Any]] | None = None) -> None:
    """Does all jobs that are due, and those they add, then returns; schedules are left alone."""
    chosen = load_jobs() if jobs is None else jobs
    async with _tools(settings) as (app, database):
        add_jobs(app, chosen, database, settings)
        while await count_due(database):
            await app.run_worker_async(
                wait=False,
                listen_notify=False,
                concurrency=CONCURRENCY,
                delete_jobs="successful",
                install_signal_handlers=False,
            )


@asynccontextmanager
async def _tools(settings: ServerSettings) -> AsyncIterator[tuple[App, Database]]:
    """The queue, and the connections of the jobs."""
    if settings.database_url is None:
        raise ValueError("database_url must be known here: start the embedded database first")
    queue = AsyncConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=2,
        timeout=WAIT_S,
        open=False,
        name="toktra jobs",
        kwargs={"application_name": "toktra jobs"},
    )
    app = App(connector=PsycopgConnector(), periodic_defaults={"max_delay": CATCH_UP_S})
    async with queue, Database(settings.database_url, connections=CONCURRENCY) as database, app.open_async(queue):
        yield app, database
