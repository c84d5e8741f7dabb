"""How a loaded kernel program gets from the loader's process into the agent's: descriptors through a socket."""

from __future__ import annotations

import array
import os
import socket
import subprocess
import sys
from typing import Final

import msgspec

from toktra.agent.capture.linux import errors
from toktra.agent.capture.linux.program import LoadedProgram

LOADER: Final = "toktra.agent.capture.linux.loader"
_MAX_MESSAGE: Final = 16384
_MAX_DESCRIPTORS: Final = 64
_TIMEOUT_S: Final = 60


class _Message(msgspec.Struct):
    """Names of the descriptors in the order they are passed, or what went wrong."""

    maps: list[str] = []
    programs: list[str] = []
    links: list[str] = []
    error: str = ""
    detail: str = ""


def load_in_own_process() -> LoadedProgram:
    """Runs a loader and takes over what it loaded and attached. Raises CannotCapture as the loader found it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            loader = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-I", "-m", LOADER, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        ours.settimeout(_TIMEOUT_S)
        try:
            return _receive(ours)
        finally:
            loader.wait(_TIMEOUT_S)


def _receive(connection: socket.socket) -> LoadedProgram:
    room = socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize)
    data, ancillary, _, _ = connection.recvmsg(_MAX_MESSAGE, room, socket.MSG_CMSG_CLOEXEC)
    if not data:
        raise errors.LoadingFailed("the loader ended without a word")
    message = msgspec.json.decode(data, type=_Message)
    if message.error:
        raise _error(message)
    descriptors = array.array("i")
    for _, _, passed in ancillary:
        descriptors.frombytes(passed[: len(passed) - len(passed) % descriptors.itemsize])
    each = iter(descriptors)
    return LoadedProgram(
        maps={name: next(each) for name in message.maps},
        programs={name: next(each) for name in message.programs},
        links={name: next(each) for name in message.links},
    )


def _error(message: _Message) -> errors.CannotCapture:
    match message.error:
        case errors.NoRights.__name__:
            return errors.NoRights()
        case errors.KernelTooOld.__name__:
            return errors.KernelTooOld(os.uname().release)
        case errors.NoCgroup2.__name__:
            return errors.NoCgroup2()
        case _:
            return errors.LoadingFailed(message.detail)


def send(connection: socket.socket, program: LoadedProgram) -> None:
    """The loader's end: hands over every descriptor by name."""
    message = _Message(list(program.maps), list(program.programs), list(program.links))
    descriptors = array.array("i", [*program.maps.values(), *program.programs.values(), *program.links.values()])
    connection.sendmsg([msgspec.json.encode(message)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors.tobytes())])


def send_error(connection: socket.socket, error: errors.CannotCapture) -> None:
    """The loader's end: says why there is nothing to hand over."""
    connection.send(msgspec.json.encode(_Message(error=type(error).__name__, detail=str(error))))
