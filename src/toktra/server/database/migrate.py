"""Brings a database to the version this Toktra needs, as the owner of the tables, and lets the server's role in.

Alembic is imported only when there is something to do: a start with nothing to do takes milliseconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from toktra.server.database.failures import DatabaseUnreachable, DataDirectoryTooNew, UnsafeDatabaseRole

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"
REVISIONS: Final = tuple(sorted(path.name.partition("_")[0] for path in VERSIONS.glob("*.py")))
"""All this Toktra knows, oldest first."""
NEWEST: Final = REVISIONS[-1]

_LOCK: Final = 0x746F6B747261
"""Advisory lock number ("toktra"): one migration at a time, whoever starts it."""


def migrate(owner_url: str, app_role: str, privacy_role: str | None = None) -> bool:
    """Runs the missing migrations in one transaction and grants `app_role` what the server needs; True if any ran.

    `privacy_role` alone is let to the weeks that people write about their Privacy Hours; None: nobody is.

    Raises DatabaseUnreachable, DataDirectoryTooNew when a newer Toktra was here, or UnsafeDatabaseRole.
    """
    try:
        connection = psycopg.connect(owner_url, autocommit=True)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"cannot reach the database as its owner: {error}") from None
    with connection:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        check_role(connection, app_role)
        if privacy_role is not None:
            check_role(connection, privacy_role, "TOKTRA_PRIVACY_DATABASE_URL")
        behind = check_version(current_revision(connection), _name(connection))
        if behind:
            _upgrade(owner_url)
        _grant(connection, app_role)
        if privacy_role is not None:
            _grant_privacy(connection, privacy_role, app_role)
        return behind


def current_revision(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
    """The version of the tables; None before the first migration."""
    if connection.execute("select to_regclass('public.alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else None


def check_version(revision: str | None, database: str) -> bool:
    """Whether migrations are missing. Raises DataDirectoryTooNew for a version this Toktra does not know."""
    if revision is not None and revision not in REVISIONS:
        raise DataDirectoryTooNew(f"the database {database}", f"with tables {revision}", f"tables {NEWEST}")
    return revision != NEWEST


def check_role(
    connection: psycopg.Connection[tuple[object, ...]], role: str, setting: str = "TOKTRA_DATABASE_URL"
) -> None:
    """Raises UnsafeDatabaseRole unless `role` exists and row-level security binds it."""
    row = connection.execute(_UNSAFE, [role]).fetchone()
    if row is None:
        raise UnsafeDatabaseRole(
            f"the database has no role {role}. Create it: create role {role} login nobypassrls password '…'"
        )
    if row[0]:
        raise UnsafeDatabaseRole(
            f"the database role {role} is a superuser, may bypass row-level security, or owns the tables (or is a "
            f"member of a role that does). Give {setting} a plain role of its own."
        )


_UNSAFE: Final[LiteralString] = """
    select role.rolsuper or role.rolbypassrls or exists (
        select from pg_roles other
        where pg_has_role(role.oid, other.oid, 'member') and (
            other.rolsuper or other.rolbypassrls
            or other.oid in (select relowner from pg_class where oid = to_regclass('public.device'))))
    from pg_roles role where role.rolname = %s
"""

_GRANTABLE: Final[LiteralString] = """
    select relname from pg_class join pg_namespace n on n.oid = relnamespace
    where n.nspname = 'public' and relkind in ('r', 'p') and not relispartition
      and relname not in
          ('alembic_version', 'tenant', 'audit_entry', 'audit_cut', 'served_elsewhere', 'home_region')
"""


def _grant(connection: psycopg.Connection[tuple[object, ...]], app_role: str) -> None:
    """Rows of every tenant table, reading of tenants, the making of months and the end of those nobody may still have.
    Never a partition by its own name.

    To the audit trail it may only add, and have the oldest entries go once they are past their time: what was recorded
    stays as it was.
    """
    role = sql.Identifier(app_role)
    tables = [sql.Identifier(str(row[0])) for row in connection.execute(_GRANTABLE)]
    for statement in (
        sql.SQL("grant usage on schema public to {}").format(role),
        sql.SQL("grant select on tenant, alembic_version, served_elsewhere, home_region to {}").format(role),
        sql.SQL("grant select, insert, update, delete on {} to {}").format(sql.SQL(", ").join(tables), role),
        sql.SQL("grant select, insert on audit_entry, audit_cut to {}").format(role),
        sql.SQL("grant usage on all sequences in schema public to {}").format(role),
        sql.SQL("grant execute on function create_usage_event_month(date) to {}").format(role),
        sql.SQL("grant execute on function drop_usage_event_months(integer) to {}").format(role),
        sql.SQL("grant execute on function cut_audit_trail(uuid, date) to {}").format(role),
    ):
        connection.execute(statement)


def _grant_privacy(connection: psycopg.Connection[tuple[object, ...]], privacy_role: str, app_role: str) -> None:
    """The schema of people's weeks, to one role that has nothing else. Raises UnsafeDatabaseRole.

    Not to a role that shares its rights with the server's: then an administrator's page could read what is a person's
    own. What a device says of a delivery it may change, which delivery that is it may not.
    """
    shared = connection.execute(
        "select pg_has_role(%(app)s, %(privacy)s, 'member') or pg_has_role(%(privacy)s, %(app)s, 'member')",
        {"app": app_role, "privacy": privacy_role},
    ).fetchone()
    if shared != (False,):
        raise UnsafeDatabaseRole(
            f"the database roles {app_role} and {privacy_role} share their rights. TOKTRA_PRIVACY_DATABASE_URL needs a "
            "role of its own, which TOKTRA_DATABASE_URL is no member of, nor the reverse."
        )
    role = sql.Identifier(privacy_role)
    for statement in (
        sql.SQL("grant usage on schema privacy_hours to {}").format(role),
        sql.SQL("grant execute on all functions in schema privacy_hours to {}").format(role),
        sql.SQL("grant select, insert, update on privacy_hours.week to {}").format(role),
        sql.SQL("grant select, insert, delete on privacy_hours.change to {}").format(role),
        sql.SQL("grant select, insert, update, delete on privacy_hours.copy_leave to {}").format(role),
        sql.SQL("grant select, insert, delete, update (version, standing) on privacy_hours.delivery to {}").format(
            role
        ),
    ):
        connection.execute(statement)


def _upgrade(owner_url: str) -> None:
    import alembic.command  # noqa: PLC0415 - slow to import, and mostly there is nothing to do
    import alembic.config  # noqa: PLC0415
    import sqlalchemy  # noqa: PLC0415

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=sqlalchemy.NullPool
    )
    config = alembic.config.Config(attributes={})
    config.set_main_option("script_location", str(VERSIONS.parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def _name(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    return connection.info.dbname
