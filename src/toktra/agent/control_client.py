"""The other end of the control socket, for the commands an account types and for its tray."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any, Final, overload

from toktra.agent.control import ANSWER_WITHIN_S, ASK_WITHIN_S, address_of
from toktra.agent.control_messages import (
    MAX_ANSWER_BYTES,
    MAX_REQUEST_BYTES,
    Browsed,
    Claim,
    Claimed,
    HoursRequest,
    Left,
    Log,
    Noted,
    OwnToday,
    Refused,
    Request,
    Today,
    Told,
    read_answer,
)
from toktra.agent.errors import EXIT_FAILED, EXIT_NEEDS_YOU, EXIT_NOT_RUNNING, AgentError
from toktra.agent.perks.messages import AskStanding, PerksAct, PerksTold, Standing
from toktra.wire.events import InvalidMessage, encode

PATIENCE_S: Final = 2 * ASK_WITHIN_S + ANSWER_WITHIN_S


class NoAgentAnswers(AgentError):
    """Nobody listens at the control socket."""

    exit_code = EXIT_NOT_RUNNING


class AgentIsBusy(AgentError):
    """It did not answer in time, or hung up; whether it did what was asked is not known."""

    exit_code = EXIT_FAILED


class AgentRefused(AgentError):
    """It says why, and nothing was changed."""

    exit_code = EXIT_NEEDS_YOU


@overload
def ask(path: Path, request: HoursRequest, *, patience_s: float = PATIENCE_S) -> Told: ...
@overload
def ask(path: Path, request: Today, *, patience_s: float = PATIENCE_S) -> OwnToday: ...
@overload
def ask(path: Path, request: Log, *, patience_s: float = PATIENCE_S) -> Left: ...
@overload
def ask(path: Path, request: Browsed, *, patience_s: float = PATIENCE_S) -> Noted: ...
@overload
def ask(path: Path, request: Claim, *, patience_s: float = PATIENCE_S) -> Claimed: ...
@overload
def ask(path: Path, request: AskStanding, *, patience_s: float = PATIENCE_S) -> Standing: ...
@overload
def ask(path: Path, request: PerksAct, *, patience_s: float = PATIENCE_S) -> PerksTold: ...
@overload
def ask(path: Path, request: Request, *, patience_s: float = PATIENCE_S) -> Any: ...
def ask(
    path: Path, request: Request, *, patience_s: float = PATIENCE_S
) -> Told | OwnToday | Left | Noted | Claimed | PerksTold | Standing:
    """What the agent behind the socket at `path` answers. Raises NoAgentAnswers, AgentIsBusy, AgentRefused."""
    line = encode(request) + b"\n"
    if len(line) > MAX_REQUEST_BYTES:
        raise AgentRefused(f"That is more than the {MAX_REQUEST_BYTES} bytes a request may hold.")
    try:
        answer = read_answer(_exchange(path, line, time.monotonic() + patience_s))
    except InvalidMessage as error:
        raise AgentIsBusy(
            f"The agent's answer cannot be read ({error}). Update toktra and restart the agent."
        ) from None
    if isinstance(answer, Refused):
        raise AgentRefused(answer.because)
    return answer


def _exchange(path: Path, line: bytes, deadline: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            with address_of(path) as address:
                connection.connect(address)
        except OSError as error:
            raise NoAgentAnswers(
                f"No agent answers at {path} ({error.strerror or error}). Nothing was changed. Is one running?"
                " Ask: toktra agent status"
            ) from None
        try:
            connection.sendall(line)
            return _whole_line(connection, deadline)
        except OSError as error:  # a timeout is one
            raise AgentIsBusy(
                f"The agent did not answer ({error.strerror or error}). Look whether it did what you asked:"
                " toktra status"
            ) from None


def _whole_line(connection: socket.socket, deadline: float) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        more = connection.recv(1 << 16)
        if not more or len(received) > MAX_ANSWER_BYTES:
            raise ConnectionAbortedError(0, "it hung up")
        received += more
    return bytes(received)
