"""`toktra extension …`: makes the agent known to the browsers of this device."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from toktra.agent.browser.identity import FIREFOX_ID, chrome_id
from toktra.agent.browser.install import Place, install, of_account, of_system, remove
from toktra.agent.errors import AgentError

system_option = click.option("--system", is_flag=True, help="For every account of this device; takes root.")


def _ids(ctx: click.Context, param: click.Parameter, ids: tuple[str, ...]) -> tuple[str, ...]:
    del ctx, param
    for one in ids:
        if not re.fullmatch(r"[a-p]{32}", one):
            raise click.BadParameter(f"{one!r} is no extension id; it is 32 letters from a to p, as the store shows it")
    return ids


@click.group()
def extension() -> None:
    """Connect the browser extension with the agent on this device."""


@extension.command("install")
@system_option
@click.option(
    "--chrome-id",
    "chrome_ids",
    metavar="ID",
    multiple=True,
    callback=_ids,
    help="One more id that may connect: that of your own store listing. May be repeated.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path, resolve_path=True),
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)
def install_command(system: bool, chrome_ids: tuple[str, ...], state: Path | None) -> None:
    """Tell Chrome, Chromium, Edge and Firefox how to reach the agent."""
    try:
        written = install(_place(system), more_chrome_ids=chrome_ids, state=state)
    except AgentError as error:
        _fail(error)
    for browser, path in written.items():
        click.echo(f"{browser}: {path}")
    click.echo(f"Extension: {chrome_id()} (Chrome, Edge), {FIREFOX_ID} (Firefox)")


@extension.command("remove")
@system_option
def remove_command(system: bool) -> None:
    """Take that away again."""
    try:
        removed = remove(_place(system))
    except AgentError as error:
        _fail(error)
    for path in removed:
        click.echo(f"Removed {path}")
    if not removed:
        click.echo("Nothing was installed.")


def _place(system: bool) -> Place:
    return of_system() if system else of_account(Path.home())


def _fail(error: AgentError) -> None:
    click.echo(f"Error: {error}", err=True)
    sys.exit(error.exit_code)
