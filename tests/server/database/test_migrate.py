"""Migrations: from nothing, again, by several at once, over a newer database, and for which role."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, LiteralString

import alembic.config
import alembic.script
import psycopg
import pytest
from psycopg import sql

from toktra.server.database.embedded import APP, OWNER
from toktra.server.database.failures import DatabaseUnreachable, DataDirectoryTooNew, UnsafeDatabaseRole
from toktra.server.database.migrate import NEWEST, REVISIONS, VERSIONS, current_revision, migrate

if TYPE_CHECKING:
    from tests.server.conftest import Urls


@pytest.fixture
def empty(urls: Urls) -> Iterator[Urls]:
    """A database without any table of ours."""
    with psycopg.connect(urls.superuser, autocommit=True) as connection:
        connection.execute("drop database if exists test_empty")
        connection.execute(
            sql.SQL("create database test_empty template template0 owner {}").format(sql.Identifier(OWNER))
        )
        yield urls.of("test_empty")
        connection.execute("drop database test_empty with (force)")


def test_the_revisions_are_those_alembic_knows_in_one_line() -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    script = alembic.script.ScriptDirectory.from_config(config)
    assert script.get_current_head() == NEWEST
    assert tuple(reversed([step.revision for step in script.walk_revisions()])) == REVISIONS


def test_it_makes_the_tables_once(empty: Urls) -> None:
    assert migrate(empty.owner, APP) is True
    assert migrate(empty.owner, APP) is False
    with psycopg.connect(empty.app) as connection:
        assert current_revision(connection) == NEWEST


def test_several_at_once_do_it_once(empty: Urls) -> None:
    ran: list[bool] = []
    threads = [threading.Thread(target=lambda: ran.append(migrate(empty.owner, APP))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == [False, False, False, True]


def test_a_failure_leaves_nothing_behind(empty: Urls) -> None:
    with psycopg.connect(empty.owner) as connection:
        connection.execute("create table usage_hourly ()")  # in the way of the last table but one
    with pytest.raises(Exception, match="usage_hourly"):
        migrate(empty.owner, APP)
    with psycopg.connect(empty.owner) as connection:
        assert connection.execute("select to_regclass('device'), to_regclass('alembic_version')").fetchone() == (
            None,
            None,
        )
        connection.execute("drop table usage_hourly")
    assert migrate(empty.owner, APP) is True


def test_a_newer_database_is_refused_by_name_and_left_alone(urls: Urls) -> None:
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        with pytest.raises(DataDirectoryTooNew, match=r"tables 9999.*newer than this one"):
            migrate(urls.owner, APP)
        assert current_revision(connection) == "9999"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        ("create role test_bypasses login bypassrls", "may bypass row-level security"),
        ("create role test_above login superuser", "superuser"),
        ("create role test_member login in role toktra_owner", "owns the tables"),
    ],
)
def test_a_role_that_is_not_bound_is_refused(urls: Urls, make: LiteralString, says: str) -> None:
    role = make.split()[2]
    with psycopg.connect(urls.superuser, autocommit=True) as connection:
        connection.execute(make)
        try:
            with pytest.raises(UnsafeDatabaseRole, match=says):
                migrate(urls.owner, role)
        finally:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_a_role_that_is_not_there_is_named_with_the_remedy(urls: Urls) -> None:
    with pytest.raises(UnsafeDatabaseRole, match=r"has no role nobody_here\. Create it: create role"):
        migrate(urls.owner, "nobody_here")


def test_a_database_that_is_away_is_told() -> None:
    with pytest.raises(DatabaseUnreachable, match="cannot reach the database"):
        migrate("postgresql://toktra_owner@/toktra?host=/nowhere", APP)


@pytest.mark.parametrize("month", ["1999-01-01", "2019-12-31", "2100-01-01", "infinity"])
def test_no_partition_for_a_month_no_device_can_report(urls: Urls, month: str) -> None:
    def months() -> list[Any]:
        return connection.execute("select count(*) from pg_class where relispartition").fetchall()

    with psycopg.connect(urls.app, autocommit=True) as connection:
        before = months()
        with pytest.raises(psycopg.DataError):
            connection.execute("select create_usage_event_month(%s)", [month])
        assert months() == before


def test_making_a_month_does_not_wait_for_writers_of_another(urls: Urls) -> None:
    with psycopg.connect(urls.app) as writer, psycopg.connect(urls.app, autocommit=True) as maker:
        writer.execute("select create_usage_event_month(now()::date)")
        writer.commit()
        tenant = "00000000-0000-4000-8000-000000000000"
        writer.execute("select set_config('toktra.tenant_id', %s, true)", [tenant])
        writer.execute("insert into usage_event values (%s, now(), %s, 1, 1, %s, 'h', 1, 1, 1, 1, '1')", [tenant] * 3)
        maker.execute("set lock_timeout = '5s'")
        made = maker.execute("select create_usage_event_month((now() - interval '2 months')::date)").fetchone()
        assert made == (True,)
        writer.rollback()
