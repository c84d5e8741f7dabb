"""`toktra personal …`: run the second ledger's service, and bring its tables up to date."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from toktra.personal.database.failures import LedgerFailure
from toktra.personal.database.migrate import migrate as migrate_tables
from toktra.personal.database.migrate import role_of
from toktra.personal.secret_files import SecretFileNotUsable
from toktra.personal.settings import PREFIX, InvalidPersonalSetting, PersonalSettings, load_settings


@click.group()
def personal() -> None:
    """Run the second ledger, which keeps what only its owner can read."""


@personal.command()
@click.option("--host", help="Address to listen on; beyond loopback a certificate is needed.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [default: 8421]")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file with the certificate and its chain.")
@click.option("--key", type=click.Path(path_type=Path), help="PEM file with the certificate's private key.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Directory of its secrets.")
def run(**given: Any) -> None:
    """Serve mailboxes, tickets and the page "My personal ledger" until stopped.

    Its database and secrets come by environment: see docs/engineer/personal-service.md.
    """
    from toktra.personal.listening import check_reach, listen, serve, stop_in_order  # noqa: PLC0415
    from toktra.personal.logs import configure_logging  # noqa: PLC0415

    with explained():
        settings = load_settings(os.environ, given)
        check_reach(settings)
        stop_in_order()
        if settings.owner_database_url is not None:
            _migrate(settings)
            _go_on_without_owner()
        with listen(settings.host, settings.port) as at:
            configure_logging()
            scheme = "http" if settings.certificate is None else "https"
            click.echo(f"Serving {scheme}://{settings.host}:{settings.port}/", err=True)
            serve(settings, at)


@personal.command()
def migrate() -> None:
    """Bring the tables up to date, as their owner, and let the service's role in."""
    with explained():
        settings = load_settings(os.environ)
        if settings.owner_database_url is None:
            raise InvalidPersonalSetting(f"{PREFIX}OWNER_DATABASE_URL is missing: only the owner can change the tables")
        done = _migrate(settings)
    click.echo("The tables are up to date." if done else "The tables were up to date already.")


def _migrate(settings: PersonalSettings) -> bool:
    role = role_of(settings.database_url)
    if not role:
        raise InvalidPersonalSetting(f"{PREFIX}DATABASE_URL: must name its user, as in postgresql://user@host/database")
    return migrate_tables(settings.owner_database_url or "", role)


def _go_on_without_owner() -> None:
    """Begins anew as a process that was never told the owner's password: what serves can change no table."""
    environment = {name: value for name, value in os.environ.items() if name != f"{PREFIX}OWNER_DATABASE_URL"}
    os.execve(sys.executable, [sys.executable, "-m", "toktra", *sys.argv[1:]], environment)  # noqa: S606 - ourselves


@contextmanager
def explained() -> Iterator[None]:
    """Failures that a person can act on end the command with their sentence instead of a traceback."""
    try:
        yield
    except (LedgerFailure, InvalidPersonalSetting, SecretFileNotUsable) as error:
        raise click.ClickException(str(error)) from None
