"""What waits on the disk for one account's second ledger: sealed records, and tickets that are not spent yet.

One SQLite file for each account, apart from everything corporate. Records came sealed and carry no time; tickets carry
no name. When it is full the oldest records go and are counted. A damaged file is begun anew: nobody could have read it.

The newest record is written anew as uses are added to it, until it is packed. A parcel is on the disk whole before it
leaves, so that one sent again is the same.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toktra.agent.errors import AgentError
from toktra.agent.spool_file import CACHE_KIB, is_damage
from toktra.wire.personal import LONGEST_SEALED_BYTES, Ticket

FORMAT: Final = 1
MOST_RECORDS: Final = 2_400
"""About 20 MB, and 100 days of uploads."""
_COMPANIONS: Final = ("", "-wal", "-shm")
_SCHEMA: Final = """
    create table sealed (
        place integer primary key autoincrement, sealed blob not null, packed integer not null default 0
    ) strict;
    create table parcel (one integer primary key check (one = 1), hour integer not null, body blob not null) strict;
    create table ticket (
        nonce blob primary key, output blob not null, programme text not null, tier text not null,
        month text not null, due integer not null default 0
    ) strict;
    create table counter (name text primary key, value integer not null) strict, without rowid;
    insert into counter values ('dropped', 0);
"""


class NotWritable(AgentError):
    """The disk is full or failing. Nothing of the change was kept; the same change may be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the file says about itself."""

    records: int
    dropped: int
    """Ever, because too many waited."""
    tickets: int
    """Not spent, and not due either."""
    due: int
    """To be spent at the next times."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An upload, ready to leave."""

    hour: int
    """The hour it fills, counted from 1970."""
    body: bytes


