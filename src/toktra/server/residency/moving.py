"""Moves an organisation to another region: an export that only the other region can open, an import, a proven erasure.

The file is an age file to a key that the receiving region made and keeps. Inside, each table is the text that
PostgreSQL's COPY writes, parents before those that refer to them. Secrets that this server sealed with its own key are
opened on the way into the file and sealed with the other server's key on the way out, so no region holds another's key.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import msgspec
import psycopg
import pyrage  # type: ignore[import-untyped]
from psycopg import sql
from psycopg.rows import namedtuple_row

from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.tenants import administration
from toktra.server.vault import Vault

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("moving.sql"), "psycopg")

FORMAT: Final = 1
_END: Final = b"\\.\n"


class NotMovable(ValueError):
    """The organisation cannot be exported, or the file not imported; nothing was changed. The text says why."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file's first line."""

    format: int
    tables: str
    """Version of the tables, which must be the receiving database's, too."""
    organisation_id: UUID
    slug: str
    name: str
    region: str
    """That it leaves."""
    months: list[date]
    """Of which there are events: first days."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What arrived: the region that is left erases its rows only against the receipt of what it exported."""

    organisation_id: UUID
    slug: str
    region: str
    """Where it is served now."""
    rows: int
    sha256: str
    """Of the file's contents, from the first line to the last table's end."""


class Moved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export wrote."""

    rows: int
    sha256: str


def export(owner_url: str, vault: Vault, slug: str, recipient: str, to: Path) -> Moved:
    """Writes `to` whole or not at all. The organisation must be suspended: what comes in later would be left behind.

    Raises NotMovable or DatabaseUnreachable.
    """
    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise NotMovable(f"{recipient} is no key of a region; it begins with age1. Ask for: region key") from None
    unfinished = to.with_name(to.name + ".unfinished")
    with _connected(owner_url) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        header = _header(connection, slug)
        contents = _Contents(_written(connection, vault, header))
        with unfinished.open("xb") as file:
            unfinished.chmod(0o600)
            pyrage.encrypt_io(contents, file, [key])
    unfinished.rename(to)
    return Moved(rows=contents.rows, sha256=contents.digest.hexdigest())


def bring_in(owner_url: str, vault: Vault, identity: str, region: str, file: Path) -> Receipt:
    """Imports a file in one transaction: all of it is there afterwards, or nothing. Raises NotMovable."""
    key = pyrage.x25519.Identity.from_str(identity)
    with _connected(owner_url) as connection, connection.transaction(), file.open("rb") as sealed:
        sink = _Sink(connection, vault, region)
        try:
            pyrage.decrypt_io(sealed, sink, [key])
        except Exception as error:
            if sink.failure is not None:
                raise sink.failure from None
            if not isinstance(error, OSError | pyrage.DecryptError):
                raise
            raise NotMovable(f"{file} is damaged, or was not written for this region's key") from None
        return sink.receipt()


def leave(owner_url: str, receipt: Receipt, exported: Moved) -> int:
    """Erases the rows that arrived elsewhere and remembers where; how many they were. Raises NotMovable."""
    if (receipt.rows, receipt.sha256) != (exported.rows, exported.sha256):
        raise NotMovable(
            f"the receipt is for {receipt.rows} rows ({receipt.sha256[:12]}…), and {exported.rows} "
            f"({exported.sha256[:12]}…) were exported. Nothing was erased."
        )
    erased = administration.delete(owner_url, receipt.slug)
    with _connected(owner_url) as connection, connection.transaction():
        _queries.serve_elsewhere(
            connection, organisation_id=receipt.organisation_id, slug=receipt.slug, region=receipt.region
        )
    return erased


def _header(connection: psycopg.Connection[Any], slug: str) -> Header:
    found = _queries.tenant(connection, slug=slug)
    if found is None:
        raise NotMovable(f"there is no organisation {slug} here")
    if found.status != "suspended":
        raise NotMovable(f"{slug} is {found.status}. Suspend it first: toktra server tenant suspend {slug}")
    _queries.confine(connection, organisation_id=str(found.tenant_id))
    return Header(
        format=FORMAT,
        tables=_queries.version(connection),
        organisation_id=found.tenant_id,
        slug=found.slug,
        name=found.name,
        region=found.region,
        months=[row.month for row in _queries.months(connection, organisation_id=found.tenant_id)],
    )


def _written(connection: psycopg.Connection[Any], vault: Vault, header: Header) -> Iterator[tuple[bytes, int]]:
    """The file's lines, and how many rows each is."""
    yield msgspec.json.encode(header) + b"\n", 0
    for table in reversed(administration.tables_of_tenants(connection)):
        name = sql.Identifier(table.schema_name, table.table_name)
        columns = [row.name for row in _queries.columns(connection, place=name.as_string(connection))]
        sealed = {i for i, column in enumerate(columns) if column.startswith("sealed_")}
        yield msgspec.json.encode([table.schema_name, table.table_name, columns]) + b"\n", 0
        rows = sql.SQL("copy (select {} from {} where tenant_id = {}) to stdout").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), name, sql.Literal(header.organisation_id)
        )
        with connection.cursor().copy(rows) as copy:
            for block in copy:
                yield (_turned(bytes(block), sealed, vault.hand_over) if sealed else bytes(block)), 1
        yield _END, 0


