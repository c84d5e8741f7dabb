"""`toktra server reconcile`: fetches what providers billed since the last time, and says what it means."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls
from toktra.server.first_start import DEFAULT_SLUG, UnknownOrganisation
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant

PATIENCE_S: Final = 180.0
"""How long it waits in all for a provider that asks to be asked later."""

Options = Callable[[Callable[..., Any]], Callable[..., Any]]
Opened = Callable[[Path | None, Path | None], AbstractContextManager[tuple[ServerSettings, DatabaseUrls]]]


def add_reconcile(group: click.Group, where: Options, opened: Opened, *, address: str | None = None) -> None:
    """Adds the command to `group`, with the options of all. `address` replaces the providers' own in tests."""

    @group.command()
    @where
    @click.option("--organisation", "slug", default=DEFAULT_SLUG, show_default=True, help="Its short name.")
    def reconcile(settings: Path | None, data: Path | None, slug: str) -> None:
        """Fetch what connected providers billed; estimates are corrected by it."""
        from toktra.server.vault import open_vault  # noqa: PLC0415 - cryptography is slow to import

        with opened(settings, data) as (chosen, urls):
            vault = open_vault(chosen.data_directory, os.environ)
            lines, failed = asyncio.run(_reconcile(urls.app, slug, vault, address))
        for line in lines:
            click.echo(line)
        if failed:
            raise click.exceptions.Exit(1)


async def _reconcile(app_url: str, slug: str, vault: Any, address: str | None) -> tuple[list[str], bool]:
    """A line for each connected provider, and whether any of them failed. Raises UnknownOrganisation."""
    from toktra.server.reconciliation import service  # noqa: PLC0415 - urllib3 is slow to import
    from toktra.server.reconciliation.fetching import Fetcher  # noqa: PLC0415
    from toktra.server.reconciliation.presentation import accounts  # noqa: PLC0415

    today = service.today_utc()
    async with Database(app_url, connections=1) as database:
        tenant = await find_tenant(database, slug)
        if tenant is None:
            raise UnknownOrganisation(slug)
        fetches = await service.reconcile(
            database,
            tenant.tenant_id,
            vault=vault,
            fetcher=Fetcher(patience_s=PATIENCE_S, address=address),
            today=today,
        )
        connected = await service.connections(database, tenant.tenant_id)
        async with database.tenant(tenant.tenant_id) as connection:
            found = await service.findings(connection, tenant.tenant_id, today - timedelta(days=30), today)
    if not fetches:
        return ["No provider is connected. Connect one on the page Reconciliation."], False
    known = {account.of.provider_id: account for account in accounts(connected, found, today, today)}
    lines = []
    for fetch in fetches:
        if fetch.fault is not None:
            lines.append(f"{fetch.name}: {fetch.fault}")
            continue
        line = f"{fetch.name}: {fetch.days} days fetched."
        account = known.get(fetch.provider_id)
        if account and account.coverage:
            line += f" Input {account.factor_input}, output {account.factor_output}, coverage {account.coverage}."
        elif account:
            line += f" {account.verdict or account.rests_on}"
        lines.append(line.replace("\u00a0", " "))
    return lines, any(fetch.fault is not None for fetch in fetches)
