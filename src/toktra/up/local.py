"""Everything on one machine: which parts are started, in which order, and what the person is told."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from types import FrameType

import toktra
from toktra.agent.accounts import UNKNOWN, account_of
from toktra.agent.identity import NotEnrolled, read_identity
from toktra.agent.state_directory import StateDirectory
from toktra.agent.status import read_status
from toktra.server.children import Child, ChildFailed, toktra_command, unprivileged, wait_until
from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls, prepare
from toktra.server.first_start import DEFAULT_SLUG, create_enrolment_code, ensure_default_tenant
from toktra.server.people.service import SAMPLE_SLUG, create_sign_in_link
from toktra.server.second_ledger import SecondLedger, second_ledger
from toktra.server.tenants.service import Founded

HOST = "127.0.0.1"
START_PATIENCE_S = 30.0
LOOK_EVERY_S = 0.3
NO_RIGHTS = 2
"""Exit code of `toktra agent run` when it cannot work here and says why."""


class CannotStart(Exception):
    """Something on this machine keeps Toktra from starting. The text names it and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person asked for."""

    data: Path
    port: int
    browser: bool
    capture: Path | None
    """A capture file to read instead of watching this machine."""
    sample: bool
    """Read the bundled sample, in an organisation of its own that says so on every page."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """Whose figures the page shows, and who signs in."""

    slug: str
    name: str
    owner_name: str


def run(wish: Wish, say: Callable[[str], None]) -> None:
    """Starts everything, says where to look, and returns when asked to stop by a signal.

    Raises CannotStart, ChildFailed or a DatabaseFailure; then everything started has been stopped again.
    """
    _check_port(wish.port)
    if wish.capture is not None and not wish.capture.is_file():
        raise CannotStart(f"{wish.capture} is not a file. Name a capture file (pcap or pcapng).")
    with ExitStack() as stack:
        stopping = stack.enter_context(_signals())
        say(f"Toktra {toktra.__version__}, data in {wish.data}")
        urls = stack.enter_context(prepare(wish.data))
        logs = wish.data / "logs"
        logs.mkdir(exist_ok=True)

        here = _organisation(wish)
        founded = ensure_default_tenant(urls.needed_owner, slug=here.slug, name=here.name, owner_name=here.owner_name)
        personal = second_ledger(urls, data=wish.data, host=HOST, port=wish.port + 1)
        server = _server(wish, urls, personal, logs)
        stack.callback(server.stop)
        server.start()

        recording = stack.enter_context(_capture_file(wish))
        state = _state_directory(wish, recording)
        code = None
        if not _is_enrolled(state):
            code = create_enrolment_code(urls.app, slug=here.slug, person_id=founded.owner_id)
        wait_until(lambda: _is_ready(wish.port), server, START_PATIENCE_S)
        if code is not None:
            _enrol(code, wish, state, logs)
        agent = _agent(wish, state, recording, logs)
        stack.callback(agent.stop)
        agent.start()
        _wait_for_agent(agent, state)

        if personal is not None:  # last: nothing here waits for it
            stack.callback(personal.child.stop)
            personal.child.start()
        link = asyncio.run(_sign_in_link(urls, founded))
        _tell(say, wish, link, agent, personal)
        if wish.browser:
            _open_browser(f"http://{HOST}:{wish.port}{link}")
        _look_after(stopping, server, agent, personal, say)
        say("Stopping. Your data stays.")


def _look_after(
    stopping: threading.Event, server: Child, agent: Child, personal: SecondLedger | None, say: Callable[[str], None]
) -> None:
    told = False
    while not stopping.wait(LOOK_EVERY_S):
        now = time.monotonic()
        server.look_after(now)
        agent.look_after(now)
        if personal is not None and (failure := personal.look_after(now)):
            say(failure)
        if not told and agent.exit_code in agent.final_exit_codes:
            told = True
            say(agent.last_words())


def _organisation(wish: Wish) -> Organisation:
    if wish.sample:
        return Organisation(SAMPLE_SLUG, "Sample organisation", "Sample owner")
    return Organisation(DEFAULT_SLUG, f"This machine ({socket.gethostname()})", _invoking_account())


def _invoking_account() -> str:
    """Who typed the command, also through sudo."""
    import getpass  # noqa: PLC0415 - pulls in readline and termios

    return os.environ.get("SUDO_USER") or getpass.getuser()


def _server(wish: Wish, urls: DatabaseUrls, personal: SecondLedger | None, logs: Path) -> Child:
    """The server runs under the database's unprivileged account whenever that account can reach Python."""
    return Child(
        "server",
        toktra_command("server", "run", "--host", HOST, "--port", str(wish.port)),
        logs / "server.log",
        environment={
            "TOKTRA_DATABASE_URL": urls.app,
            "TOKTRA_PRIVACY_DATABASE_URL": urls.privacy or "",
            **(personal.for_server if personal else {}),
        },
        account=unprivileged(),
    )


