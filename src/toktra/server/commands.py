"""`toktra server …`: run it, and the few things that are done beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from toktra.server.audit.commands import add_audit_verify
from toktra.server.database.failures import DatabaseFailure
from toktra.server.database.pool import DatabaseBusy
from toktra.server.database.source import DatabaseUrls, database_of
from toktra.server.devices.service import InvalidTerms
from toktra.server.exports.scheduled.standing_places import check_buckets
from toktra.server.first_start import (
    DEFAULT_SLUG,
    UnknownOrganisation,
    create_enrolment_code,
    create_owner_link,
    create_person_link,
)
from toktra.server.jobs.commands import add_worker
from toktra.server.mail.commands import add_mail_test
from toktra.server.people.service import UnknownPerson
from toktra.server.reconciliation.commands import add_reconcile
from toktra.server.residency.commands import add_region
from toktra.server.residency.moving import NotMovable
from toktra.server.residency.places import check_places
from toktra.server.residency.service import check_region_of, settle_region
from toktra.server.rights.commands import add_erasure
from toktra.server.second_ledger import running_beside
from toktra.server.settings import AddressNotAvailable, InvalidSetting, ServerSettings, load_settings
from toktra.server.tenants.administration import NotPossible
from toktra.server.tenants.commands import add_tenant
from toktra.server.tenants.service import InvalidSlug, found

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def server() -> None:
    """Run the server, and set it up."""


def _where(command: F) -> F:
    """The options every command has: where its settings and its database are."""
    for option in (
        click.option("--settings", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with [server]."),
        click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The data directory."),
    ):
        command = option(command)
    return command


@server.command()
@_where
@click.option("--host", help="Address to listen on; beyond loopback a certificate is needed.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [default: 8420]")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file with the certificate and its chain.")
@click.option("--key", type=click.Path(path_type=Path), help="PEM file with the certificate's private key.")
def run(settings: Path | None, **given: Any) -> None:
    """Serve the device API and the site until stopped."""
    from toktra.server.listening import check_reach, listen, serve, stop_in_order  # noqa: PLC0415
    from toktra.server.logs import configure_logging  # noqa: PLC0415

    with explained():
        chosen = load_settings(os.environ, settings, given)
        check_reach(chosen)
        check_places(chosen)
        stop_in_order()
        with listen(chosen.host, chosen.port) as at, database_of(chosen) as urls:
            urls.check()
            check_region_of(urls.app, chosen.region)
            check_buckets(urls.app, chosen)
            settle_region(urls.owner, chosen.region)
            configure_logging()
            scheme = "http" if chosen.certificate is None else "https"
            click.echo(f"Serving {scheme}://{chosen.host}:{chosen.port}/", err=True)
            with running_beside(chosen, urls) as personal:
                known = msgspec.structs.replace(chosen, database_url=urls.app, privacy_database_url=urls.privacy)
                if personal is None:
                    serve(known, at)
                else:
                    serve(personal.told(known), at, personal.keep_running)


@server.command()
@_where
def migrate(settings: Path | None, data: Path | None) -> None:
    """Bring the database's tables up to date."""
    with _database(settings, data) as (_, urls):
        done = urls.migrate()
    click.echo("The tables are up to date." if done else "The tables were up to date already.")


@server.command()
@_where
@click.option("--slug", default=DEFAULT_SLUG, show_default=True, help="Short name, before every code and link.")
@click.option("--name", default="My organisation", show_default=True, help="The name people see.")
@click.option("--owner", default="Owner", show_default=True, help="Name of the person who may do everything in it.")
def init(settings: Path | None, data: Path | None, slug: str, name: str, owner: str) -> None:
    """Create an organisation and its owner."""
    with _database(settings, data) as (chosen, urls):
        urls.migrate()
        result = found(urls.needed_owner, slug=slug, name=name, owner_name=owner, region=chosen.region)
    was = "is created" if result.new else "was there already"
    click.echo(f"The organisation {result.tenant.name} ({result.tenant.slug}) {was}.")


@server.command("enrolment-code")
@_where
@click.option("--organisation", "slug", default=DEFAULT_SLUG, show_default=True, help="Its short name.")
@click.option("--uses", default=1, show_default=True, help="How many devices may enrol with it.")
@click.option("--valid-days", default=7.0, show_default=True, help="Days until it expires.")
def enrolment_code(settings: Path | None, data: Path | None, slug: str, uses: int, valid_days: float) -> None:
    """Create a code that enrols devices; it is shown once."""
    with _database(settings, data) as (_, urls):
        code = create_enrolment_code(urls.app, slug=slug, uses=uses, valid_for=timedelta(days=valid_days))
    click.echo(code)


@server.command("sign-in-link")
@_where
@click.option("--organisation", "slug", default=DEFAULT_SLUG, show_default=True, help="Its short name.")
@click.option("--person", help="Their name or e-mail; they will see that it was made.  [default: the owner]")
@click.option("--address", help="Where the site is reached.  [default: as `toktra server run` serves it]")
def sign_in_link(settings: Path | None, data: Path | None, slug: str, person: str | None, address: str | None) -> None:
    """Create a link that signs one person in, once."""
    with _database(settings, data) as (chosen, urls):
        path = create_person_link(urls.app, person, slug=slug) if person else create_owner_link(urls.app, slug=slug)
    scheme = "http" if chosen.certificate is None else "https"
    click.echo((address or f"{scheme}://{chosen.host}:{chosen.port}").rstrip("/") + path)


def _settings(settings: Path | None, data: Path | None) -> ServerSettings:
    with explained():
        return load_settings(os.environ, settings, {"data": data})


@contextmanager
def _database(settings: Path | None, data: Path | None) -> Iterator[tuple[ServerSettings, DatabaseUrls]]:
    with explained():
        chosen = load_settings(os.environ, settings, {"data": data})
        check_places(chosen)
        with database_of(chosen) as urls:
            yield chosen, urls


@contextmanager
def explained() -> Iterator[None]:
    """Failures that a person can act on end the command with their sentence instead of a traceback."""
    try:
        yield
    except DatabaseBusy:
        raise click.ClickException(
            "the database does not answer. Is it running, and is TOKTRA_DATABASE_URL right?"
        ) from None
    except (
        DatabaseFailure,
        InvalidSetting,
        InvalidSlug,
        InvalidTerms,
        NotMovable,
        NotPossible,
        UnknownOrganisation,
        UnknownPerson,
        AddressNotAvailable,
    ) as error:
        raise click.ClickException(str(error)) from None


add_reconcile(server, _where, _database)
add_audit_verify(server, _where, _database)
add_worker(server, _where, _database)
add_erasure(server, _where, _database)
add_tenant(server, _where, _database)
add_region(server, _where, _database)
add_mail_test(server, _where, _settings)
