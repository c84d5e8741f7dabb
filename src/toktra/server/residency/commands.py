"""`toktra server region …`: what regions tell one another, and the move of an organisation, by who runs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from toktra.server.database.source import DatabaseUrls
from toktra.server.exports.scheduled.standing_places import end_exports_to
from toktra.server.residency import elsewhere, moving
from toktra.server.residency.keys import region_key
from toktra.server.settings import ServerSettings
from toktra.server.vault import open_vault

Options = Callable[[Callable[..., Any]], Callable[..., Any]]
Opened = Callable[[Path | None, Path | None], AbstractContextManager[tuple[ServerSettings, DatabaseUrls]]]
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


def add_region(group: click.Group, where: Options, opened: Opened) -> None:
    """Adds the group of commands to `group`, each with the options of all."""

    @group.group()
    def region() -> None:
        """Tell regions of one another, and move an organisation between them."""

    @region.command()
    @where
    def organisations(settings: Path | None, data: Path | None) -> None:
        """Print what other regions may know of the organisations here: id, short name, region; a line each."""
        with opened(settings, data) as (_, urls):
            for facts in elsewhere.public_facts(urls.needed_owner):
                click.echo(msgspec.json.encode(facts).decode())

    @region.command()
    @where
    @click.argument("file", type=click.File("rb"))
    def learn(settings: Path | None, data: Path | None, file: Any) -> None:
        """Remember the organisations of another region: FILE is what `organisations` printed there (- for stdin)."""
        facts = [_facts(line, number) for number, line in enumerate(file, 1) if line.strip()]
        with opened(settings, data) as (_, urls):
            known = elsewhere.learn(urls.needed_owner, facts)
        click.echo(f"{known} organisations of other regions are known; who asks for one here is sent on.")

    @region.command()
    @where
    def key(settings: Path | None, data: Path | None) -> None:
        """Print the key to which another region seals an organisation that moves here."""
        with opened(settings, data) as (chosen, _):
            click.echo(region_key(chosen.data_directory).to_public())

    @region.command()
    @where
    @click.argument("slug")
    @click.option("--to", "recipient", required=True, help="The key that `region key` printed in the other region.")
    @click.argument("file", type=_FILE)
    def export(settings: Path | None, data: Path | None, slug: str, recipient: str, file: Path) -> None:
        """Write the suspended organisation SLUG to FILE, which only the other region can open."""
        if file.exists():
            raise click.ClickException(f"{file} is there already; nothing was written.")
        with opened(settings, data) as (chosen, urls):
            vault = open_vault(chosen.data_directory, os.environ)
            moved = moving.export(urls.needed_owner, vault, slug, recipient, file)
        click.echo(f"{moved.rows} rows of {slug} are in {file}. For `region leave`:", err=True)
        click.echo(msgspec.json.encode(moved).decode())

    @region.command("import")
    @where
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def import_(settings: Path | None, data: Path | None, file: Path) -> None:
        """Take in an organisation from FILE, all of it or nothing, and print the receipt for the other region."""
        with opened(settings, data) as (chosen, urls):
            urls.migrate()
            receipt = moving.bring_in(
                urls.needed_owner,
                open_vault(chosen.data_directory, os.environ),
                str(region_key(chosen.data_directory)),
                chosen.region,
                file,
            )
        click.echo(f"{receipt.slug} is served here: {receipt.rows} rows. The receipt for the other region:", err=True)
        click.echo(msgspec.json.encode(receipt).decode())

    @region.command("end-exports")
    @where
    @click.argument("slug")
    @click.argument("bucket")
    def end_exports(settings: Path | None, data: Path | None, slug: str, bucket: str) -> None:
        """End every scheduled export of the organisation SLUG to BUCKET, and forget the keys to it."""
        with opened(settings, data) as (_, urls):
            ended = end_exports_to(urls.app, slug, bucket, "server region end-exports")
        click.echo(f"{ended} scheduled exports of {slug} to {bucket} are ended.")

    @region.command()
    @where
    @click.option("--exported", required=True, help="What `region export` printed here.")
    @click.option("--receipt", required=True, help="What `region import` printed in the other region.")
    def leave(settings: Path | None, data: Path | None, exported: str, receipt: str) -> None:
        """Erase an organisation that arrived in another region, and send on who asks for it here."""
        said = _said(receipt, moving.Receipt, "--receipt"), _said(exported, moving.Moved, "--exported")
        with opened(settings, data) as (_, urls):
            rows = moving.leave(urls.needed_owner, *said)
        click.echo(f"{said[0].slug} is erased here, {rows} rows, and served in the region {said[0].region}.")


def _facts(line: bytes, number: int) -> elsewhere.PublicFacts:
    try:
        return msgspec.json.decode(line, type=elsewhere.PublicFacts)
    except msgspec.DecodeError as error:
        raise click.ClickException(f"line {number}: {error}. Nothing was changed.") from None


def _said(text: str, kind: type[Any], option: str) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"{option}: {error}. Nothing was changed.") from None
