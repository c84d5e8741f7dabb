"""Neither ledger's roles get into the other's database, and the service's own role can do no more than it must."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from toktra.personal.database.failures import LedgerTooNew, LedgerUnreachable, UnsafeRole
from toktra.personal.database.migrate import NEWEST, migrate
from toktra.server.database.embedded import APP, DATABASE, OWNER, PERSONAL_APP, PERSONAL_DATABASE, PRIVACY
from toktra.wire.personal import KEPT_DAYS, LONGEST_SEALED_BYTES

if TYPE_CHECKING:
    from tests.personal.conftest import Urls

    from toktra.server.database.embedded import EmbeddedPostgres


def test_the_roles_of_one_ledger_cannot_connect_to_the_other(postgres: EmbeddedPostgres, urls: Urls) -> None:
    corporate = (postgres.app_url, postgres.owner_url, postgres.privacy_url)
    for url in corporate:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(url.replace(f"/{DATABASE}?", f"/{PERSONAL_DATABASE}?"))
    for url in (urls.app, urls.owner):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(url.replace(f"/{PERSONAL_DATABASE}?", f"/{DATABASE}?"))


def test_no_role_of_one_ledger_is_a_member_of_a_role_of_the_other(urls: Urls) -> None:
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute(
            "select a.rolname, b.rolname from pg_roles a, pg_roles b where a.rolname like 'toktra%' "
            "and b.rolname like 'toktra%' and a.oid <> b.oid and not a.rolsuper and pg_has_role(a.oid, b.oid, 'member')"
        ).fetchall()
    assert rows == []


def test_nothing_kept_has_a_time_or_a_name(urls: Urls) -> None:
    """The tables' columns, one by one: another one needs a reason, here and in the threat model."""
    with psycopg.connect(urls.owner) as connection:
        columns = connection.execute(
            "select table_name, column_name, data_type from information_schema.columns c "
            "join pg_class on relname = table_name and relkind in ('r', 'p') and not relispartition "
            "where table_schema = 'public' order by table_name, column_name"
        ).fetchall()
    assert columns == [
        ("closed_month", "month", "date"),
        ("closed_month", "most_tickets", "integer"),
        ("closed_month", "programme", "text"),
        ("closed_month", "tickets", "integer"),
        ("closed_month", "tier", "text"),
        ("mailbox", "digest", "bytea"),
        ("programme_tier", "first_month", "date"),
        ("programme_tier", "last_month", "date"),
        ("programme_tier", "most_tickets", "integer"),
        ("programme_tier", "programme", "text"),
        ("programme_tier", "tier", "text"),
        ("record", "day", "date"),
        ("record", "mailbox", "bytea"),
        ("record", "record", "uuid"),
        ("record", "sealed", "bytea"),
        ("record_day", "day", "date"),
        ("record_day", "settled", "boolean"),
        ("schema_version", "version", "integer"),
        ("spent_ticket", "digest", "bytea"),
        ("spent_ticket", "month", "date"),
        ("spent_ticket", "opening", "boolean"),
        ("spent_ticket", "programme", "text"),
        ("spent_ticket", "tier", "text"),
    ]


def test_the_service_can_neither_change_tables_nor_reach_a_day_past_its_parent(urls: Urls) -> None:
    with psycopg.connect(urls.app, autocommit=True) as connection:
        connection.execute("select create_record_day('2026-11-23')")
        for statement in (
            "create table mine ()",
            "alter table record add column note text",
            "drop table record_20261123",
            "select * from record_20261123",
            "update mailbox set digest = digest",
            "delete from closed_month",
            "update closed_month set tickets = 0",
            "insert into record_day values ('2026-11-24')",
            "update schema_version set version = 99",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("select create_record_day('9999-01-01')")


def test_the_numbers_in_the_tables_are_those_of_the_contract(urls: Urls) -> None:
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute("select pg_get_functiondef('drop_lapsed_days'::regproc)").fetchone()
        assert row is not None
        assert f"p_today - {KEPT_DAYS} " in row[0]
        row = connection.execute(
            "select string_agg(pg_get_constraintdef(oid), ' ') from pg_constraint where conrelid = 'record'::regclass"
        ).fetchone()
    assert row is not None
    assert f"<= {LONGEST_SEALED_BYTES})" in row[0]


def test_tables_are_made_once_and_those_of_a_newer_toktra_are_left_alone(own_urls: Urls) -> None:
    assert migrate(own_urls.owner, PERSONAL_APP) is False
    with psycopg.connect(own_urls.owner, autocommit=True) as connection:
        connection.execute("update schema_version set version = %s", [NEWEST + 1])
        with pytest.raises(LedgerTooNew, match=f"version {NEWEST + 1}"):
            migrate(own_urls.owner, PERSONAL_APP)
        assert connection.execute("select version from schema_version").fetchone() == (NEWEST + 1,)


def test_a_role_that_is_too_strong_or_missing_is_refused_by_name(own_urls: Urls) -> None:
    with pytest.raises(UnsafeRole, match="toktra_superuser is a superuser"):
        migrate(own_urls.owner, "toktra_superuser")
    with pytest.raises(UnsafeRole, match="no role nobody_here"):
        migrate(own_urls.owner, "nobody_here")
    with pytest.raises(LedgerUnreachable):
        migrate("postgresql:///none?host=/nowhere", PERSONAL_APP)


def test_a_database_open_to_everybody_is_closed_at_the_first_migration(own_urls: Urls) -> None:
    name = sql.Identifier(urlsplit(own_urls.app).path[1:])
    with psycopg.connect(own_urls.superuser, autocommit=True) as connection:
        connection.execute(sql.SQL("grant connect on database {} to public").format(name))
        migrate(own_urls.owner, PERSONAL_APP)
        for role in (APP, OWNER, PRIVACY):
            assert connection.execute(
                "select has_database_privilege(%s, current_database(), 'connect')", [role]
            ).fetchone() == (False,)


def test_a_day_made_twice_is_one_day(urls: Urls) -> None:
    with psycopg.connect(urls.app, autocommit=True) as connection:
        made = [connection.execute("select create_record_day(%s)", [date(2026, 6, 1)]).fetchone() for _ in range(2)]
    assert made == [(True,), (False,)]
