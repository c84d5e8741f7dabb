"""The spool's SQLite file: opening, checking and setting aside. What is queued in it is `spool`'s subject."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from toktra.agent.errors import EXIT_NEEDS_YOU, AgentError
from toktra.wire.events import UsageEvent

FORMAT: Final = 2
CACHE_KIB: Final = 256
"""Of SQLite's default of 2 MB: the queue is read from one end and written at the other."""
COUNTERS: Final = ("epoch", "acknowledged", "numbered", "dropped", "refused")

_TABLES: Final = {
    "event": "create table event (place integer primary key, event blob not null) strict",
    "refused": "create table refused (event blob not null, reason text not null) strict",
    "counter": "create table counter (name text primary key, value integer not null) strict, without rowid",
    "sent": "create table sent (place integer primary key, sent_at integer not null, event blob not null) strict",
}
_NEW_IN_FORMAT_2: Final = "sent"
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_COMPANIONS: Final = ("", "-wal", "-shm")
_event_decoder = msgspec.json.Decoder(UsageEvent)


class SpoolNotOpened(AgentError):
    """The file is there but cannot be opened: rights, a failing disk, or another process."""


class SpoolOfNewerVersion(AgentError):
    """The file was written by a newer agent."""

    exit_code = EXIT_NEEDS_YOU


class SpoolDamaged(AgentError):
    """What is on the disk is not what was written."""


def open_or_replace(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """A checked connection, and where a damaged file was moved when one stood in the way.

    A new file has all counters at 0. Raises SpoolNotOpened, SpoolOfNewerVersion.
    """
    try:
        try:
            return _open(path), None
        except SpoolDamaged:
            set_aside = move_aside(path, "damaged")
            return _open(path), set_aside
    except (sqlite3.DatabaseError, OSError) as error:
        raise SpoolNotOpened(
            f"The spool {path} cannot be opened ({error}). Check the disk and who owns the file."
        ) from None


def move_aside(path: Path, why: str) -> Path:
    """Renames the spool and its companions to a free name that says why and when; nothing is deleted."""
    stem = f"{path.stem}-{why}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    target, attempt = path.with_name(f"{stem}{path.suffix}"), 1
    while target.exists():
        attempt += 1
        target = path.with_name(f"{stem}-{attempt}{path.suffix}")
    # The log goes first: a new spool must never meet the old one's log. Its name still fits the renamed file.
    for companion in reversed(_COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + companion).rename(target.with_name(target.name + companion))
    return target


def decode_event(row: bytes) -> UsageEvent:
    """Raises SpoolDamaged when the row is no usage event."""
    try:
        return _event_decoder.decode(row)
    except msgspec.MsgspecError as error:
        raise SpoolDamaged(f"An event in the spool cannot be read ({error}).") from None


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite says that the file's content is broken, not that it could not be reached."""
    return (error.sqlite_errorcode & 0xFF) in _DAMAGE


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives the log the mode of the file
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _check_or_create(connection, path)
        connection.execute("pragma synchronous = full")
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
    except sqlite3.DatabaseError as error:
        connection.close()
        if is_damage(error):
            raise SpoolDamaged(str(error)) from None
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _check_or_create(connection: sqlite3.Connection, path: Path) -> None:
    """Changes nothing in a file that is not empty, but for a table that an older version did not have."""
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > FORMAT:
        raise SpoolOfNewerVersion(
            f"The spool {path} was written by a newer version of toktra (format {version}, this one knows {FORMAT})."
            " Update toktra, or give another directory with --state."
        )
    tables = dict(connection.execute("select name, sql from sqlite_schema").fetchall())
    if not tables and version == 0:
        _create(connection)
        return
    found = {name: (sql or "").lower() for name, sql in tables.items()}
    expected = {name: sql for name, sql in _TABLES.items() if version == FORMAT or name != _NEW_IN_FORMAT_2}
    if found != expected:
        raise SpoolDamaged("its tables are not the spool's")
    verdict = connection.execute("pragma quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise SpoolDamaged(verdict)
    if not {name for (name,) in connection.execute("select name from counter")} >= set(COUNTERS):
        raise SpoolDamaged("its counters are missing")
    for (row,) in connection.execute("select event from event"):
        decode_event(row)
    if version < FORMAT:
        _add_sent(connection)


def _add_sent(connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")
    connection.execute(_TABLES[_NEW_IN_FORMAT_2])
    connection.execute(f"pragma user_version = {FORMAT}")
    connection.execute("commit")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("pragma auto_vacuum = incremental")
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("begin immediate")
    for statement in _TABLES.values():
        connection.execute(statement)
    connection.executemany("insert into counter values (?, 0)", [(name,) for name in COUNTERS])
    connection.execute(f"pragma user_version = {FORMAT}")
    connection.execute("commit")
