"""What only the owner of the tables can do with organisations: list, suspend and resume them, and delete one whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from toktra.server.database.failures import DatabaseUnreachable
from toktra.server.first_start import UnknownOrganisation

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("administration.sql"), "psycopg")

_ROWS_AT_ONCE: Final = 20_000
"""So many rows a transaction: each is short, so devices of other organisations do not wait."""


class NotPossible(ValueError):
    """The organisation is in no state in which this can be done; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """One line of the list."""

    slug: str
    name: str
    status: str
    created_on: date


def list_tenants(owner_url: str) -> list[ListedTenant]:
    """All there are, by short name. Raises DatabaseUnreachable."""
    with _connected(owner_url) as connection:
        return [ListedTenant(*row) for row in _queries.list_tenants(connection)]


def suspend(owner_url: str, slug: str) -> UUID:
    """Nobody signs in and no upload is taken from now on; nothing is deleted. Safe to repeat.

    Raises UnknownOrganisation, NotPossible or DatabaseUnreachable.
    """
    return _set_status(owner_url, slug, "suspended")


def resume(owner_url: str, slug: str) -> UUID:
    """Everything works again; devices send what they kept meanwhile. Raises as `suspend` does."""
    return _set_status(owner_url, slug, "active")


def delete(owner_url: str, slug: str) -> int:
    """Deletes the organisation with everything in it, and answers how many rows that were.

    Begins by suspending it for good. Broken off, it goes on where it was when called again. Raises UnknownOrganisation
    or DatabaseUnreachable.
    """
    with _connected(owner_url) as connection:
        with connection.transaction():
            tenant_id: UUID = _find(connection, slug).tenant_id
            _queries.set_status(connection, tenant_id=tenant_id, status="deleting")
        # Row-level security binds the owner, too: nothing of another organisation can be hit.
        connection.execute("select set_config('toktra.tenant_id', %s, false)", [str(tenant_id)])
        with connection.transaction():
            _queries.wait_for_batches(connection, tenant_id=tenant_id)
        tables = [sql.Identifier(row.schema_name, row.table_name) for row in tables_of_tenants(connection)]
        deleted = 0
        while rows := sum(_empty(connection, table, tenant_id) for table in tables):
            deleted += rows  # and again: a request under way may have added one behind us
        with connection.transaction():
            _queries.delete_jobs(connection, tenant_id=str(tenant_id))
            _queries.delete_tenant(connection, tenant_id=tenant_id)
        return deleted


def tables_of_tenants(connection: psycopg.Connection[Any]) -> list[Any]:
    """`schema_name` and `table_name` of every table with rows of organisations, those that refer to others first."""
    return list(_queries.tables(connection))


def _empty(connection: psycopg.Connection[Any], table: sql.Identifier, tenant_id: UUID) -> int:
    statement = sql.SQL(
        "delete from {table} where (tableoid, ctid) in "
        "(select tableoid, ctid from {table} where tenant_id = %s limit {most}) and tenant_id = %s"
    ).format(table=table, most=sql.Literal(_ROWS_AT_ONCE))
    deleted = 0
    while (count := connection.execute(statement, [tenant_id, tenant_id]).rowcount) > 0:
        deleted += count
    return deleted


def _set_status(owner_url: str, slug: str, status: str) -> UUID:
    with _connected(owner_url) as connection, connection.transaction():
        found = _find(connection, slug)
        if found.status == "deleting":
            raise NotPossible(
                f"{slug} is being deleted and cannot come back. Finish it with: toktra server tenant delete {slug}"
            )
        _queries.set_status(connection, tenant_id=found.tenant_id, status=status)
        tenant_id: UUID = found.tenant_id
        return tenant_id


def _find(connection: psycopg.Connection[Any], slug: str) -> Any:
    row = _queries.find(connection, slug=slug)
    if row is None:
        raise UnknownOrganisation(slug)
    return row


@contextmanager
def _connected(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        connection = psycopg.connect(owner_url, autocommit=True, row_factory=namedtuple_row)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"cannot reach the database as its owner: {error}") from None
    with connection:
        yield connection
