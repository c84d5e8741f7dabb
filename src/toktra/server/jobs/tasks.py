"""The declared jobs as procrastinate runs them, and what the queue needs to stay in order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from procrastinate import App, JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException, JobAborted, TaskNotFound
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.retry import BaseRetryStrategy

from toktra.server.database.pool import Database
from toktra.server.jobs.declaring import GiveUp, Job, Work
from toktra.server.jobs.queue import QUEUE, defer_tick
from toktra.server.jobs.retrying import Backoff
from toktra.server.settings import ServerSettings
from toktra.server.tenants.language import language_of
from toktra.server.web.language import speaking

_log = structlog.get_logger()

FAILED_KEPT_HOURS: Final = 30 * 24
_UPKEEP: Final = Backoff(attempts=3)


class _Retry(BaseRetryStrategy):
    """Our own Backoff, asked as procrastinate asks."""

    def __init__(self, backoff: Backoff) -> None:
        self.backoff = backoff

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        if isinstance(exception, GiveUp | TaskNotFound):
            return None
        if isinstance(exception, JobAborted | asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})  # its worker stops; another goes on
        wait_s = self.backoff.wait_s(job.attempts + 1)
        return None if wait_s is None else RetryDecision(retry_in={"seconds": round(wait_s)})


def add_jobs(app: App, jobs: Mapping[str, Job[Any]], database: Database, settings: ServerSettings) -> None:
    """Every job as a task of `app`."""
    for job in jobs.values():
        app.task(name=job.name, queue=QUEUE, retry=_Retry(job.backoff), pass_context=True)(
            _task_of(job, database, settings)
        )


def _task_of(job: Job[Any], database: Database, settings: ServerSettings) -> Any:
    async def run(context: JobContext, *, tenant_id: str, arguments: dict[str, Any], tick_s: int | None = None) -> None:
        attempt = context.job.attempts + 1
        work = Work(
            UUID(tenant_id),
            database,
            settings,
            attempt,
            is_last_attempt=attempt >= job.backoff.attempts,
            tick=None if tick_s is None else datetime.fromtimestamp(tick_s, UTC),
        )
        began = time.perf_counter()
        outcome = "failed"
        try:
            async with work.transaction() as connection:
                language = await language_of(connection, work.tenant_id)
            with speaking(language):  # what a job writes has no reader who says theirs
                await job.function(work, **job.decode(arguments))
            outcome = "done"
        except GiveUp:
            outcome = "given up"
            raise
        except asyncio.CancelledError:
            outcome = "interrupted"
            raise
        finally:
            duration_ms = round((time.perf_counter() - began) * 1000, 1)
            _log.info("job", job=job.name, outcome=outcome, attempt=attempt, duration_ms=duration_ms)

    return run


def add_upkeep(app: App, jobs: Mapping[str, Job[Any]], database: Database) -> None:
    """Ticks of periodic jobs; jobs whose worker died; old failures. These are the server's own, of no tenant."""

    @app.task(name="jobs:tick", queue=QUEUE, retry=_Retry(_UPKEEP))
    async def tick(timestamp: int, *, job: str) -> None:
        await defer_tick(database, jobs[job], timestamp)

    @app.periodic(cron="* * * * *")
    @app.task(name="jobs:rescue", queue=QUEUE)
    async def rescue(timestamp: int) -> None:
        """What a dead worker held goes back into the queue, unless it has had its attempts."""
        del timestamp
        for stalled in await app.job_manager.get_stalled_jobs():
            declared = jobs.get(stalled.task_name)
            backoff = declared.backoff if declared else _UPKEEP
            with contextlib.suppress(ConnectorException):  # another worker rescued it first
                if stalled.attempts + 1 >= backoff.attempts:
                    await app.job_manager.finish_job(stalled, Status.FAILED, delete_job=False)
                else:
                    await app.job_manager.retry_job(stalled)

    @app.periodic(cron="17 3 * * *")
    @app.task(name="jobs:clean", queue=QUEUE, retry=_Retry(_UPKEEP))
    async def clean(timestamp: int) -> None:
        """What succeeded is gone at once; what failed stays a month for whoever looks into it."""
        del timestamp
        await app.job_manager.delete_old_jobs(
            FAILED_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )

    for name, job in jobs.items():
        if job.cron is not None:
            app.periodic_registry.register_task(tick, job.cron, name, {"task_kwargs": {"job": name}})
