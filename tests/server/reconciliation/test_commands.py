"""`toktra server reconcile` as a person or a timer runs it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psycopg
import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.audit.service import Actor
from toktra.server.commands import server
from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls, database_of
from toktra.server.first_start import UnknownOrganisation
from toktra.server.reconciliation import service
from toktra.server.reconciliation.commands import add_reconcile
from toktra.server.reconciliation.fetching import Fetcher
from toktra.server.settings import ServerSettings, load_settings
from toktra.server.vault import Vault
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls
    from tests.server.reconciliation.conftest import Provider

KEY = "sk-admin-of-north-0123456789abcdef"


@pytest.fixture
def reconcile(urls: Urls, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> click.Group:
    """The command, asking the invented provider."""
    monkeypatch.setenv("TOKTRA_SECRET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("TOKTRA_DATABASE_URL", urls.app)

    @contextmanager
    def opened(settings: Path | None, data: Path | None) -> Iterator[tuple[ServerSettings, DatabaseUrls]]:
        chosen = load_settings(os.environ, settings, {"data": data})
        with database_of(chosen) as found:
            yield chosen, found

    @click.group()
    def group() -> None: ...

    add_reconcile(
        group,
        lambda command: click.option("--settings")(click.option("--data")(command)),
        opened,
        address=provider.address,
    )
    return group


def run(group: click.Group, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["reconcile", "--organisation", "north", *arguments])


def connect(urls: Urls, tenant: Tenant, provider: Provider, days: int) -> None:
    """As the page does, with so many days of use seen in full."""
    today = datetime.now(UTC).date()
    provider.fill(today - timedelta(days=days), days)
    with psycopg.connect(urls.app) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant.tenant_id)])
        row = connection.execute(
            "insert into person (tenant_id, display_name) values (%s, 'Robin') returning person_id", [tenant.tenant_id]
        ).fetchone()
        assert row is not None
        for days_ago in range(1, days + 1):
            connection.execute(
                "insert into usage_hourly values (%s, %s, 'api.openai.com', %s, 400, 1, 1, 1000000, 50000)",
                [tenant.tenant_id, datetime.now(UTC) - timedelta(days=days_ago), ESTIMATOR_VERSION],
            )

    async def connect_it() -> None:
        async with Database(urls.app, connections=1) as database:
            await service.connect(
                database,
                tenant.tenant_id,
                provider_id="openai",
                key=KEY,
                by=Actor.person(row[0], Role.OWNER),
                vault=Vault(os.environ["TOKTRA_SECRET_KEY"].encode()),
                fetcher=Fetcher(address=provider.address),
                today=today,
            )

    asyncio.run(connect_it())


def test_nothing_connected_is_said(reconcile: click.Group, tenant: Tenant) -> None:
    result = run(reconcile)
    assert (result.exit_code, result.stdout) == (
        0,
        "No provider is connected. Connect one on the page Reconciliation.\n",
    )


def test_it_says_what_it_fetched_and_what_that_means(
    reconcile: click.Group, urls: Urls, tenant: Tenant, provider: Provider
) -> None:
    connect(urls, tenant, provider, days=14)
    for _ in range(2):
        result = run(reconcile)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("OpenAI: 3 days fetched. Input × 0.9")
        assert "coverage 9" in result.stdout
    assert KEY not in result.output


def test_a_failure_is_a_sentence_and_an_exit_code(
    reconcile: click.Group, urls: Urls, tenant: Tenant, provider: Provider
) -> None:
    connect(urls, tenant, provider, days=3)
    provider.instead = [lambda _asked: (401, {}, b"{}")]
    result = run(reconcile)
    assert result.exit_code == 1
    assert "OpenAI does not accept this key" in result.stdout
    assert "Traceback" not in result.output


def test_an_unknown_organisation(reconcile: click.Group, tenant: Tenant) -> None:
    del tenant
    result = CliRunner().invoke(reconcile, ["reconcile", "--organisation", "nowhere"])
    assert isinstance(result.exception, UnknownOrganisation)


def test_the_server_has_the_command() -> None:
    assert "reconcile" in server.commands
