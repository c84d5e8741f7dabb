"""The personal service over a real PostgreSQL: one cluster and one database for the session, a clock that is set."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql
from tests.clusters import hurry
from tests.scratch import scratch_directory

from toktra.personal.app import create_app
from toktra.personal.database.migrate import migrate
from toktra.personal.settings import PersonalSettings
from toktra.server.database.embedded import (
    PERSONAL_APP,
    PERSONAL_DATABASE,
    PERSONAL_OWNER,
    EmbeddedPostgres,
)
from toktra.wire.personal import encode_upload

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Urls:
    """One database, as each of its roles."""

    app: str
    owner: str
    superuser: str

    def of(self, database: str) -> Urls:
        return Urls(*(urlunsplit(urlsplit(url)._replace(path=f"/{database}")) for url in self._all))

    @property
    def _all(self) -> tuple[str, str, str]:
        return self.app, self.owner, self.superuser


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The cluster of this test session, with the second ledger's tables in its database."""
    with scratch_directory("toktra-test-") as base, EmbeddedPostgres(base / "data") as server:
        hurry(server)
        app, owner = server.personal_urls
        assert migrate(owner, PERSONAL_APP)
        del app
        yield server


@pytest.fixture(scope="session")
def urls(postgres: EmbeddedPostgres) -> Urls:
    """The database all tests share that do not move the clock: each has mailboxes of its own."""
    app, owner = postgres.personal_urls
    return Urls(app, owner, postgres.superuser_url).of(PERSONAL_DATABASE)


@contextmanager
def fresh_database(urls: Urls) -> Iterator[Urls]:
    """A copy of the tables without their rows, for a test that needs a database to itself."""
    name = "test_" + secrets.token_hex(8)
    with psycopg.connect(urls.of("postgres").superuser, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template template0 owner {}").format(
                sql.Identifier(name), sql.Identifier(PERSONAL_OWNER)
            )
        )
        try:
            fresh = urls.of(name)
            migrate(fresh.owner, PERSONAL_APP)
            yield fresh
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def own_urls(urls: Urls) -> Iterator[Urls]:
    """A database for one test alone."""
    with fresh_database(urls) as own:
        yield own


@dataclass
class MovedClock:
    """A clock that a test sets."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@dataclass
class Owner:
    """Somebody with a mailbox: their secret, and requests made with it."""

    api: httpx.AsyncClient
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def digest(self) -> bytes:
        return sha256(self.secret.encode()).digest()

    async def upload(self, day: date, *, body: bytes | None = None) -> httpx.Response:
        return await self.ask("POST", "/uploads", content=body or an_upload(day))

    async def records(self, after: str = "") -> httpx.Response:
        return await self.ask("GET", "/records", params={"after": after} if after else {})

    async def ask(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        return await self.api.request(
            method, f"/v1/mailbox{path}", headers={"authorization": f"Bearer {self.secret}"}, **more
        )


def an_upload(day: date, upload: str = "") -> bytes:
    """As a device sends it; what is in the record is random, since nobody here could read it."""
    return encode_upload(upload or str(uuid4()), day, a_sealed_record())


def a_sealed_record() -> bytes:
    return b"age-encryption.org/v1\n-> X25519 " + secrets.token_bytes(8400)


@asynccontextmanager
async def service(urls: Urls, clock: MovedClock, data: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, running, without a network in between."""
    app = create_app(PersonalSettings(database_url=urls.app, data=data, **settings), clock=clock)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        yield api


@pytest.fixture
def operator_secret() -> str:
    return secrets.token_urlsafe(32)


@pytest.fixture
async def api(urls: Urls, clock: MovedClock, tmp_path: Path, operator_secret: str) -> AsyncIterator[httpx.AsyncClient]:
    async with service(urls, clock, tmp_path, operator_secret=operator_secret) as api:
        yield api


def open_mailbox(urls: Urls, owner: Owner) -> Owner:
    """Past the tickets, which have tests of their own."""
    with psycopg.connect(urls.app) as connection:
        connection.execute("insert into mailbox values (%s)", [owner.digest])
    return owner


@pytest.fixture
def owner(api: httpx.AsyncClient, urls: Urls) -> Owner:
    return open_mailbox(urls, Owner(api))


@pytest.fixture
def other_owner(api: httpx.AsyncClient, urls: Urls) -> Owner:
    return open_mailbox(urls, Owner(api))
