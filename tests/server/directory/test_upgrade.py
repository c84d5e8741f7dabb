"""A database from before the directory: what was there is told apart and filled in, and stays bound by row security."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import alembic.command
import alembic.config
import psycopg
import pytest
import sqlalchemy
from psycopg import sql

from toktra.server.database.embedded import APP, OWNER
from toktra.server.database.migrate import VERSIONS, migrate

if TYPE_CHECKING:
    from tests.server.conftest import Urls

NAME = "test_before_directory"


@pytest.fixture
def before(urls: Urls) -> Iterator[Urls]:
    """A database as version 0003 left it."""
    with psycopg.connect(urls.superuser, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template template0 owner {}").format(
                sql.Identifier(NAME), sql.Identifier(OWNER)
            )
        )
        old = urls.of(NAME)
        engine = sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(old.owner), poolclass=sqlalchemy.NullPool
        )
        config = alembic.config.Config(attributes={})
        config.set_main_option("script_location", str(VERSIONS.parent))
        with engine.begin() as running:
            config.attributes["connection"] = running
            alembic.command.upgrade(config, "0003")
        yield old
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(NAME)))


def test_stand_ins_are_marked_and_the_day_before_the_last_is_found(before: Urls) -> None:
    with psycopg.connect(before.superuser) as connection:
        connection.execute("insert into tenant (slug, name) values ('north', 'North')")
        connection.execute(
            "insert into device (tenant_id, public_key, hostname, platform, agent_version, last_report_on) "
            "select tenant_id, sha256('key'), 'desk', 'linux', '1', date '2026-11-20' from tenant"
        )
        connection.execute(
            "insert into device_day select tenant_id, day, device_id "
            "from device, unnest(array[date '2026-11-10', '2026-11-18', '2026-11-20']) day"
        )
        for name, account in (("ada on desk", "ada"), ("Ada Example", "work")):
            connection.execute(
                "with added as (insert into person (tenant_id, display_name) select tenant_id, %s from tenant "
                "returning tenant_id, person_id) "
                "insert into account select a.tenant_id, d.device_id, %s, a.person_id from added a, device d",
                [name, account],
            )
    assert migrate(before.owner, APP)
    with psycopg.connect(before.superuser) as connection:
        people = connection.execute("select display_name, from_account from person order by 1").fetchall()
        assert dict(people) == {"Ada Example": False, "ada on desk": True}
        assert connection.execute("select previous_report_on from device").fetchone() == (date(2026, 11, 18),)
        unbound = "select relname from pg_class where relrowsecurity and not relforcerowsecurity"
        assert connection.execute(unbound).fetchall() == []
