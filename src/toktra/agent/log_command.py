"""`toktra log`: every event about the account that asks which has left this device, as far as that is kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from toktra.agent.control_client import ask
from toktra.agent.control_messages import MAX_LOGGED, Left, LeftEvent, Log
from toktra.agent.errors import AgentError
from toktra.agent.state_directory import find_running
from toktra.wire.events import encode

_HEAD: Final = (
    f"  {'began':<19}  {'host':<32} {'bytes out':>11} {'bytes in':>11} {'≈ tokens in':>11} {'≈ tokens out':>12}"
)


def _since(ctx: click.Context, param: click.Parameter, text: str | None) -> datetime | None:
    """The start of a day where this device is, or a moment."""
    del ctx, param
    if text is None:
        return None
    if text == "today":
        return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time; write today, a date like 2027-03-28 or 2027-03-28T14:00"
        ) from None
    if not 1970 < since.year < 2200:
        raise click.BadParameter(f"{text!r} does not lie between 1971 and 2199")
    return since.astimezone()


@click.command()
@click.option("--host", default="", metavar="TEXT", help="Only provider hosts with this in their name, like openai.")
@click.option(
    "--since",
    callback=_since,
    metavar="TIME",
    help="Only what left since then: today, a date like 2027-03-28, or 2027-03-28T14:00.",
)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as it was sent, one JSON object a line.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # another account may pass, not list
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)
def log(host: str, since: datetime | None, limit: int, as_json: bool, state: Path | None) -> None:
    """List every event about you that has left this device, newest first.

    Only your own are shown, to nobody but you. They are kept for 30 days, the last 10,000 at most.
    """
    try:
        pages = list(_pages(find_running(state).control, host, since, limit))
    except AgentError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    events = [event for page in pages for event in page.events]
    if as_json:
        for one in events:
            click.echo(encode(one.event).decode())
        return
    _print(events)
    if pages[-1].more:
        click.echo(f"Older ones are left out: --limit {2 * limit} shows more.", err=True)
    if not events:
        click.echo(_nothing(pages[-1], filtered=bool(host or since)))
    if os.geteuid() == 0 and os.environ.get("SUDO_USER", "root") != "root":
        click.echo("With sudo this is the record of root, not yours: run it again without sudo.", err=True)


def _pages(control: Path, host: str, since: datetime | None, limit: int) -> Iterator[Left]:
    before = None
    while limit > 0:
        page = ask(control, Log(before=before, host=host, since=since, limit=min(limit, MAX_LOGGED)))
        yield page
        limit -= len(page.events)
        if not page.more:
            return
        before = page.events[-1].place


def _print(events: list[LeftEvent]) -> None:
    for sent_at, together in groupby(events, key=lambda one: one.sent_at):
        click.echo(f"Left {_local(sent_at)}")
        click.echo(_HEAD)
        for one in together:
            event = one.event
            click.echo(
                f"  {_local(event.at)}  {event.provider_host:<32} {event.request_bytes:>11} {event.response_bytes:>11}"
                f" {event.estimated_input_tokens:>11} {event.estimated_output_tokens:>12}"
            )


def _nothing(page: Left, *, filtered: bool) -> str:
    if filtered:
        return "Nothing that has left this device about you matches."
    return f"Nothing about you has left this device within the last {page.kept_days} days."


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
