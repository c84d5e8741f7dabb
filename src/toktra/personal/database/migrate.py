"""Brings the second ledger's database to the version this Toktra needs, as its owner, and lets the service's role in.

The steps are numbered SQL files, run in order in one transaction; the number of the last is kept in the database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg import sql

from toktra.personal.database.failures import LedgerTooNew, LedgerUnreachable, UnsafeRole

STEPS: Final = tuple(sorted((Path(__file__).parent / "migrations").glob("*.sql")))
NEWEST: Final = int(STEPS[-1].name.partition("_")[0])

_LOCK: Final = 0x706572736F6E
"""Advisory lock number ("person"): one migration at a time, whoever starts it."""

_ALLOWED: Final[tuple[LiteralString, ...]] = (
    "grant usage on schema public to {role}",
    "grant select on schema_version to {role}",
    "grant select, insert, delete on mailbox, spent_ticket to {role}",
    "grant select, insert, update, delete on record to {role}",
    "grant select, update on record_day to {role}",
    "grant select, insert, update on programme_tier to {role}",
    "grant select, insert on closed_month to {role}",
    "grant execute on all functions in schema public to {role}",
)

_UNSAFE: Final[LiteralString] = """
    select role.rolsuper or role.rolbypassrls
        or pg_has_role(role.oid, (select datdba from pg_database where datname = current_database()), 'member')
    from pg_roles role where role.rolname = %s
"""


def migrate(owner_url: str, role: str) -> bool:
    """Runs the missing steps and lets `role`, and no other but the owner, in; True if any step ran.

    Raises LedgerUnreachable, LedgerTooNew or UnsafeRole; then nothing has been changed.
    """
    try:
        connection = psycopg.connect(owner_url)
    except psycopg.OperationalError as error:
        raise LedgerUnreachable(f"cannot reach the second ledger's database as its owner: {error}") from None
    with connection, connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        _check_role(connection, role)
        version = _version(connection)
        if version > NEWEST:
            raise LedgerTooNew(
                f"the second ledger's database has tables of version {version}, and this Toktra knows {NEWEST}. "
                "Install the version that made them or a later one; nothing has been changed."
            )
        for step in STEPS[version:]:
            connection.execute(step.read_bytes())
        connection.execute("update schema_version set version = %s", [NEWEST])
        _let_in(connection, role)
        return version < NEWEST


def _version(connection: psycopg.Connection[Any]) -> int:
    """Of the tables; 0 before the first step."""
    connection.execute("create table if not exists schema_version (version integer not null)")
    row = connection.execute("select version from schema_version").fetchone()
    if row is None:
        connection.execute("insert into schema_version values (0)")
        return 0
    return int(row[0])


def _check_role(connection: psycopg.Connection[Any], role: str) -> None:
    row = connection.execute(_UNSAFE, [role]).fetchone()
    if row is None:
        raise UnsafeRole(f"the database has no role {role}. Create it: create role {role} login password '…'")
    if row[0]:
        raise UnsafeRole(
            f"the database role {role} is a superuser, bypasses row-level security or is a member of the owner. Give "
            "TOKTRA_PERSONAL_DATABASE_URL a plain role of its own."
        )


def _let_in(connection: psycopg.Connection[Any], role: str) -> None:
    """Whoever shares the cluster, the organisation's ledger for one, is kept out of this database altogether."""
    name = sql.Identifier(connection.info.dbname)
    try:
        with connection.transaction():
            connection.execute(sql.SQL("revoke connect on database {} from public").format(name))
            connection.execute(sql.SQL("grant connect on database {} to {}").format(name, sql.Identifier(role)))
    except psycopg.errors.InsufficientPrivilege:
        pass  # the owner of the tables does not own the database: what its owner allows is judged below
    row = connection.execute("select has_database_privilege('public', current_database(), 'connect')").fetchone()
    if row != (False,):
        raise UnsafeRole(
            f"every role may connect to the database {connection.info.dbname}. As its owner, run: "
            f"revoke connect on database {connection.info.dbname} from public"
        )
    for statement in _ALLOWED:
        connection.execute(sql.SQL(statement).format(role=sql.Identifier(role)))


def role_of(url: str) -> str:
    """The user a URL names; empty when it names none."""
    return cast(str, psycopg.conninfo.conninfo_to_dict(url).get("user") or "")
