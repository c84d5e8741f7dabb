"""`toktra perks …`: personal mode and the second ledger of the account that types it.

The key is made in this program, which runs as its owner; the agent is told its public part.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from toktra.agent.control_client import ask
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.perks.key_commands import copy_to, key, passphrase_of
from toktra.agent.perks.key_files import read_key, save
from toktra.agent.perks.keys import Key, new_key, to_file
from toktra.agent.perks.messages import (
    AskStanding,
    Join,
    Leave,
    PerksAct,
    PerksTold,
    PersonalAdd,
    PersonalOff,
    PersonalOn,
    PersonalRemove,
    ShowPerks,
    Standing,
)
from toktra.agent.perks.words import at_length
from toktra.agent.privacy_hours.commands import duration, windows_argument, zone_option
from toktra.agent.state_directory import find_running
from toktra.wire.schedule import Window

_BEFORE = """\
In personal mode, what you use of AI is sealed for you on this device and kept apart, for 90 days. Your organisation
sees how many take part and how much all of them together used, of groups of ten or more, and nothing of yours.

You get a key. Only with it can your records be read. A lost key cannot be replaced, by us or by anyone: what it sealed
then lapses with its 90 days. Keep it where you keep what nobody else may have, and a copy elsewhere."""

_file = click.Path(path_type=Path)
state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # another account may pass, not list
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)


class NotYours(AgentError):
    """Asked as root on behalf of somebody."""

    exit_code = EXIT_NEEDS_YOU


class CannotJoin(AgentError):
    """Something has to come first."""

    exit_code = EXIT_NEEDS_YOU


@click.group()
def perks() -> None:
    """Use AI on a personal budget: a second ledger that only you can read."""


perks.add_command(key)


@perks.command()
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), help="A key you have from another device, or a copy."
)
@click.option("--save", "save_to", type=click.Path(path_type=Path), help="File to write a new key to.")
@click.option(
    "--copy", "copy_file", type=click.Path(path_type=Path), help="File for a copy that asks for a passphrase."
)
@click.option("--show", is_flag=True, help="Print the new key, this once.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option
def join(
    *, key_file: Path | None, save_to: Path | None, copy_file: Path | None, show: bool, yes: bool, state: Path | None
) -> None:
    """Begin on this device: make a key, or use the one you have. Opt in on your page first."""
    with told_errors():
        standing = ask(find_running(_not_by_sudo(state)).control, AskStanding())
        _check(standing)
        if key_file is not None:
            _use(read_key(key_file, passphrase_of(key_file)), standing, state)
            return
        if not (save_to or show):
            raise CannotJoin("Say where your key is to be kept: --save FILE, --show, or both.")
        click.echo(_BEFORE)
        if not yes and not click.confirm("\nMake the key?"):
            click.echo("Nothing was changed.")
            return
        made = new_key(standing.service)
        written = _keep(made, save_to, copy_file)
        try:
            told = _join(made, state, opened=False)
        except AgentError:
            for path in written:
                path.unlink(missing_ok=True)
            raise
        if show:
            click.echo(f"\n{to_file(made).decode()}")
        for path in written:
            click.echo(f"Your key is in {path}.")
        click.echo(told.in_words)


@perks.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@state_option
def status(as_json: bool, state: Path | None) -> None:
    """Say whether personal mode is on, what waits, and what stands in the way."""
    told = tell(state, ShowPerks())
    click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() if as_json else at_length(told))


@perks.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option
def leave(yes: bool, state: Path | None) -> None:
    """Opt out on this device: your records are deleted at once, here and at the service."""
    if not yes and not click.confirm("Delete all your personal records? Nobody can bring them back."):
        click.echo("Nothing was changed.")
        return
    told = tell(state, Leave())
    click.echo(told.note or "What waited here is deleted. Your mailbox is being deleted now: toktra perks status")


@perks.group()
def personal() -> None:
    """Switch personal mode, for what you begin from then on."""


@personal.command()
@state_option
def on(state: Path | None) -> None:
    """Personal until you switch it off."""
    _say(tell(state, PersonalOn()))


@personal.command()
@state_option
def off(state: Path | None) -> None:
    """Back to work: also your windows that run now end, this once."""
    _say(tell(state, PersonalOff()))


@personal.command("for")
@click.argument("time", callback=duration)
@state_option
def for_a_time(time: int, state: Path | None) -> None:
    """Personal for a TIME, like 1h or 1h30m."""
    _say(tell(state, PersonalOn(minutes=time)))


@personal.group()
def schedule() -> None:
    """Be personal at fixed times."""


@schedule.command()
@windows_argument
@zone_option
@state_option
def add(windows: tuple[Window, ...], zone: str | None, state: Path | None) -> None:
    """Add windows, like "mon-fri 18:00-22:00", "daily 22:00-06:00", sat or 2027-12-24."""
    if not windows:
        raise click.UsageError('Name a window, for example "mon-fri 18:00-22:00".')
    _say(tell(state, PersonalAdd(windows=windows, zone=zone)))


@schedule.command()
@windows_argument
@click.option("--all", "every", is_flag=True, help="Remove all, also ones that cannot be read any more.")
@state_option
def remove(windows: tuple[Window, ...], every: bool, state: Path | None) -> None:
    """Remove windows, written as `toktra perks status` lists them."""
    if every == bool(windows):
        raise click.UsageError("Name the windows to remove, or give --all.")
    _say(tell(state, PersonalRemove(windows=windows)))


def tell(state: Path | None, request: PerksAct) -> PerksTold:
    """What the agent answers; ends the program with its sentence when it refuses."""
    with told_errors():
        return ask(find_running(_not_by_sudo(state)).control, request)
    raise AssertionError  # told_errors ends the program


@contextmanager
def told_errors() -> Iterator[None]:
    """Errors as sentences, with their exit codes."""
    try:
        yield
    except AgentError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _not_by_sudo(state: Path | None) -> Path | None:
    through_sudo = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0 and through_sudo not in ("", "root"):
        raise NotYours(
            f"Token Perks are those of the account that asks. With sudo that is root, not {through_sudo}: run this"
            " again without sudo."
        )
    return state


def _check(standing: Standing) -> None:
    match standing.standing:
        case "no-programme":
            raise CannotJoin("Your organisation has no Token Perks.")
        case "not-invited":
            raise CannotJoin("Your organisation has Token Perks, and has not invited you. Ask your administrator.")
        case "invited":
            raise CannotJoin(
                f"You are invited. Read what it does and opt in on your page, {standing.portal}. Then run this again."
            )
        case "enrolled":
            pass


def _use(kept: Key, standing: Standing, state: Path | None) -> None:
    if kept.service != standing.service.rstrip("/"):
        raise CannotJoin(
            f"This key's records are at {kept.service}, and your organisation's are at {standing.service}. Use the key"
            " you got there, or make a new one with --save FILE."
        )
    click.echo(_join(kept, state, opened=True).in_words)


def _join(made: Key, state: Path | None, *, opened: bool) -> PerksTold:
    request = Join(recipient=made.recipient, mailbox=made.mailbox, service=made.service, opened=opened)
    return ask(find_running(state).control, request)


def _keep(made: Key, save_to: Path | None, copy_file: Path | None) -> list[Path]:
    """Where it was written; all of it or nothing."""
    written: list[Path] = []
    try:
        for path, write in _ways(made, save_to, copy_file):
            write(path)
            written.append(path)
    except AgentError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return written


def _ways(made: Key, save_to: Path | None, copy_file: Path | None) -> Iterator[tuple[Path, Callable[[Path], None]]]:
    if save_to is not None:
        yield save_to, lambda path: save(path, to_file(made))
    if copy_file is not None:
        yield copy_file, lambda path: copy_to(path, made)


def _say(told: PerksTold) -> None:
    click.echo(told.in_words)
    for line in (told.note, *told.troubles):
        if line:
            click.echo(line, err=True)