def _turned(line: bytes, places: set[int], turn: Any) -> bytes:
    """A row of COPY's text with its sealed values turned; what our vault did not seal stays as it is."""
    values = line.rstrip(b"\n").split(b"\t")
    for i in places:
        if values[i].startswith(b"\\\\x"):
            values[i] = b"\\\\x" + turn(bytes.fromhex(values[i][3:].decode())).hex().encode()
    return b"\t".join(values) + b"\n"


class _Contents(io.RawIOBase):
    """The lines as a file to read from, counted on their way."""

    def __init__(self, lines: Iterator[tuple[bytes, int]]) -> None:
        self._lines = lines
        self._left = b""
        self.rows = 0
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; none at the end."""
        while not self._left:
            try:
                self._left, rows = next(self._lines)
            except StopIteration:
                return b""
            self.rows += rows
            self.digest.update(self._left)
        size = len(self._left) if size < 0 else size
        piece, self._left = self._left[:size], self._left[size:]
        return piece


class _Sink(io.RawIOBase):
    """Takes the opened file's bytes as they come, and copies each table's rows into it."""

    def __init__(self, connection: psycopg.Connection[Any], vault: Vault, region: str) -> None:
        self._connection = connection
        self._vault = vault
        self._region = region
        self._line = b""
        self._header: Header | None = None
        self._table: tuple[sql.Identifier, sql.Composed] = (sql.Identifier(""), sql.Composed([]))
        self._copying: Any = None
        self._copy: Any = None
        self._sealed: set[int] = set()
        self._rows = 0
        self._digest = hashlib.sha256()
        self.failure: Exception | None = None
        """What went wrong here: age's library tells it on as an error of its own."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """All of it; nothing is taken after a failure."""
        if self.failure is not None:
            return len(data)
        *lines, self._line = (self._line + bytes(data)).split(b"\n")
        try:
            for line in lines:
                self._digest.update(line + b"\n")
                self._take(line + b"\n")
        except Exception as error:
            self.failure = error
            raise
        return len(data)

    def receipt(self) -> Receipt:
        """Once everything was written. Raises NotMovable when the file broke off."""
        if self._header is None or self._copying is not None or self._line:
            raise NotMovable("the file breaks off; nothing was imported")
        _queries.activate(self._connection, organisation_id=self._header.organisation_id)
        return Receipt(
            organisation_id=self._header.organisation_id,
            slug=self._header.slug,
            region=self._region,
            rows=self._rows,
            sha256=self._digest.hexdigest(),
        )

    def _take(self, line: bytes) -> None:
        if self._header is None:
            self._begin(line)
        elif self._copying is None:
            self._open_table(*msgspec.json.decode(line, type=tuple[str, str, list[str]]))
        elif line == _END:
            self._close_table()
        else:
            self._rows += 1
            self._copy.write(_turned(line, self._sealed, self._vault.take_over) if self._sealed else line)

    def _begin(self, line: bytes) -> None:
        try:
            header = msgspec.json.decode(line, type=Header)
        except msgspec.DecodeError as error:
            raise NotMovable(f"this is no export of an organisation: {error}") from None
        version = _queries.version(self._connection)
        if header.format != FORMAT or header.tables != version:
            raise NotMovable(
                f"the file's tables are of version {header.tables}, and this database's of {version}. "
                "Both regions need the same version of toktra."
            )
        _queries.forget_elsewhere(self._connection, organisation_id=header.organisation_id)
        added = _queries.add_tenant(
            self._connection,
            organisation_id=header.organisation_id,
            slug=header.slug,
            name=header.name,
            region=self._region,
        )
        if added is None:
            raise NotMovable(f"an organisation {header.slug} is here already")
        _queries.confine(self._connection, organisation_id=str(header.organisation_id))
        for month in header.months:
            _queries.create_month(self._connection, month=month)
        self._header = header

    def _open_table(self, schema: str, table: str, columns: list[str]) -> None:
        """Triggers that derive rows rest meanwhile: what they derived comes as well."""
        name = sql.Identifier(schema, table)
        known = {row.name for row in _queries.columns(self._connection, place=name.as_string(self._connection))}
        if not known.issuperset(columns):
            raise NotMovable(f"the table {schema}.{table} has other columns here; nothing was imported")
        self._sealed = {i for i, column in enumerate(columns) if column.startswith("sealed_")}
        self._table = name, sql.SQL(", ").join(map(sql.Identifier, columns))
        self._connection.execute(sql.SQL("create temporary table arriving (like {})").format(name))
        self._copying = self._connection.cursor().copy(sql.SQL("copy arriving ({}) from stdin").format(self._table[1]))
        self._copy = self._copying.__enter__()

    def _close_table(self) -> None:
        """PostgreSQL copies into no table that row-level security guards, so the rows arrive beside it."""
        self._copying.__exit__(None, None, None)
        self._copying = None
        name, columns = self._table
        for statement in (
            "alter table {name} disable trigger user",
            "insert into {name} ({columns}) overriding system value select {columns} from arriving",
            "alter table {name} enable trigger user",
            "drop table arriving",
        ):
            self._connection.execute(sql.SQL(statement).format(name=name, columns=columns))


@contextmanager
def _connected(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        connection = psycopg.connect(owner_url, autocommit=True, row_factory=namedtuple_row)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"cannot reach the database as its owner: {error}") from None
    with connection:
        yield connection