def _agent(wish: Wish, state: StateDirectory, recording: Path | None, logs: Path) -> Child:
    command = toktra_command("agent", "run", "--state", str(state.path), "--server", f"http://{HOST}:{wish.port}")
    if recording is not None:
        command += ["--replay", str(recording)]
        if wish.sample:
            command.append("--ending-now")
    elif (own := account_of(os.geteuid())) and os.geteuid() != 0:
        command += ["--account", own]  # also when someone repeats the command as root: the directory stays theirs
    return Child("agent", command, logs / "agent.log", final_exit_codes=frozenset({0, NO_RIGHTS}))


@contextmanager
def _capture_file(wish: Wish) -> Iterator[Path | None]:
    if not wish.sample:
        yield wish.capture.resolve() if wish.capture else None
        return
    with as_file(files("toktra.up") / "sample.pcap") as path:
        yield path


def _state_directory(wish: Wish, recording: Path | None) -> StateDirectory:
    """A device of its own for each capture file, so that reading the same file again adds nothing.

    A capture file does not say whose traffic it holds: it is taken for that of the person who reads it.
    """
    if recording is None:
        return StateDirectory(wish.data / "agent")
    with recording.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()[:12]
    state = StateDirectory(wish.data / "replays" / digest)
    state.path.mkdir(parents=True, exist_ok=True)
    state.accounts.write_text(f"[accounts]\n{UNKNOWN} = {json.dumps(_invoking_account())}\n", "utf-8")
    return state


def _is_enrolled(state: StateDirectory) -> bool:
    try:
        read_identity(state.identity)
    except NotEnrolled:
        return False
    return True


async def _sign_in_link(urls: DatabaseUrls, founded: Founded) -> str:
    async with Database(urls.app, connections=1) as database:
        return await create_sign_in_link(database, founded.tenant, founded.owner_id)


def _enrol(code: str, wish: Wish, state: StateDirectory, logs: Path) -> None:
    site = f"http://{HOST}:{wish.port}"
    command = toktra_command("agent", "enrol", code, "--server", site, "--state", str(state.path))
    enrolment = Child("enrolment of this machine", command, logs / "enrolment.log")
    enrolment.start()
    if enrolment.wait(START_PATIENCE_S) != 0:
        raise ChildFailed(f"this machine could not be enrolled:\n{enrolment.last_words()}")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise CannotStart(
                f"port {port} is in use. End the program that listens there, or choose another port: --port {port + 1}"
            ) from None


def _wait_for_agent(agent: Child, state: StateDirectory) -> None:
    """Until it observes, or has ended: from the moment the person is told, nothing they do goes unseen."""

    def is_at_work() -> bool:
        status = read_status(state.status)
        return agent.exit_code is not None or (status is not None and status.pid == agent.process_id)

    wait_until(is_at_work, agent, START_PATIENCE_S)


def _tell(say: Callable[[str], None], wish: Wish, link: str, agent: Child, personal: SecondLedger | None) -> None:
    say("")
    say(f"  Open  http://{HOST}:{wish.port}{link}")
    say("        It signs you in once. For another one: toktra server sign-in-link")
    say("")
    if personal is None:
        say(f"  Token Perks is not available: port {wish.port + 1} is in use. For another pair of ports: --port")
    if wish.sample:
        say("  You see the bundled sample: use that never happened, in an organisation of its own.")
    elif wish.capture is not None:
        say(f"  You see what the agent would have recorded from {wish.capture}.")
    elif agent.exit_code is None:
        say("  Watching this machine. Use an AI tool and it appears within seconds.")
    say("  Ctrl-C stops everything; your data stays.")


def _open_browser(url: str) -> None:
    """Opens a window when there is a desktop; a text browser would take over the terminal."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that the usual ways of ending a program set, so that everything can be stopped in order."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield stopping
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
