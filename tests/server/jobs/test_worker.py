"""Workers over a real queue: what is done, what is tried again, and what outlives a worker or a database's pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from toktra.server.app import create_app
from toktra.server.database.pool import Database
from toktra.server.jobs import Backoff, GiveUp, Job, Work, defer, job, periodic_job
from toktra.server.jobs.worker import run_worker, work_off
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls

Queue = Callable[[], list[dict[str, Any]]]
Jobs = dict[str, Job[Any]]


async def _defer(database: Database, tenant_id: UUID, wanted: Job[Any], **arguments: Any) -> None:
    async with database.tenant(tenant_id) as connection:
        await defer(connection, wanted, tenant_id, **arguments)


@asynccontextmanager
async def _worker(settings: ServerSettings) -> AsyncIterator[None]:
    task = asyncio.create_task(run_worker(settings))
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_job_is_done_as_its_tenant_and_is_gone(
    database: Database, settings: ServerSettings, tenant: Tenant, other_tenant: Tenant, jobs: Jobs, queue: Queue
) -> None:
    seen = []

    @job("test:look")
    async def look(work: Work, *, number: int) -> None:
        async with work.transaction() as connection:
            row = await (await connection.execute("select current_setting('toktra.tenant_id')")).fetchone()
        seen.append((row[0] if row else None, number, work.attempt, work.is_last_attempt, work.tick))

    await _defer(database, tenant.tenant_id, look, number=1)
    await _defer(database, other_tenant.tenant_id, look, number=2)
    await work_off(settings, jobs)
    assert sorted(seen, key=lambda entry: entry[1]) == [
        (str(tenant.tenant_id), 1, 1, False, None),
        (str(other_tenant.tenant_id), 2, 1, False, None),
    ]
    assert queue() == []


async def test_a_failure_is_tried_again_later_and_for_the_last_time_knows_it(
    database: Database, settings: ServerSettings, urls: Urls, tenant: Tenant, jobs: Jobs, queue: Queue
) -> None:
    attempts = []

    @job("test:fail", backoff=Backoff(attempts=3, first_s=1000))
    async def fail(work: Work) -> None:
        attempts.append((work.attempt, work.is_last_attempt))
        raise ConnectionError

    await _defer(database, tenant.tenant_id, fail)
    for _ in range(4):
        await work_off(settings, jobs)
        with psycopg.connect(urls.app) as connection:
            connection.execute(
                "update procrastinate_jobs set scheduled_at = now() where scheduled_at > now() + '10min'"
            )
    assert attempts == [(1, False), (2, False), (3, True)]
    assert [queued["status"] for queued in queue()] == ["failed"]


async def test_what_is_given_up_is_not_tried_again(
    database: Database, settings: ServerSettings, tenant: Tenant, jobs: Jobs, queue: Queue
) -> None:
    @job("test:give-up")
    async def give_up(work: Work) -> None:
        raise GiveUp

    await _defer(database, tenant.tenant_id, give_up)
    await work_off(settings, jobs)
    assert [(queued["status"], queued["attempts"]) for queued in queue()] == [("failed", 1)]


async def test_jobs_that_jobs_add_are_worked_off_too(
    database: Database, settings: ServerSettings, tenant: Tenant, jobs: Jobs
) -> None:
    done = []

    @job("test:countdown")
    async def countdown(work: Work, *, number: int) -> None:
        done.append(number)
        if number:
            async with work.transaction() as connection:
                await defer(connection, countdown, work.tenant_id, number=number - 1)

    await _defer(database, tenant.tenant_id, countdown, number=3)
    await work_off(settings, jobs)
    assert done == [3, 2, 1, 0]


async def test_a_schedule_is_kept_for_each_tenant_and_made_up_for_when_missed(
    settings: ServerSettings, tenant: Tenant, other_tenant: Tenant, jobs: Jobs
) -> None:
    seen: dict[UUID, Any] = {}
    all_seen = asyncio.Event()

    @periodic_job("test:monthly", cron="0 0 1 * *")
    async def monthly(work: Work) -> None:
        assert work.tenant_id not in seen
        seen[work.tenant_id] = work.tick
        if len(seen) == 2:
            all_seen.set()

    for _ in range(2):  # the second worker finds it done
        async with _worker(settings):
            await asyncio.wait_for(all_seen.wait(), 60)
    assert seen.keys() == {tenant.tenant_id, other_tenant.tenant_id}
    for tick in seen.values():
        assert (tick.day, tick.hour, tick.minute) == (1, 0, 0)


async def test_a_new_job_is_begun_at_once_and_one_under_way_survives_its_worker(
    database: Database,
    settings: ServerSettings,
    tenant: Tenant,
    jobs: Jobs,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("toktra.server.jobs.worker.STOP_WITHIN_S", 0.0)
    begun = asyncio.Event()

    @job("test:long", backoff=Backoff(attempts=1))
    async def long(work: Work) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with _worker(settings):
        await _defer(database, tenant.tenant_id, long)
        await asyncio.wait_for(begun.wait(), 60)
    assert [queued["status"] for queued in queue()] == ["todo"]


async def test_a_dead_workers_jobs_are_taken_over(
    database: Database, settings: ServerSettings, urls: Urls, tenant: Tenant, jobs: Jobs, queue: Queue
) -> None:
    done = asyncio.Event()

    @job("test:taken-over")
    async def taken_over(work: Work) -> None:
        assert work.attempt == 2
        done.set()

    @job("test:deadly", backoff=Backoff(attempts=1))
    async def deadly(work: Work) -> None:
        pytest.fail("it had its attempt")

    await _defer(database, tenant.tenant_id, taken_over)
    await _defer(database, tenant.tenant_id, deadly)
    with psycopg.connect(urls.app) as connection:  # as a worker leaves them that was killed a minute ago
        connection.execute("insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 minute')")
        connection.execute(
            "update procrastinate_jobs set status = 'doing', worker_id = (select max(id) from procrastinate_workers)"
        )
    async with _worker(settings):
        await asyncio.wait_for(done.wait(), 60)
    assert [queued["status"] for queued in queue() if queued["task_name"] == "test:deadly"] == ["failed"]


async def test_a_worker_comes_back_after_its_database(
    database: Database, settings: ServerSettings, urls: Urls, tenant: Tenant, jobs: Jobs
) -> None:
    done = asyncio.Queue[int]()

    @job("test:number")
    async def number(work: Work, *, number: int) -> None:
        await done.put(number)

    async with _worker(settings):
        await _defer(database, tenant.tenant_id, number, number=1)
        assert await asyncio.wait_for(done.get(), 60) == 1
        with psycopg.connect(urls.superuser) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and application_name = 'toktra jobs'"
            )
        await _defer(database, tenant.tenant_id, number, number=2)
        # The first may come again: the connection can end before it was said to be done.
        while (last := await asyncio.wait_for(done.get(), 60)) == 1:
            pass
        assert last == 2


async def test_the_servers_own_process_does_jobs_unless_told_not_to(
    database: Database, settings: ServerSettings, tenant: Tenant, jobs: Jobs
) -> None:
    done = asyncio.Event()

    @job("test:done")
    async def mark(work: Work) -> None:
        done.set()

    await _defer(database, tenant.tenant_id, mark)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        await asyncio.wait_for(done.wait(), 60)
