"""The morning job fetches for every organisation that connected a provider, and is tried again when that fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from toktra.server.audit.service import Actor
from toktra.server.database.pool import Database
from toktra.server.jobs import Work
from toktra.server.jobs.rooms import load_jobs
from toktra.server.people.service import add_person
from toktra.server.reconciliation import jobs, service
from toktra.server.reconciliation.fetching import Fetcher, FetchFailed
from toktra.server.settings import ServerSettings
from toktra.server.vault import Vault
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Tenant
    from tests.server.reconciliation.conftest import Provider

KEY = "sk-admin-of-north-0123456789abcdef"


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> str:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("TOKTRA_SECRET_KEY", key)
    monkeypatch.setattr(jobs, "new_fetcher", lambda: Fetcher(address=provider.address))
    return key


def work(database: Database, tenant_id: UUID, place: Path, *, last: bool = False) -> Work:
    settings = ServerSettings(data=place)
    return Work(tenant_id, database, settings, attempt=5 if last else 1, is_last_attempt=last)


async def connected(database: Database, tenant_id: UUID, provider: Provider, secret: str) -> None:
    today = datetime.now(UTC).date()
    provider.fill(today - timedelta(days=5), 5)
    owner = await add_person(database, tenant_id, display_name="Robin Example", role=Role.OWNER)
    await service.connect(
        database,
        tenant_id,
        provider_id="openai",
        key=KEY,
        by=Actor.person(owner, Role.OWNER),
        vault=Vault(secret.encode()),
        fetcher=Fetcher(address=provider.address),
        today=today,
    )
    provider.asked.clear()


def test_the_job_runs_every_morning() -> None:
    assert load_jobs()["reconciliation:fetch"].cron == "30 4 * * *"


async def test_what_was_billed_since_is_stored_however_often_it_runs(
    database: Database, tenant: Tenant, provider: Provider, secret: str, tmp_path: Path
) -> None:
    await connected(database, tenant.tenant_id, provider, secret)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    provider.usage[yesterday] = (2_000_000, 90_000, 800)
    for _ in range(2):
        await jobs.fetch.function(work(database, tenant.tenant_id, tmp_path))
    async with database.tenant(tenant.tenant_id) as connection:
        cursor = await connection.execute(
            "select input_tokens, output_tokens, requests from reported_day where day = %s", [yesterday]
        )
        assert [tuple(row) for row in await cursor.fetchall()] == [(2_000_000, 90_000, 800)]


async def test_a_provider_that_fails_is_asked_again_until_the_last_attempt_and_the_page_says_why(
    database: Database, tenant: Tenant, provider: Provider, secret: str, tmp_path: Path
) -> None:
    await connected(database, tenant.tenant_id, provider, secret)
    provider.instead = [lambda _asked: (401, {}, b"{}")] * 2
    with pytest.raises(FetchFailed, match="does not accept this key"):
        await jobs.fetch.function(work(database, tenant.tenant_id, tmp_path))
    await jobs.fetch.function(work(database, tenant.tenant_id, tmp_path, last=True))
    [shown] = await service.connections(database, tenant.tenant_id)
    assert shown.fault is not None
    assert "does not accept this key" in shown.fault


async def test_without_a_connection_nobody_is_asked(
    database: Database, tenant: Tenant, provider: Provider, tmp_path: Path
) -> None:
    await jobs.fetch.function(work(database, tenant.tenant_id, tmp_path))
    assert provider.asked == []
