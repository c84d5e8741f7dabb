"""`toktra server audit-verify`: checks the trail of an organisation, entry by entry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from toktra.server.audit import service
from toktra.server.audit.chain import Head
from toktra.server.audit.service import Verdict
from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls
from toktra.server.first_start import DEFAULT_SLUG, UnknownOrganisation
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant

Options = Callable[[Callable[..., Any]], Callable[..., Any]]
Opened = Callable[[Path | None, Path | None], AbstractContextManager[tuple[ServerSettings, DatabaseUrls]]]


def add_audit_verify(group: click.Group, where: Options, opened: Opened) -> None:
    """Adds the command to `group`, with the options of all."""

    @group.command("audit-verify")
    @where
    @click.option("--organisation", "slug", default=DEFAULT_SLUG, show_default=True, help="Its short name.")
    @click.option("--expect", metavar="SEAL", help="An earlier seal (NUMBER:HASH) that must still be in the trail.")
    def audit_verify(settings: Path | None, data: Path | None, slug: str, expect: str | None) -> None:
        """Check that no entry of the audit trail was changed, moved or removed.

        Prints the newest seal. Keep it outside this machine: with --expect it shows later also whether the end of the
        trail was cut off, or all of it written anew. Ends with 1 when the trail does not hold.
        """
        expected = _seal(expect) if expect else None
        with opened(settings, data) as (_, urls):
            verdict = asyncio.run(_verify(urls.app, slug, expected))
        held = f"Up to {verdict.head} every entry holds." if verdict.head else "No entry before it holds."
        if verdict.broken:
            click.echo(f"The audit trail of {slug} is broken: {verdict.broken}. {held}", err=True)
            raise click.exceptions.Exit(1)
        click.echo(verdict.head or "There is no entry yet.")


def _seal(text: str) -> Head:
    head = Head.parse(text)
    if head is None:
        raise click.BadParameter("not a seal: it looks like 42:9f86d0…, a number and 64 hexadecimal digits.")
    return head


async def _verify(app_url: str, slug: str, expected: Head | None) -> Verdict:
    """Raises UnknownOrganisation."""
    async with Database(app_url, connections=1) as database:
        tenant = await find_tenant(database, slug)
        if tenant is None:
            raise UnknownOrganisation(slug)
        return await service.verify(database, tenant.tenant_id, expected)
