"""`toktra perks key …`: what an owner does with the key they keep. The agent never gets to see it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from toktra.agent.control_client import ask
from toktra.agent.errors import EXIT_FAILED, AgentError
from toktra.agent.perks.age import new_identity
from toktra.agent.perks.key_files import read_key, save
from toktra.agent.perks.keys import Key, KeyNotUsable, to_copy, to_file
from toktra.agent.perks.messages import ChangeKey, PerksTold, ShowPerks
from toktra.agent.perks.personal_service import PersonalService
from toktra.agent.perks.rotation import reseal_all
from toktra.agent.state_directory import find_running

state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help="State directory of the agent to talk to. Default: that of the agent that runs here.",
)
key_argument = click.argument("key_file", metavar="KEY", type=click.Path(path_type=Path))


@click.group()
def key() -> None:
    """See to the key that only you have."""


@key.command()
@key_argument
@state_option
def check(key_file: Path, state: Path | None) -> None:
    """Say whether a key, or a copy of it, opens what this device seals."""
    try:
        kept = read_key(key_file, passphrase_of(key_file))
        told = ask(find_running(state).control, ShowPerks())
    except AgentError as error:
        _end(error)
    if told.recipient != kept.recipient:
        what = f"this device seals for {told.recipient}" if told.recipient else "this device seals for no key of yours"
        click.echo(f"This key opens what is sealed for {kept.recipient}; {what}.", err=True)
        sys.exit(EXIT_FAILED)
    click.echo("This is the key that opens what this device seals.")


@key.command()
@key_argument
@click.argument("to", type=click.Path(path_type=Path))
def copy(key_file: Path, to: Path) -> None:
    """Write a copy of a key that opens with a passphrase: in the browser, here, and with `age -d`."""
    try:
        copy_to(to, read_key(key_file, passphrase_of(key_file)))
    except AgentError as error:
        _end(error)
    click.echo(f"The copy is in {to}.")


@key.command()
@key_argument
@click.argument("new_key", type=click.Path(path_type=Path))
@click.option(
    "--ca",
    "ca_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="TOKTRA_AGENT_CA",
    show_envvar=True,
    help="Certificate authorities to trust instead of the system's (PEM).",
)
@state_option
def change(key_file: Path, new_key: Path, ca_file: Path | None, state: Path | None) -> None:
    """Change to a new key: records are opened with the old one and sealed for the new one, on this device.

    When it breaks off, run it again with the same two files. Other devices of yours need the new key too.
    """
    try:
        old = read_key(key_file, passphrase_of(key_file))
        if new_key.exists():
            new = read_key(new_key, passphrase_of(new_key))
        else:
            new = Key(service=old.service, mailbox=old.mailbox, identity=new_identity())
            save(new_key, to_file(new))
        _check_same_ledger(old, new, new_key)
        control = find_running(state).control
        _check_in_use(ask(control, ShowPerks()), old, new)
        ask(control, ChangeKey(recipient=new.recipient))
        resealed, unopened = reseal_all(PersonalService(old.service, ca_file), old, new)
    except AgentError as error:
        _end(error)
    click.echo(f"This device seals for the new key in {new_key}. {resealed} records were sealed anew.")
    if unopened:
        click.echo(f"{unopened} records open with neither key; they lapse with their 90 days.", err=True)
    click.echo("Keep the old key until `toktra perks status` says that no record waits, and run this once more then.")


def _check_same_ledger(old: Key, new: Key, path: Path) -> None:
    """Raises KeyNotUsable."""
    if (new.service, new.mailbox) != (old.service, old.mailbox):
        raise KeyNotUsable(
            f"{path} is the key of another ledger, so nothing was changed. Name a file that is not there yet; a new key"
            " for this ledger is made in it."
        )


def _check_in_use(told: PerksTold, old: Key, new: Key) -> None:
    """Raises KeyNotUsable."""
    if told.recipient and told.recipient not in (old.recipient, new.recipient):
        raise KeyNotUsable(
            f"This device seals for {told.recipient}, which is neither of the two keys, so nothing was changed. Name"
            " the key first that opens what this device seals: toktra perks key check FILE"
        )


def passphrase_of(path: Path) -> Callable[[], str]:
    """Asks for the passphrase of a copy."""
    return lambda: str(click.prompt(f"Passphrase of {path.name}", hide_input=True))


def copy_to(path: Path, kept: Key) -> None:
    """Asks for a passphrase and writes the copy. Raises KeyNotSaved, PassphraseTooShort."""
    words = click.prompt(f"Passphrase for the copy {path.name}", hide_input=True, confirmation_prompt=True)
    save(path, to_copy(kept, str(words)))


def _end(error: AgentError) -> None:
    click.echo(f"Error: {error}", err=True)
    sys.exit(error.exit_code)
