"""`toktra links …`: links of the personal ledger's page that switch personal mode on this device."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from toktra.agent.errors import AgentError
from toktra.agent.perks.links import NotALink, wish_of
from toktra.agent.perks.messages import PersonalOff, PersonalOn
from toktra.agent.state_directory import find_running
from toktra.agent.tray.link_handler import OF_SYSTEM, install, of_account, remove, this_program

system_option = click.option("--system", is_flag=True, help="For every account of this device; takes root.")


def _wish(ctx: click.Context, param: click.Parameter, link: str) -> PersonalOn | PersonalOff:
    del ctx, param
    try:
        return wish_of(link)
    except NotALink as fault:
        raise click.BadParameter(str(fault)) from None


@click.group()
def links() -> None:
    """Let links of your personal ledger's page switch personal mode here. No server learns of it."""


@links.command("follow")
@click.argument("wish", metavar="LINK", callback=_wish)
@click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # another account may pass, not list
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)
def follow_command(wish: PersonalOn | PersonalOff, state: Path | None) -> None:
    """Ask you in a window whether to do what LINK says, and do it. Browsers start this."""
    sys.exit(_window()(lambda: find_running(state).control, wish))


@links.command("install")
@system_option
def install_command(system: bool) -> None:
    """Tell the desktop that such links are followed by this program."""
    _window()  # an entry that opens nothing would be worse than none
    try:
        path = install(_directory(system), this_program(), make_default=not system)
    except AgentError as error:
        _fail(error)
    click.echo(f"{path}\nYour browser asks before it hands over a link, and Toktra asks before it switches.")


@links.command("remove")
@system_option
def remove_command(system: bool) -> None:
    """Take that away again."""
    try:
        removed = remove(_directory(system))
    except AgentError as error:
        _fail(error)
    click.echo(f"Removed {removed}" if removed else "Nothing was installed.")


def _window() -> Callable[[Callable[[], Path], PersonalOn | PersonalOff], int]:
    try:
        from toktra.agent.tray.link_window import follow  # noqa: PLC0415 - so that --help needs no Qt
    except ImportError as error:
        if "PySide6" not in str(error.name):
            raise click.ClickException(f"A library of the system is missing ({error}).") from None
        raise click.ClickException("Links need PySide6 to ask you. Run: pip install 'toktra[tray]'") from None
    return follow


def _directory(system: bool) -> Path:
    return OF_SYSTEM if system else of_account(Path.home(), os.environ.get("XDG_DATA_HOME", ""))


def _fail(error: AgentError) -> None:
    click.echo(f"Error: {error}", err=True)
    sys.exit(error.exit_code)
