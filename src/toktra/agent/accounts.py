"""Which name stands in an event for the local user who made the connection: the account's, or what it is mapped to."""

from __future__ import annotations

import pwd
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError

UNKNOWN: Final = "unknown"
"""Stands for a user that the source cannot know, as in a replay. It can be mapped like any account."""
_NUMBERED: Final = re.compile(r"uid-([0-9]{1,10})")
_NAME: Final = re.compile(r"[\w.@+\-\\$ ]{1,128}")


class AccountsNotUsable(AgentError):
    """The mapping file says something that cannot be followed."""

    exit_code = EXIT_NEEDS_YOU


def account_of(uid: int) -> str | None:
    """The name the system's user database has for `uid`, None when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return None


def uid_of(account: str) -> int | None:
    """The user id the system's user database has for a name, None when it has none."""
    try:
        return pwd.getpwnam(account).pw_uid
    except (KeyError, ValueError):  # ValueError: a zero byte
        return None


class Accounts:
    """Names by user id. Each user id is looked up once: an account renamed while the agent runs keeps its old name."""

    def __init__(
        self,
        mapping: Mapping[str, str] | None = None,
        account: Callable[[int], str | None] = account_of,
        uid: Callable[[str], int | None] = uid_of,
    ) -> None:
        self._mapping = dict(mapping or {})
        self._account = account
        self._uid = uid
        self._names: dict[int | None, str] = {}

    def name(self, uid: int | None) -> str:
        """A name that `UsageEvent.user` accepts; "uid-4321" for a user the system does not know."""
        if uid not in self._names:
            self._names[uid] = self._look_up(uid)
        return self._names[uid]

    def uids(self, name: str) -> set[int]:
        """The user ids that report under a name; several when accounts were mapped to the same."""
        accounts = {name, *(account for account, mapped in self._mapping.items() if mapped == name)}
        numbered = {int(match[1]) for account in accounts if (match := _NUMBERED.fullmatch(account))}
        named = {uid for account in accounts if (uid := self._uid(account)) is not None}
        return {uid for uid in numbered | named if self.name(uid) == name}

    def _look_up(self, uid: int | None) -> str:
        if uid is None:
            return self._mapping.get(UNKNOWN, UNKNOWN)
        account = self._account(uid)
        if account is None or not _NAME.fullmatch(account):
            account = f"uid-{uid}"
        return self._mapping.get(account, account)


def read_mapping(path: Path) -> dict[str, str]:
    """The table [accounts] of a TOML file, empty when there is no file.

    Raises AccountsNotUsable naming the entry at fault.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AccountsNotUsable(f"{path} cannot be read ({error}). Mend or remove it.") from None
    mapping = tables.pop("accounts", {})
    if tables:
        raise AccountsNotUsable(f"{path} has an entry that means nothing here: {next(iter(tables))}. Remove it.")
    if not isinstance(mapping, dict):
        raise AccountsNotUsable(f"{path}: accounts must be a table, for example [accounts].")
    for account, name in mapping.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AccountsNotUsable(
                f"{path}: accounts.{account} must be a name of 1 to 128 letters, digits, spaces and . @ + - _ $ \\"
            )
    return mapping
