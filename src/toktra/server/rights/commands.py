"""`toktra server erased` and `erase-again`: people who were erased stay so when a backup is restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls
from toktra.server.first_start import DEFAULT_SLUG, UnknownOrganisation
from toktra.server.rights.erasure import Erased, erase_again, erased_people
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import Tenant, find_tenant

Options = Callable[[Callable[..., Any]], Callable[..., Any]]
Opened = Callable[[Path | None, Path | None], AbstractContextManager[tuple[ServerSettings, DatabaseUrls]]]


class ErasedPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the list: numbers that name nobody."""

    person: UUID
    request: UUID


def add_erasure(group: click.Group, where: Options, opened: Opened) -> None:
    """Adds the commands to `group`, with the options of all."""

    @group.command()
    @where
    @click.option("--organisation", "slug", default=DEFAULT_SLUG, show_default=True, help="Its short name.")
    def erased(settings: Path | None, data: Path | None, slug: str) -> None:
        """Print the list of people who were erased, one JSON object a line.

        It holds numbers that stand for nobody any more. Keep it apart from backups: `erase-again` replays it.
        """
        with opened(settings, data) as (_, urls):
            people = asyncio.run(_list(urls.app, slug))
        for one in people:
            click.echo(msgspec.json.encode(one))

    @group.command("erase-again")
    @where
    @click.option("--organisation", "slug", default=DEFAULT_SLUG, show_default=True, help="Its short name.")
    @click.argument("file", type=click.File("rb"), required=False)
    def erase_again_(settings: Path | None, data: Path | None, slug: str, file: Any) -> None:
        """Erase again who was erased, after a backup was restored and before the server starts.

        FILE is a list that `toktra server erased` printed after the backup was made; people in the database's own list
        are erased as well. Safe to repeat.
        """
        listed = _read(file) if file else []
        with opened(settings, data) as (_, urls):
            done = asyncio.run(_erase(urls.app, slug, listed))
        there = sum(one.was_there for one in done)
        click.echo(f"{len(done)} on the list, {there} were in the database again and are erased.")


def _read(file: Any) -> list[ErasedPerson]:
    """Raises click.BadParameter naming the line at fault; then nothing was erased."""
    people = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            people.append(msgspec.json.decode(line, type=ErasedPerson))
        except msgspec.DecodeError as error:
            raise click.BadParameter(f"line {number} is not of this list: {error}", param_hint="FILE") from None
    return people


async def _list(app_url: str, slug: str) -> list[ErasedPerson]:
    async with Database(app_url, connections=1) as database:
        tenant = await _tenant(database, slug)
        async with database.tenant(tenant.tenant_id) as connection:
            found = await erased_people(connection, tenant.tenant_id)
    return [ErasedPerson(person_id, request_id) for person_id, request_id in found]


async def _erase(app_url: str, slug: str, listed: Sequence[ErasedPerson]) -> list[Erased]:
    async with Database(app_url, connections=1) as database:
        tenant = await _tenant(database, slug)
        async with database.tenant(tenant.tenant_id) as connection:
            return await erase_again(connection, tenant.tenant_id, [(one.person, one.request) for one in listed])


async def _tenant(database: Database, slug: str) -> Tenant:
    """Raises UnknownOrganisation."""
    tenant = await find_tenant(database, slug)
    if tenant is None:
        raise UnknownOrganisation(slug)
    return tenant
