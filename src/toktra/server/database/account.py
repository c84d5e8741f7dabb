"""Which operating-system account PostgreSQL runs under, and whether that account can reach a directory.

PostgreSQL refuses to run as root, and rightly. Everyone else runs it as themselves.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from toktra.server.database.failures import DatabaseFailure

CANDIDATES: Final = ("toktra", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine that a child process can be started under."""

    name: str
    uid: int
    gid: int

    @property
    def process_options(self) -> dict[str, Any]:
        """Arguments for subprocess that make the child run as this account, without any of our groups."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def first_unreachable(self, path: Path) -> Path | None:
        """The first directory from the root down to `path` that this account may not enter, or None.

        Asked of the kernel as that account, so that access-control lists count as well as modes.
        """
        script = 'for place; do [ -x "$place" ] || { printf %s "$place"; exit 1; }; done'
        places = [*reversed(path.parents), path]
        answer = subprocess.run(  # noqa: S603 - a fixed script, paths only as arguments
            ["/bin/sh", "-c", script, "sh", *map(str, places)],
            cwd="/",
            env={},
            capture_output=True,
            text=True,
            check=False,
            **self.process_options,
        )
        return Path(answer.stdout) if answer.returncode else None


def database_account() -> Account:
    """The account to run PostgreSQL under: ourselves, or an unprivileged one when we are root.

    Raises DatabaseFailure when we are root and none of CANDIDATES exists.
    """
    if os.geteuid() != 0:
        return Account(str(os.geteuid()), os.geteuid(), os.getegid())
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise DatabaseFailure(
        f"PostgreSQL does not run as root and none of the accounts {', '.join(CANDIDATES)} exists. "
        "Create one with: useradd --system toktra"
    )
