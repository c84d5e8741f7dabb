"""A job is in the queue exactly when the transaction that asked for it is committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from toktra.server.database.migrate import VERSIONS
from toktra.server.database.pool import Database
from toktra.server.jobs import Job, Work, defer, job

if TYPE_CHECKING:
    from tests.server.conftest import Tenant

Queue = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def count(jobs: dict[str, Job[Any]]) -> Job[Any]:
    del jobs

    @job("test:count")
    async def count(work: Work, *, number: int) -> None: ...

    return count


async def test_it_is_there_with_the_transaction(
    database: Database, tenant: Tenant, count: Job[Any], queue: Queue
) -> None:
    async with database.tenant(tenant.tenant_id) as connection:
        assert await defer(connection, count, tenant.tenant_id, number=1)
        assert queue() == []
    (queued,) = queue()
    assert queued["task_name"] == "test:count"
    assert queued["args"] == {"tenant_id": str(tenant.tenant_id), "arguments": {"number": 1}}


async def test_it_goes_with_the_transaction(database: Database, tenant: Tenant, count: Job[Any], queue: Queue) -> None:
    async def ask_and_fail() -> None:
        async with database.tenant(tenant.tenant_id) as connection:
            await defer(connection, count, tenant.tenant_id, number=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ask_and_fail()
    assert queue() == []


async def test_once_adds_one_and_leaves_the_transaction_whole(
    database: Database, tenant: Tenant, other_tenant: Tenant, count: Job[Any], queue: Queue
) -> None:
    once = count.with_options(once="same")
    for tenant_id in (tenant.tenant_id, other_tenant.tenant_id):
        async with database.tenant(tenant_id) as connection:
            added = [await defer(connection, once, tenant_id, number=number) for number in (1, 2)]
            assert added == [True, False]
            assert await defer(connection, count, tenant_id, number=3)
    assert [queued["args"]["arguments"]["number"] for queued in queue()] == [1, 3, 1, 3]


async def test_it_waits_for_its_moment(database: Database, tenant: Tenant, count: Job[Any], queue: Queue) -> None:
    at = datetime(2100, 1, 1, tzinfo=UTC)
    async with database.tenant(tenant.tenant_id) as connection:
        await defer(connection, count.with_options(at=at), tenant.tenant_id, number=1)
    assert queue()[0]["scheduled_at"] == at


async def test_a_tenants_transaction_adds_and_sees_its_own_jobs_only(
    database: Database, tenant: Tenant, other_tenant: Tenant, count: Job[Any], queue: Queue
) -> None:
    async with database.tenant(tenant.tenant_id) as connection:
        await defer(connection, count, tenant.tenant_id, number=1)
    async with database.tenant(other_tenant.tenant_id) as connection:
        seen = await connection.execute("select * from procrastinate_jobs")
        assert await seen.fetchall() == []
        assert (await connection.execute("delete from procrastinate_jobs")).rowcount == 0
    async with database.tenant(other_tenant.tenant_id) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            await defer(connection, count, tenant.tenant_id, number=2)
    assert len(queue()) == 1


def test_the_tables_are_those_of_the_installed_procrastinate() -> None:
    ours = Path(VERSIONS / "0005_procrastinate.sql").read_text()
    assert ours.endswith(SchemaManager.get_schema()), "procrastinate's tables changed: add a migration for them"
