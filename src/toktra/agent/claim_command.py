"""`toktra claim`: says at the portal that the account that types it is the reader's own."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from toktra.agent.control_client import ask
from toktra.agent.control_messages import Claim
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.state_directory import find_running


@click.command()
@click.option("--no-open", "only_print", is_flag=True, help="Print the address and open no browser.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # another account may pass, not list
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)
def claim(only_print: bool, state: Path | None) -> None:
    """Say that this account on this device is yours.

    For a device that your organisation set up. It prints, and opens, a page on which you sign in and confirm; the
    address works once, for a quarter of an hour. What this account uses from then on is recorded as yours, and you see
    it on your page. What was recorded before stays apart until an administrator hands it over.
    """
    if os.geteuid() == 0 and os.environ.get("SUDO_USER", "root") != "root":
        click.echo("Error: With sudo this would be the account root, not yours: run it again without sudo.", err=True)
        sys.exit(EXIT_NEEDS_YOU)
    try:
        claimed = ask(find_running(state).control, Claim())
    except AgentError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    click.echo(
        f"Open this within {claimed.valid_minutes} minutes, and confirm that the account {claimed.account} is yours:"
    )
    click.echo(f"\n  {claimed.url}\n")
    click.echo(f"On another device: My devices, and there type the code {claimed.code}")
    if not only_print and _has_screen():
        webbrowser.open(claimed.url)


def _has_screen() -> bool:
    """Whether a browser would have a window; one in the terminal is not what is meant."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
