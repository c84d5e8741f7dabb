"""`toktra tray`: the menu bar app of the account that starts it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from toktra.agent.state_directory import find_running


@click.command()
@click.option("--background", is_flag=True, help="Open no window: for the start at login.")
@click.option(
    "--colours",
    "look",
    type=click.Choice(["system", "light", "dark"]),
    default="system",
    show_default=True,
    help="Light or dark, for a desktop that does not tell.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # another account may pass, not list
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)
def tray(background: bool, look: str, state: Path | None) -> None:
    """Show your private time and what has left this device, in the menu bar or tray.

    Where the desktop has no tray, the same window opens, and closing it ends the program.
    """
    try:
        from toktra.agent.tray.application import run  # noqa: PLC0415 - so that --help needs no Qt
    except ImportError as error:
        if "PySide6" not in str(error.name):
            raise click.ClickException(f"A library of the system is missing ({error}).") from None
        raise click.ClickException("`toktra tray` needs PySide6. Run: pip install 'toktra[tray]'") from None
    sys.exit(run(lambda: find_running(state).control, background=background, look=look))
