"""Whom the agent goes on as, once the kernel program is loaded and no right is needed any more."""

from __future__ import annotations

import ctypes
import os
import pwd
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from toktra.agent.capture.linux.privileges import Account, Capability, drop_privileges, rights_of
from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.agent.state_directory import StateDirectory

OWN_ACCOUNT: Final = "toktra"
"""Made by the packages."""
LAST_RESORT: Final = "nobody"


_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG: Final = 1
_PR_GET_PDEATHSIG: Final = 2
WATCHING: Final = frozenset({Capability.BPF, Capability.NET_ADMIN, Capability.PERFMON})


class NoRightsToWatch(AgentError):
    """The process may not load a kernel program."""

    exit_code = EXIT_NEEDS_YOU


class AccountNotUsable(AgentError):
    """The agent cannot go on under the account that was asked for."""

    exit_code = EXIT_NEEDS_YOU


def check_rights_to_watch(state: StateDirectory) -> None:
    """Raises NoRightsToWatch with the command that has the rights, and that works on the same state directory."""
    if rights_of().effective >= WATCHING:
        return
    arguments = sys.argv[1:]
    if "--state" not in arguments:
        arguments += ["--state", str(state.path.absolute())]
    program = sys.argv[:1] if os.access(sys.argv[0], os.X_OK) else [sys.executable, "-m", "toktra"]
    raise NoRightsToWatch(
        "Watching this machine takes root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, until the kernel"
        f" program is loaded; then they are given up. Run:\n  {shlex.join(['sudo', *program, *arguments])}"
    )


def account_to_become(name: str | None) -> Account:
    """The account named, or the default; our own when we are not root. Raises AccountNotUsable."""
    if os.geteuid() != 0:
        own = Account(os.geteuid(), os.getegid())
        if name is not None and _find(name) != own:
            raise AccountNotUsable(f"Only root can go on as {name}. Start the agent as {name} or as root.")
        return own
    if name is not None:
        found = _find(name)
        if found is None:
            raise AccountNotUsable(f"There is no account named {name}. Make it, or name another with --account.")
        return found
    for default in (OWN_ACCOUNT, LAST_RESORT):
        found = _find(default)
        if found is not None:
            return found
    raise AccountNotUsable("There is no unprivileged account to go on as. Name one with --account.")


def become(account: Account, state: StateDirectory, *, keep: frozenset[Capability] = frozenset()) -> None:
    """Hands the state directory to `account` and gives up every right but `keep`, for good.

    Raises AccountNotUsable when the account cannot reach the directory, or the kernel refuses.
    """
    if os.geteuid() == 0:
        state.give_to(account.uid, account.gid)
    try:
        with _ending_with_parent():
            drop_privileges(account, keep=keep)
    except OSError as error:
        raise AccountNotUsable(f"The agent's rights could not be given up ({error}), so it does not go on.") from None
    if not os.access(state.path, os.R_OK | os.W_OK | os.X_OK):
        raise AccountNotUsable(
            f"The account the agent goes on as (uid {account.uid}) cannot reach {state.path}. Choose a directory"
            " outside of private ones with --state, or another account with --account."
        )


@contextmanager
def _ending_with_parent() -> Iterator[None]:
    """Keeps the wish of whoever started us that we end when they do: a change of account makes the kernel forget it."""
    wished, parent = ctypes.c_int(0), os.getppid()
    _libc.prctl(_PR_GET_PDEATHSIG, ctypes.byref(wished), 0, 0, 0)
    yield
    if wished.value:
        _libc.prctl(_PR_SET_PDEATHSIG, wished.value, 0, 0, 0)
        if os.getppid() != parent:  # it ended in between
            signal.raise_signal(wished.value)


def _find(name: str) -> Account | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(found.pw_uid, found.pw_gid)
