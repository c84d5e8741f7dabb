"""A real PostgreSQL for the session, and for each test a database of its own with all tables in it."""

from __future__ import annotations

import functools
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import sql
from tests.clusters import hurry
from tests.scratch import scratch_directory

from toktra.server.app import create_app
from toktra.server.database.embedded import APP, DATABASE, OWNER, PRIVACY, EmbeddedPostgres
from toktra.server.database.migrate import migrate
from toktra.server.database.pool import Database
from toktra.server.devices.service import create_enrolment_code
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant
from toktra.wire.enrolment import Enrolled
from toktra.wire.events import Batch, UsageEvent, encode
from toktra.wire.signatures import KeyId, encode_public_key, sign

_KEPT_DATABASES: Final = 4
_used_databases: Final[deque[str]] = deque()
"""Of this session's cluster; what is left in the end goes with it."""


@dataclass(frozen=True, slots=True)
class Urls:
    """One database, as each of its roles."""

    app: str
    owner: str
    superuser: str
    privacy: str

    def of(self, database: str) -> Urls:
        return Urls(*(_in_database(url, database) for url in (self.app, self.owner, self.superuser, self.privacy)))


def _in_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """An empty directory that an unprivileged account can reach; pytest's own lies below one it cannot."""
    with scratch_directory("toktra-test-") as path:
        yield path


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The cluster of this test session, with all migrations done in its first database."""
    with scratch_directory("toktra-test-") as base, EmbeddedPostgres(base / "data") as server:
        hurry(server)
        migrate(server.owner_url, APP, PRIVACY)
        yield server


@pytest.fixture
def urls(postgres: EmbeddedPostgres) -> Iterator[Urls]:
    """A fresh database for one test, copied from the migrated one."""
    with fresh_database(postgres) as urls:
        yield urls


@pytest.fixture(scope="module")
def module_urls(postgres: EmbeddedPostgres) -> Iterator[Urls]:
    """The same for all tests of a module, which undo what they do."""
    with fresh_database(postgres) as urls:
        yield urls


@contextmanager
def fresh_database(postgres: EmbeddedPostgres) -> Iterator[Urls]:
    """A copy of the migrated database. It is dropped some tests later: dropping one whose connections were closed just
    now waits a tenth of a second for each to be gone."""
    name = "test_" + secrets.token_hex(8)
    every = Urls(postgres.app_url, postgres.owner_url, postgres.superuser_url, postgres.privacy_url)
    with psycopg.connect(every.of("postgres").superuser, autocommit=True) as connection:
        while len(_used_databases) > _KEPT_DATABASES:
            _drop(connection, _used_databases.popleft())
        connection.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(DATABASE), sql.Identifier(OWNER)
            )
        )
    try:
        yield every.of(name)
    finally:
        _used_databases.append(name)


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


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


@pytest.fixture(scope="module")
def module_tenants(module_urls: Urls) -> tuple[Tenant, Tenant]:
    return make_tenant(module_urls, "north"), make_tenant(module_urls, "south")


def make_tenant(urls: Urls, slug: str) -> Tenant:
    name = slug.capitalize()
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute(
            "insert into tenant (slug, name) values (%s, %s) returning tenant_id", [slug, name]
        ).fetchone()
    assert row is not None
    return Tenant(row[0], slug, name)


class SignedDevice:
    """A device as the server sees it: a key, a key id, and requests signed with the one under the other."""

    def __init__(self, api: httpx.AsyncClient, enrolled: Enrolled, private_key: Ed25519PrivateKey) -> None:
        self.api = api
        self.enrolled = enrolled
        self.key = KeyId.parse(enrolled.key_id)
        self.private_key = private_key

    def event(self, sequence: int, **changes: Any) -> UsageEvent:
        """A plain event of this device; `changes` are its other fields."""
        fields: dict[str, Any] = {
            "provider_host": "api.openai.com",
            "request_bytes": 1000,
            "response_bytes": 2000,
            "estimated_input_tokens": 10,
            "estimated_output_tokens": 20,
            "at": datetime.now(UTC).replace(microsecond=0),
            "device": self.enrolled.device,
            "user": "ada",
        }
        return UsageEvent(sequence=sequence, **{**fields, **changes})

    def batch(self, first: int, count: int, *, epoch: int = 1, **changes: Any) -> Batch:
        """`count` events from sequence `first` on, each with `changes`."""
        return Batch(
            epoch=epoch,
            prev_seq=first - 1,
            agent_version="1.0",
            estimator_version="e1",
            events=[self.event(sequence, **changes) for sequence in range(first, first + count)],
        )

    async def send(self, batch: Batch) -> httpx.Response:
        return await self.post(encode(batch))

    async def post(self, body: bytes, *, signed_body: bytes | None = None, **signed_as: Any) -> httpx.Response:
        """Any body, signed; `signed_body` and `signed_as` replace parts of what the signature is made over."""
        headers = {"content-type": "application/json"}
        what = {
            "method": "POST",
            "url": "https://server/ingest/v1/batches",
            "body": signed_body or body,
            "key_id": self.enrolled.key_id,
            "private_key": self.private_key,
        }
        sign(headers=headers, **{**what, **signed_as})
        return await self.api.post("/ingest/v1/batches", content=body, headers=headers)


async def enrol_device(api: httpx.AsyncClient, code: str, **changes: str) -> SignedDevice:
    """Enrols a new device through the API. Raises AssertionError when it is refused."""
    private_key = Ed25519PrivateKey.generate()
    answer = await post_enrolment(api, code, private_key, **changes)
    assert answer.status_code == 200, answer.text
    return SignedDevice(api, msgspec.json.decode(answer.content, type=Enrolled), private_key)


async def post_enrolment(
    api: httpx.AsyncClient, code: str, private_key: Ed25519PrivateKey, **changes: Any
) -> httpx.Response:
    """One enrolment request, as `sign_enrolment` makes it."""
    return await api.post("/ingest/v1/enrol", **sign_enrolment(code, private_key, **changes))


def sign_enrolment(
    code: str, private_key: Ed25519PrivateKey, *, signed_with: Ed25519PrivateKey | None = None, **changes: str
) -> dict[str, Any]:
    """An enrolment request's body and headers, signed with the key it brings unless `signed_with` is another."""
    message = {
        "code": code,
        "public_key": encode_public_key(private_key.public_key()),
        "hostname": "desk-1",
        "platform": "linux",
        "agent_version": "1.0",
        "account": "ada",
        **changes,
    }
    body = msgspec.json.encode(message)
    headers = {"content-type": "application/json"}
    sign(
        method="POST",
        url="https://server/ingest/v1/enrol",
        headers=headers,
        body=body,
        key_id="new",
        private_key=signed_with or private_key,
    )
    return {"content": body, "headers": headers}


