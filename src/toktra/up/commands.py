"""`toktra up`."""

from __future__ import annotations

from pathlib import Path

import click

from toktra.agent.errors import AgentError
from toktra.server.children import ChildFailed
from toktra.server.database.failures import DatabaseFailure
from toktra.server.settings import default_data_directory
from toktra.up.local import CannotStart, Wish, run


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_data_directory,
    show_default="the platform's place for data",
    help="Directory for the database and this machine's agent.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8420, show_default=True, help="Port on loopback.")
@click.option("--no-browser", is_flag=True, help="Only print the link.")
@click.option(
    "--replay",
    "capture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read this capture file (pcap or pcapng) instead of watching this machine.",
)
@click.option("--sample", is_flag=True, help="Show the bundled sample, in an organisation of its own.")
def up(*, data: Path, port: int, no_browser: bool, capture: Path | None, sample: bool) -> None:
    """Show this machine's AI use in a browser: database, server and agent in one command.

    Watching this machine needs root, for a moment; without it everything else works and the command says how to add
    the rest.
    """
    if capture is not None and sample:
        raise click.UsageError("--replay and --sample exclude each other.")
    wish = Wish(data=data.absolute(), port=port, browser=not no_browser, capture=capture, sample=sample)
    try:
        run(wish, click.echo)
    except (AgentError, CannotStart, ChildFailed, DatabaseFailure) as error:
        raise click.ClickException(str(error)) from None
