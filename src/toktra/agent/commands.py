"""`toktra agent run | status | enrol | verify`.

Exit codes: 0 done; 1 it was tried and failed, later may be better; 2 something has to be given or changed first, the
message says what; 3 (`status` only) no agent is running.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.agent.accounts import Accounts, read_mapping
from toktra.agent.capture.linux.errors import OLDEST_KERNEL, CannotCapture, KernelTooOld, kernel_version
from toktra.agent.control_client import ask
from toktra.agent.control_messages import Show, Told
from toktra.agent.enrol import Connect
from toktra.agent.enrol import enrol as enrol_device
from toktra.agent.errors import EXIT_FAILED, EXIT_NEEDS_YOU, EXIT_NOT_RUNNING, AgentError
from toktra.agent.identity import read_identity
from toktra.agent.key_change import change_key
from toktra.agent.launch import run as run_agent
from toktra.agent.launch import stop_on_signals
from toktra.agent.perks.messages import PerksTold, ShowPerks
from toktra.agent.server_address import server_address
from toktra.agent.settings import AgentSettings
from toktra.agent.state_directory import SYSTEM_DIRECTORY, StateDirectory, default_state_directory
from toktra.agent.status import Status, read_status
from toktra.agent.transport import Post, Transport

STATUS_PATIENCE_S: Final = 3.0

state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, readable=False, path_type=Path),  # another account may pass, not list
    envvar="TOKTRA_AGENT_STATE",
    show_envvar=True,
    help=f"State directory. Default: {SYSTEM_DIRECTORY} for root, one in the home directory for others.",
)
ca_option = click.option(
    "--ca",
    "ca_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="TOKTRA_AGENT_CA",
    show_envvar=True,
    help="Certificate authorities to trust instead of the system's (PEM).",
)


@click.group()
def agent() -> None:
    """Run and inspect the agent on this device."""


@agent.command()
@state_option
@ca_option
@click.option(
    "--server",
    envvar="TOKTRA_AGENT_SERVER",
    show_envvar=True,
    help="URL to upload to. Default: the server the device enrolled with.",
)
@click.option(
    "--ports",
    default="443",
    show_default=True,
    envvar="TOKTRA_AGENT_PORTS",
    show_envvar=True,
    callback=lambda _context, _option, text: _ports(text),
    help="Destination ports to look at, separated by commas.",
)
@click.option(
    "--account",
    envvar="TOKTRA_AGENT_ACCOUNT",
    show_envvar=True,
    help="Account to go on under when started as root. Default: toktra where there is one, else nobody.",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    help="Read this capture file (pcap, pcapng) instead of watching this machine, upload what it holds, and end.",
)
@click.option("--ending-now", is_flag=True, help="With --replay: move its times, so that the last exchange ends now.")
def run(
    *,
    state: Path | None,
    ca_file: Path | None,
    server: str | None,
    ports: tuple[int, ...],
    account: str | None,
    replay: Path | None,
    ending_now: bool,
) -> None:
    """Watch this machine and report its AI use, until stopped.

    Watching takes root or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON. They are given up once the kernel
    program is loaded.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()
    stop_on_signals(stopping)
    with _told_errors():
        outcome = run_agent(
            AgentSettings(
                state=state or default_state_directory(),
                ports=ports,
                server=server,
                ca_file=ca_file,
                account=account,
                replay=replay,
                ending_now=ending_now,
            ),
            stopping,
        )
    if replay is not None and not stopping.is_set():
        click.echo(f"Read {replay}: {outcome.recorded} new usage events.")
        if outcome.waiting:
            click.echo(f"{outcome.waiting} of them wait for the server; the next run sends them.", err=True)
            sys.exit(1)


@agent.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def status(state: Path | None, as_json: bool) -> None:
    """Say how the agent on this device is doing, and whether you are private or personal now.

    Exits with 3 when no agent is running.
    """
    directory = StateDirectory(state) if state else _directory_with_status()
    found, pid = read_status(directory.status), directory.running_pid()
    told, perks = _told_of_us(directory), _perks_of_us(directory)
    because = None if pid else _cannot_watch()
    if as_json:
        content = msgspec.to_builtins(found) if found else {}
        ours = {"private": told and told.private, "personal": perks and perks.personal}
        click.echo(json.dumps({"running": pid is not None, "cannot_watch": because, **ours, **content}, indent=2))
    else:
        click.echo(_in_words(found, pid, directory.path))
        if because:
            click.echo(because)
        if told:
            click.echo(f"You: {told.in_words}")
            if told.note:
                click.echo(f"  {told.note}")
        if perks and (perks.personal or perks.part != "none"):
            click.echo(f"  {perks.in_words}")
    if pid is None:
        sys.exit(EXIT_NOT_RUNNING)


@agent.command()
@click.argument("code")
@click.option("--server", required=True, envvar="TOKTRA_AGENT_SERVER", show_envvar=True, help="URL of the server.")
@state_option
@ca_option
@click.option("--again", is_flag=True, help="Replace the identity this device has.")
@click.option(
    "--person",
    metavar="E-MAIL",
    envvar="TOKTRA_AGENT_PERSON",
    show_envvar=True,
    callback=lambda _context, _option, text: _email(text),
    help="Whose account this is; for device management that enrols with a code for many devices.",
)
@click.option(
    "--set-up-anew",
    is_flag=True,
    help="This machine was enrolled for the same person before: go on as the device it was.",
)
def enrol(
    code: str,
    server: str,
    state: Path | None,
    ca_file: Path | None,
    *,
    again: bool,
    person: str | None,
    set_up_anew: bool,
) -> None:
    """Make this device known to a server with an enrolment CODE."""
    directory = StateDirectory(state or default_state_directory())
    with _told_errors(), directory.held(), ExitStack() as stack:

        def connect(address: str) -> Connect:
            def way(key_id: str, key: Ed25519PrivateKey) -> Post:
                transport = Transport(server=address, key_id=key_id, private_key=key, ca_file=ca_file)
                stack.callback(transport.close)
                return transport.post

            return way

        identity = enrol_device(
            directory,
            code=code.strip(),
            server=server_address(server),
            account=Accounts(read_mapping(directory.accounts)).name(_invoking_uid()),
            again=again,
            connect=connect,
            person=person,
            set_up_anew=set_up_anew,
        )
    click.echo(f"This device now reports to {identity.tenant} at {identity.server}.")


