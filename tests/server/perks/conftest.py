"""An organisation with a real personal service beside it: its own database, its own port, reached over TCP."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import httpx
import msgspec
import psycopg
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import sql
from voprf.ristretto import Client

from toktra.personal.app import create_app as create_personal_app
from toktra.personal.database.migrate import migrate
from toktra.personal.settings import PersonalSettings
from toktra.server.app import create_app
from toktra.server.database.embedded import PERSONAL_APP, PERSONAL_OWNER
from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role
from toktra.wire.events import encode
from toktra.wire.personal import Allowance, AllowanceAsked
from toktra.wire.signatures import KeyId, sign

if TYPE_CHECKING:
    from tests.server.conftest import Urls

    from toktra.server.database.embedded import EmbeddedPostgres

TIER = {"name": "Everyone", "tickets": "12", "tokens_per_ticket": "50000"}


@dataclass(frozen=True, slots=True)
class SecondLedger:
    """The personal service as it runs."""

    url: str
    secret: str
    app: str
    superuser: str
    data: Path


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The application at a port of its own; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def second_ledger(postgres: EmbeddedPostgres, data: Path, **more: Any) -> Iterator[SecondLedger]:
    """A personal service over a fresh database in this session's cluster."""
    name, secret = "test_personal_" + secrets.token_hex(8), secrets.token_urlsafe(32)
    app, owner, superuser = (
        urlunsplit(urlsplit(url)._replace(path=f"/{name}")) for url in (*postgres.personal_urls, postgres.superuser_url)
    )
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template template0 owner {}").format(
                sql.Identifier(name), sql.Identifier(PERSONAL_OWNER)
            )
        )
        try:
            migrate(owner, PERSONAL_APP)
            settings = PersonalSettings(database_url=app, data=data, operator_secret=secret)
            with listening(create_personal_app(settings, **more)) as url:
                yield SecondLedger(url, secret, app, superuser, data)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def personal(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[SecondLedger]:
    with second_ledger(postgres, tmp_path) as running:
        yield running


@dataclass(slots=True)
class Desk:
    """A device with a key, whose account belongs to somebody."""

    api: httpx.AsyncClient
    key: KeyId
    private_key: Ed25519PrivateKey
    account: str = "ada"

    async def asks(self, *blinded: bytes, **changes: Any) -> httpx.Response:
        body = encode(AllowanceAsked(account=changes.get("account", self.account), blinded=blinded))
        headers = {"content-type": "application/json"}
        sign(
            method="POST",
            url="https://server/ingest/v1/perks",
            headers=headers,
            body=body,
            key_id=str(self.key),
            private_key=changes.get("private_key", self.private_key),
        )
        return await self.api.post("/ingest/v1/perks", content=body, headers=headers)

    async def allowance(self, *blinded: bytes) -> Allowance:
        answer = await self.asks(*blinded)
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=Allowance)

    async def draws(self, tickets: int) -> Allowance:
        return await self.allowance(*blinded(tickets))


def blinded(tickets: int) -> list[bytes]:
    """As a device blinds nonces."""
    return [bytes(Client.blind(secrets.token_bytes(32))[1].serialize()) for _ in range(tickets)]


@dataclass(slots=True)
class Office:
    """An organisation under test, with browsers."""

    database: Database
    tenant: Tenant
    urls: Urls
    api: httpx.AsyncClient

    async def person(self, name: str, role: Role = Role.EMPLOYEE, **more: Any) -> UUID:
        return await add_person(self.database, self.tenant.tenant_id, display_name=name, role=role, **more)

    async def browser(self, person_id: UUID) -> httpx.AsyncClient:
        """Signed in as this person."""
        client = httpx.AsyncClient(transport=self.api._transport, base_url="http://test")
        await client.post(await create_sign_in_link(self.database, self.tenant, person_id))
        return client

    def desk(self, person_id: UUID, account: str = "ada") -> Desk:
        """A device of theirs."""
        private_key = Ed25519PrivateKey.generate()
        with psycopg.connect(self.urls.superuser) as connection:
            row = connection.execute(
                "insert into device (tenant_id, public_key, hostname, platform, agent_version) "
                "values (%s, decode(%s, 'hex'), %s, 'linux', '1') returning device_id",
                [self.tenant.tenant_id, private_key.public_key().public_bytes_raw().hex(), secrets.token_hex(4)],
            ).fetchone()
            assert row is not None
            connection.execute(
                "insert into account (tenant_id, device_id, name, person_id) values (%s, %s, %s, %s)",
                [self.tenant.tenant_id, row[0], account, person_id],
            )
        return Desk(self.api, KeyId(self.tenant.tenant_id, row[0]), private_key, account)

    def rows(self, statement: str, *values: object) -> list[Any]:
        with psycopg.connect(self.urls.superuser) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()


@pytest.fixture
async def office(urls: Urls, database: Database, tenant: object, personal: SecondLedger) -> AsyncIterator[Office]:
    del tenant
    settings = ServerSettings(
        database_url=urls.app,
        privacy_database_url=urls.privacy,
        run_jobs=False,
        personal_url=personal.url,
        personal_operator_secret=personal.secret,
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    north = await find_tenant(database, "north")
    assert north is not None
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        yield Office(database, north, urls, api)


async def switched_on(office: Office, **tier: str) -> httpx.AsyncClient:
    """The programme as an administrator sets it up for everybody; their browser."""
    admin = await office.browser(await office.person("Adm", Role.ADMINISTRATOR))
    for path, fields in (
        ("tiers", {**TIER, **tier}),
        ("switch", {"to": "on"}),
        ("invitations", {"whom": "everybody", "tier": "everyone", "email": ""}),
    ):
        answer = await admin.post(f"/token-perks/{path}", data=fields)
        assert answer.status_code == 303, answer.text
    return admin


def this_month(today: date) -> str:
    return f"{today:%Y-%m}"
