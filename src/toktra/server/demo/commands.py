"""`toktra demo`: an organisation to look at, filled with invented people and a year of their use."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from toktra.server.commands import explained
from toktra.server.database.pool import Database
from toktra.server.database.source import database_of
from toktra.server.demo.organisation import NAME, OWNER, SLUG
from toktra.server.demo.service import OLDEST_DAYS, AlreadyFilled, Filled, fill
from toktra.server.first_start import create_owner_link
from toktra.server.settings import load_settings
from toktra.server.tenants.service import Founded, found


@click.command()
@click.option("--settings", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with [server].")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The data directory.")
@click.option("--people", type=click.IntRange(10, 20_000), default=500, show_default=True, help="How many people.")
@click.option("--days", type=click.IntRange(1, OLDEST_DAYS), default=365, show_default=True, help="Days up to today.")
def demo(settings: Path | None, data: Path | None, people: int, days: int) -> None:
    """Fill a sample organisation, apart from your own, and print a link into it."""
    with explained():
        chosen = load_settings(os.environ, settings, {"data": data})
        with database_of(chosen) as urls:
            urls.migrate()
            founded = found(urls.needed_owner, slug=SLUG, name=NAME, owner_name=OWNER)
            filled = asyncio.run(_fill(urls.app, founded, people, days))
            link = create_owner_link(urls.app, slug=SLUG)
    if filled is None:
        click.echo(f"The sample organisation is there already. To begin anew: toktra server tenant delete {SLUG}")
    else:
        click.echo(f"{filled.people} invented people, {filled.events:,} uses of AI.".replace(",", "\u00a0"))
    scheme = "http" if chosen.certificate is None else "https"
    click.echo(f"Look at it, once the server runs (toktra up): {scheme}://{chosen.host}:{chosen.port}{link}")


async def _fill(app_url: str, founded: Founded, people: int, days: int) -> Filled | None:
    """None when it is filled already."""
    async with Database(app_url, connections=2) as database:
        with click.progressbar(length=people, label="Filling the sample organisation") as bar:
            try:
                return await fill(
                    database,
                    founded.tenant,
                    founded.owner_id,
                    number=people,
                    days=days,
                    now=datetime.now(UTC),
                    told=lambda _done: bar.update(1),
                )
            except AlreadyFilled:
                return None