@pytest.fixture
def signed_enrolment() -> Callable[..., dict[str, Any]]:
    """Makes an enrolment request without sending it: signed_enrolment(code, private_key, …)."""
    return sign_enrolment


@pytest.fixture
async def api(urls: Urls) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application over this test's database, running, without a network in between."""
    app = create_app(
        ServerSettings(
            database_url=urls.app, privacy_database_url=urls.privacy, database_connections=10, run_jobs=False
        )
    )
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        yield api


@pytest.fixture
async def code(database: Database, tenant: Tenant) -> str:
    """An enrolment code of the tenant, good for many devices."""
    found = await find_tenant(database, tenant.slug)
    assert found is not None
    return str(await create_enrolment_code(database, found, uses=100))


@pytest.fixture
async def device(api: httpx.AsyncClient, code: str) -> SignedDevice:
    """A device of the tenant, enrolled through the API."""
    return await enrol_device(api, code)


@pytest.fixture
async def other_device(api: httpx.AsyncClient, code: str) -> SignedDevice:
    """A second device of the same tenant."""
    return await enrol_device(api, code, hostname="desk-2")


@pytest.fixture
def enrol(api: httpx.AsyncClient, code: str) -> Callable[..., Awaitable[SignedDevice]]:
    """Enrols one more device at each call."""
    return functools.partial(enrol_device, api, code=code)


@pytest.fixture
def enrolment(api: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.Response]]:
    """Sends an enrolment request: enrolment(code, private_key, …)."""
    return functools.partial(post_enrolment, api)