class Waiting:
    """Safe to use from several threads; each method is one transaction, on the disk when it returns.

    Every changing method may raise NotWritable, having changed nothing.
    """

    def __init__(self, path: Path, most_records: int = MOST_RECORDS) -> None:
        """Opens the file when it is first needed, so that a disk that fails keeps nobody from sealing."""
        self._path = path
        self._most_records = most_records
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self.lost = False
        """A damaged file was begun anew while this agent ran: what waited in it is gone."""

    def counts(self) -> Counts:
        """As of now."""
        with self._change() as run:
            [(records,)] = run.execute("select count(*) from sealed")
            [(dropped,)] = run.execute("select value from counter where name = 'dropped'")
            [(tickets, due)] = run.execute(
                "select count(*) filter (where not due), count(*) filter (where due) from ticket"
            )
        return Counts(records=records, dropped=dropped, tickets=tickets, due=due)

    def append(self, sealed: bytes) -> int:
        """Adds a record at the end, and drops the oldest that are not on their way when that makes too many.

        Its place, for `replace`.
        """
        with self._change() as run:
            place = run.execute("insert into sealed (sealed) values (?)", (sealed,)).lastrowid
            [(records,)] = run.execute("select count(*) from sealed")
            if records > self._most_records:
                _drop(
                    run,
                    "select place from sealed where not packed order by place limit ?",
                    records - self._most_records,
                )
        assert place is not None  # noqa: S101 - a row was inserted
        return place

    def replace(self, place: int, sealed: bytes) -> bool:
        """Puts a record where an earlier form of it is; False: that one is on its way or gone, and stays as it is."""
        with self._change() as run:
            changed = run.execute("update sealed set sealed = ? where place = ? and not packed", (sealed, place))
            return changed.rowcount == 1

    def parcel(self) -> Parcel | None:
        """The one that was packed and is not delivered yet."""
        with self._change() as run:
            row = run.execute("select hour, body from parcel").fetchone()
        return None if row is None else Parcel(row[0], bytes(row[1]))

    def pack(self, hour: int, seal_up: Callable[[bytes | None], bytes]) -> Parcel:
        """Makes a parcel of the oldest record, if there is one; `seal_up` makes its body of it."""
        with self._change() as run:
            _drop(run, "select place from sealed where length(sealed) not between 1 and ?", LONGEST_SEALED_BYTES)
            row = run.execute("select place, sealed from sealed order by place limit 1").fetchone()
            parcel = Parcel(hour, seal_up(None if row is None else bytes(row[1])))
            run.execute("update sealed set packed = 1 where place = ?", (row and row[0],))
            run.execute("insert into parcel values (1, ?, ?)", (hour, parcel.body))
        return parcel

    def delivered(self) -> None:
        """The service has the parcel."""
        with self._change() as run:
            run.execute("delete from sealed where packed")
            run.execute("delete from parcel")

    def unpack(self) -> None:
        """The service does not take the parcel; its records go into another."""
        with self._change() as run:
            run.execute("update sealed set packed = 0")
            run.execute("delete from parcel")

    def clear(self) -> None:
        """Deletes all that waits."""
        with self._change() as run:
            for table in ("sealed", "parcel", "ticket"):
                run.execute(f"delete from {table}")  # noqa: S608 - the names above

    def add_tickets(self, tickets: Sequence[Ticket]) -> None:
        """Tickets that were issued and found good. Those of other months are over and go."""
        with self._change() as run:
            for month in {ticket.month for ticket in tickets}:
                run.execute("delete from ticket where month <> ? and not due", (month,))
            run.executemany(
                "insert or ignore into ticket (nonce, output, programme, tier, month) values (?, ?, ?, ?, ?)",
                [(one.nonce, one.output, one.programme, one.tier, one.month) for one in tickets],
            )

    def owe(self, number: int) -> None:
        """So many more tickets are to be spent. Where fewer are left, all are."""
        with self._change() as run:
            run.execute(
                "update ticket set due = 1"
                " where nonce in (select nonce from ticket where not due order by nonce limit ?)",
                (number,),
            )

    def ticket_due(self) -> Ticket | None:
        """One that is to be spent; it stays until `spent`."""
        return self._ticket("select programme, tier, month, nonce, output from ticket where due order by nonce limit 1")

    def any_ticket(self) -> Ticket | None:
        """One to open the mailbox with; it stays until `spent`."""
        return self._ticket("select programme, tier, month, nonce, output from ticket order by due, nonce limit 1")

    def spent(self, ticket: Ticket) -> None:
        """It is of no more use."""
        with self._change() as run:
            run.execute("delete from ticket where nonce = ?", (ticket.nonce,))

    def close(self) -> None:
        """Folds the write-ahead log into the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def remove(self) -> None:
        """Closes and deletes the file, with all that waits. Raises OSError."""
        self.close()
        _delete(self._path)

    def _ticket(self, query: str) -> Ticket | None:
        with self._change() as run:
            row = run.execute(query).fetchone()
        if row is None:
            return None
        programme, tier, month, nonce, output = row
        return Ticket(programme=programme, tier=tier, month=month, nonce=nonce, output=output)

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing."""
        with self._lock, _explained():
            run = self._connection = self._connection or self._opened()
            try:
                run.execute("begin immediate")
                yield run
                run.execute("commit")
            except sqlite3.DatabaseError as error:
                if is_damage(error):  # this change goes with the file; the next one finds a sound file
                    run.close()
                    self._connection = None
                raise
            finally:
                if self._connection is not None and run.in_transaction:
                    run.execute("rollback")

    def _opened(self) -> sqlite3.Connection:
        try:
            return _open(self._path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        _delete(self._path)
        self.lost = True
        return _open(self._path)


def _drop(run: sqlite3.Connection, which: str, value: int) -> None:
    """Deletes records and counts them."""
    gone = run.execute(f"delete from sealed where place in ({which})", (value,)).rowcount  # noqa: S608 - ours
    if gone:
        run.execute("update counter set value = value + ? where name = 'dropped'", (gone,))


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite gives the log the mode of the file
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _check_or_create(connection)
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_or_create(connection: sqlite3.Connection) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    tables = connection.execute("select count(*) from sqlite_schema").fetchone()[0]
    if version == 0 and tables == 0:
        connection.execute("pragma journal_mode = wal")
        connection.executescript(f"begin immediate; {_SCHEMA} pragma user_version = {FORMAT}; commit")
    elif version != FORMAT or connection.execute("pragma quick_check(1)").fetchone()[0] != "ok":
        error = sqlite3.DatabaseError("it is damaged, or of another version")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _delete(path: Path) -> None:
    for companion in reversed(_COMPANIONS):
        path.with_name(path.name + companion).unlink(missing_ok=True)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        raise NotWritable(
            f"The file of sealed records cannot be written ({error}). Free some space on the disk of this device; until"
            " then they are held in memory, sealed as well."
        ) from None