@agent.command("rotate-key")
@state_option
@ca_option
def rotate_key(state: Path | None, ca_file: Path | None) -> None:
    """Give this device a new key. The agent must be stopped meanwhile.

    The old key signs for the new one and works no longer from then on. When the connection breaks, run it again.
    """
    directory = StateDirectory(state or default_state_directory())
    with _told_errors(), directory.held(), ExitStack() as stack:

        def connect(key_id: str, key: Ed25519PrivateKey) -> Post:
            transport = Transport(server=identity.server, key_id=key_id, private_key=key, ca_file=ca_file)
            stack.callback(transport.close)
            return transport.post

        identity = read_identity(directory.identity)
        change_key(directory, identity, connect=connect)
    click.echo("This device has a new key.")


@agent.command()
@state_option
def verify(state: Path | None) -> None:
    """Show that what runs in the kernel is what the source says, and that the agent has no rights.

    Needs root and changes nothing. Exits with 1 when a check fails.
    """
    from toktra.agent.capture.linux.verify import main_verify  # noqa: PLC0415 - of no use to a running agent

    directory = StateDirectory(state) if state else _directory_with_status()
    with _told_errors():
        report = main_verify(directory.running_pid())
    click.echo(report.text())
    sys.exit(0 if report.holds else EXIT_FAILED)


@contextmanager
def _told_errors() -> Iterator[None]:
    try:
        yield
    except (AgentError, CannotCapture, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code if isinstance(error, AgentError) else EXIT_NEEDS_YOU)


def _ports(text: str) -> tuple[int, ...]:
    ports = [part.strip() for part in text.split(",")]
    wrong = [part for part in ports if not part.isdecimal() or not 1 <= int(part) <= 65535]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not a port. Give numbers from 1 to 65535, for example 443,8443.")
    return tuple(dict.fromkeys(int(part) for part in ports))


def _email(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", text.strip()):
        raise click.BadParameter(f"{text!r} is not an e-mail address, such as ada@example.org.")
    return text.strip()


def _invoking_uid() -> int:
    """Who typed the command, also through sudo."""
    through_sudo = os.environ.get("SUDO_UID", "")
    return int(through_sudo) if os.geteuid() == 0 and through_sudo.isdecimal() else os.geteuid()


def _directory_with_status() -> StateDirectory:
    """Our own, unless only the system's agent has anything to say."""
    own = StateDirectory(default_state_directory())
    system = StateDirectory(SYSTEM_DIRECTORY)
    return system if not own.status.exists() and system.status.exists() else own


def _in_words(status: Status | None, pid: int | None, path: Path) -> str:
    if status is None:
        if pid:
            return f"An agent is starting (process {pid})."
        return f"No agent is running, and none has run with the state directory {path}."
    events = (
        f"Usage events: {status.recorded} recorded since the start, {status.waiting} waiting,"
        f" {status.dropped} dropped, {status.refused} refused by the server"
    )
    lines = [
        f"Agent {status.agent_version}: {status.state.value if pid else 'not running'} since {_local(status.since)}"
        + (f", process {pid}" if pid else ""),
        f"Reports to {status.tenant} at {status.server}: {status.link.value}",
        *([f"  {status.because}"] if status.because else []),
        f"Last upload: {_local(status.last_upload_at) if status.last_upload_at else 'none since the agent started'}",
        events,
    ]
    if status.capture:
        missed = sum(status.capture.missed.values())
        lines.append(
            f"Connections: {status.capture.connections} seen, {status.capture.provider_connections} to AI providers,"
            f" {status.capture.hidden} with a hidden name, {missed} missed"
        )
        lines += [f"  missed {count}: {cause}" for cause, count in sorted(status.capture.missed.items())]
        if status.capture.opened_before:
            lines.append(
                f"  {status.capture.opened_before} were open when watching began: their host cannot be known, so they"
                " are not counted"
            )
        lines += [f"  {status.capture.degraded}"] if status.capture.degraded else []
    return "\n".join(lines)


def _cannot_watch() -> str | None:
    """Why no agent can watch this machine; None when its kernel lets one."""
    if sys.platform != "linux" or kernel_version() >= OLDEST_KERNEL:
        return None
    return str(KernelTooOld(os.uname().release))


def _told_of_us(directory: StateDirectory) -> Told | None:
    """How it stands with the account that asks; None when no agent answers, or it watches nothing."""
    try:
        return ask(directory.control, Show(), patience_s=STATUS_PATIENCE_S)
    except AgentError:
        return None


def _perks_of_us(directory: StateDirectory) -> PerksTold | None:
    """As `_told_of_us`, of personal mode."""
    try:
        return ask(directory.control, ShowPerks(), patience_s=STATUS_PATIENCE_S)
    except AgentError:
        return None


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"
