"""`toktra server tenant …`: organisations, by whoever runs the installation. None of it can be asked over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls
from toktra.server.settings import ServerSettings
from toktra.server.tenants import administration
from toktra.server.tenants.service import found

Options = Callable[[Callable[..., Any]], Callable[..., Any]]
Opened = Callable[[Path | None, Path | None], AbstractContextManager[tuple[ServerSettings, DatabaseUrls]]]


def add_tenant(group: click.Group, where: Options, opened: Opened) -> None:
    """Adds the group of commands to `group`, each with the options of all."""

    @group.group()
    def tenant() -> None:
        """Create, list, suspend, resume and delete organisations."""

    @tenant.command()
    @where
    @click.argument("slug")
    @click.option("--name", required=True, help="The name people see.")
    @click.option("--owner", default="Owner", show_default=True, help="Name of the person who may do everything in it.")
    def create(settings: Path | None, data: Path | None, slug: str, name: str, owner: str) -> None:
        """Create the organisation SLUG and its owner.

        SLUG is its short name, which stands before every code and link of it.
        """
        with opened(settings, data) as (chosen, urls):
            urls.migrate()
            result = found(urls.needed_owner, slug=slug, name=name, owner_name=owner, region=chosen.region)
        was = "is created" if result.new else "was there already; nothing was changed"
        click.echo(f"The organisation {result.tenant.name} ({result.tenant.slug}) {was}.")
        click.echo(f"To sign its owner in: toktra server sign-in-link --organisation {result.tenant.slug}")

    @tenant.command("list")
    @where
    def list_(settings: Path | None, data: Path | None) -> None:
        """List every organisation: short name, status, since when, name."""
        with opened(settings, data) as (_, urls):
            lines = administration.list_tenants(urls.needed_owner)
        for line in lines:
            click.echo(f"{line.slug:32}  {line.status:9}  {line.created_on}  {line.name}")
        if not lines:
            click.echo("There is none yet. Create one with: toktra server tenant create SLUG --name NAME", err=True)

    @tenant.command()
    @where
    @click.argument("slug")
    def suspend(settings: Path | None, data: Path | None, slug: str) -> None:
        """Let nobody of SLUG sign in and take nothing from its devices. Nothing is deleted."""
        with opened(settings, data) as (_, urls):
            tenant_id = administration.suspend(urls.needed_owner, slug)
            asyncio.run(_record(urls.app, tenant_id, Tag.ORGANISATION_SUSPENDED, "server tenant suspend"))
        click.echo(f"{slug} is suspended. Its devices keep their records until it is resumed.")

    @tenant.command()
    @where
    @click.argument("slug")
    def resume(settings: Path | None, data: Path | None, slug: str) -> None:
        """Make SLUG work again."""
        with opened(settings, data) as (_, urls):
            tenant_id = administration.resume(urls.needed_owner, slug)
            asyncio.run(_record(urls.app, tenant_id, Tag.ORGANISATION_RESUMED, "server tenant resume"))
        click.echo(f"{slug} is active. Its devices send what they kept within an hour.")

    @tenant.command()
    @where
    @click.argument("slug")
    @click.option("--yes-delete", metavar="SLUG", help="The short name once more, instead of being asked for it.")
    def delete(settings: Path | None, data: Path | None, slug: str, yes_delete: str | None) -> None:
        """Delete SLUG with everything in it, for good.

        People, devices, every record of use, settings and the audit trail. Keep a backup if the law asks for one:
        it cannot be undone. Broken off, run it again and it goes on.
        """
        if (yes_delete or _typed(slug)) != slug:
            raise click.ClickException(f"that is not {slug}. Nothing was deleted.")
        with opened(settings, data) as (_, urls):
            rows = administration.delete(urls.needed_owner, slug)
        click.echo(f"{slug} is deleted: {rows} rows.")


def _typed(slug: str) -> str:
    click.echo(f"This deletes {slug} with its people, devices, records and audit trail. It cannot be undone.", err=True)
    typed: str = click.prompt(f"Type {slug} to delete it", default="", show_default=False, err=True)
    return typed


async def _record(app_url: str, tenant_id: UUID, tag: Tag, command: str) -> None:
    async with Database(app_url, connections=1) as database, database.tenant(tenant_id) as connection:
        await audit.record(connection, tenant_id, tag, audit.Actor.by_command(command))
