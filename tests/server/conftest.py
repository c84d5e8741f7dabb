"""A real PostgreSQL for the session, and for each test a database of its own with all tables in it."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from toktra.server.database.embedded import APP, DATABASE, OWNER, EmbeddedPostgres
from toktra.server.database.migrate import migrate
from toktra.server.database.pool import Database


@dataclass(frozen=True, slots=True)
class Urls:
    """One database, as each of its roles."""

    app: str
    owner: str
    superuser: str

    def of(self, database: str) -> Urls:
        return Urls(*(_in_database(url, database) for url in (self.app, self.owner, self.superuser)))


def _in_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """An empty directory that an unprivileged account can reach; pytest's own lies below one it cannot."""
    path = Path(tempfile.mkdtemp(prefix="toktra-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The cluster of this test session, with all migrations done in its first database."""
    base = Path(tempfile.mkdtemp(prefix="toktra-test-", dir="/tmp"))
    base.chmod(0o755)
    with EmbeddedPostgres(base / "data") as server:
        with psycopg.connect(server.superuser_url, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")  # no test cuts the power; killing processes is no loss
            connection.execute("select pg_reload_conf()")
        migrate(server.owner_url, APP)
        yield server
    shutil.rmtree(base)


@pytest.fixture
def urls(postgres: EmbeddedPostgres) -> Iterator[Urls]:
    """A fresh database for one test, copied from the migrated one."""
    name = "test_" + secrets.token_hex(8)
    every = Urls(postgres.app_url, postgres.owner_url, postgres.superuser_url)
    with psycopg.connect(every.of("postgres").superuser, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(DATABASE), sql.Identifier(OWNER)
            )
        )
        try:
            yield every.of(name)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
async def database(urls: Urls) -> AsyncIterator[Database]:
    """The server's own pool over this test's database."""
    async with Database(urls.app, connections=4) as pool:
        yield pool


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation in this test's database."""

    tenant_id: UUID
    slug: str
    name: str


@pytest.fixture
def tenant(urls: Urls) -> Tenant:
    return make_tenant(urls, "north")


@pytest.fixture
def other_tenant(urls: Urls) -> Tenant:
    return make_tenant(urls, "south")


def make_tenant(urls: Urls, slug: str) -> Tenant:
    name = slug.capitalize()
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute(
            "insert into tenant (slug, name) values (%s, %s) returning tenant_id", [slug, name]
        ).fetchone()
    assert row is not None
    return Tenant(row[0], slug, name)
