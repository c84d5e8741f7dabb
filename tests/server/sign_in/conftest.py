"""An organisation with an owner and an employee, browsers of theirs, and a device that holds passkeys."""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import cbor2
import httpx
import msgspec
import pyotp
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from toktra.server.app import create_app
from toktra.server.audit.chain import Entry
from toktra.server.audit.service import Search, find
from toktra.server.database.pool import Database
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls

ADDRESS = "https://toktra.test"
PASSWORD = "plenty of words in a row"


@dataclass(slots=True)
class House:
    """An organisation under test, and the application that serves it."""

    database: Database
    app: Any
    tenant: Tenant
    owner: UUID
    ada: UUID

    @asynccontextmanager
    async def browser(self, *, address: str = ADDRESS, client: str = "192.0.2.1") -> AsyncIterator[httpx.AsyncClient]:
        """A browser that is not signed in."""
        transport = httpx.ASGITransport(self.app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url=address) as browser:
            yield browser

    async def link(self, person_id: UUID) -> str:
        return await create_sign_in_link(self.database, self.tenant, person_id)

    async def change(self, statement: str, *values: object) -> None:
        """What only time could do otherwise."""
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            await connection.execute(statement.encode(), values)

    async def value(self, statement: str, *values: object) -> Any:
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            row = await (await connection.execute(statement.encode(), values)).fetchone()
            return row[0] if row else None

    async def stale(self) -> None:
        """Everybody's last proof is a while ago."""
        await self.change("update session set proven_at = now() - interval '6 minutes'")

    async def trail(self) -> list[Entry]:
        """What was recorded, oldest first."""
        return (await find(self.database, self.tenant.tenant_id, Search(), offset=0, most=500))[::-1]

    async def tags(self) -> list[str]:
        return [entry.tag for entry in await self.trail()]


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKTRA_SECRET_KEY", Fernet.generate_key().decode())


@pytest.fixture
async def house(database: Database, urls: Urls, tenant: object) -> AsyncIterator[House]:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    owner = await add_person(
        database, found.tenant_id, display_name="Robin Example", role=Role.OWNER, email="robin@example.org"
    )
    ada = await add_person(
        database, found.tenant_id, display_name="Ada Exempel", role=Role.EMPLOYEE, email="ada@example.org"
    )
    app = create_app(ServerSettings(database_url=urls.app, database_connections=4, run_jobs=False))
    async with app.router.lifespan_context(app):
        yield House(database, app, found, owner, ada)


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    async with house.browser() as browser:
        yield browser


@pytest.fixture
async def robin(house: House, browser: httpx.AsyncClient) -> httpx.AsyncClient:
    """The owner's browser, signed in with a one-time link just now."""
    assert (await browser.post(await house.link(house.owner))).status_code == 303
    return browser


@pytest.fixture
async def ada(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The employee's browser, signed in with a one-time link just now."""
    async with house.browser() as browser:
        assert (await browser.post(await house.link(house.ada))).status_code == 303
        yield browser


@dataclass(slots=True)
class App:
    """An authenticator app that has scanned the picture. Each code is one the server has not seen."""

    secret: str
    used: int = 0

    def code(self, steps: int = 0) -> str:
        import time

        return pyotp.TOTP(self.secret).generate_otp(int(time.time()) // 30 + steps)


async def set_password(browser: httpx.AsyncClient, password: str = PASSWORD) -> App:
    """Goes through the set-up as a person would, and uses the code of the step before up."""
    page = (await browser.get("/me/sign-in/password")).text
    app = App(page.split('translate="no">')[1].split("<")[0].replace(" ", ""))
    attempt = page.split('name="attempt" value="')[1].split('"')[0]
    answer = await browser.post(
        "/me/sign-in/password", data={"attempt": attempt, "password": password, "code": app.code(-1)}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/sign-in?said=password-set"), answer.text
    return app


@dataclass(slots=True)
class Key:
    """One passkey: where it works, whose it is, and how often it was used."""

    credential_id: bytes
    private_key: ec.EllipticCurvePrivateKey
    host: str
    user: bytes
    count: int


@dataclass(slots=True)
class Device:
    """A device with passkeys, as a browser asks it: it signs what it is given for the site it is given by."""

    origin: str = ADDRESS
    counts: bool = True
    keys: list[Key] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.origin.partition("://")[2].partition(":")[0]

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """A new passkey, in the form that the page's script sends."""
        key = Key(
            secrets.token_bytes(16),
            ec.generate_private_key(ec.SECP256R1()),
            options["rp"]["id"],
            base64url_to_bytes(options["user"]["id"]),
            0,
        )
        self.keys.append(key)
        point = key.private_key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        credential = struct.pack(">16sH", b"", len(key.credential_id)) + key.credential_id + cbor2.dumps(cose)
        data = self._data(key, 0x45) + credential
        return self._answer(
            key,
            clientDataJSON=self._client_data("webauthn.create", options),
            attestationObject=cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}),
        )

    def answer(self, options: dict[str, Any], *, flags: int = 0x05) -> dict[str, Any]:
        """The newest passkey's answer. `flags`: the person was there (1) and unlocked the device (4)."""
        key = self.keys[-1]
        key.count += self.counts
        client_data = self._client_data("webauthn.get", options)
        data = self._data(key, flags)
        signed = data + hashlib.sha256(client_data).digest()
        return self._answer(
            key,
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=key.private_key.sign(signed, ec.ECDSA(hashes.SHA256())),
            userHandle=key.user,
        )

    def _data(self, key: Key, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", flags, key.count)

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        return msgspec.json.encode({"type": kind, "challenge": options["challenge"], "origin": self.origin})

    def _answer(self, key: Key, **response: bytes) -> dict[str, Any]:
        name = bytes_to_base64url(key.credential_id)
        said = {part: bytes_to_base64url(value) for part, value in response.items()}
        return {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": said}


async def add_passkey(browser: httpx.AsyncClient, device: Device, name: str = "Laptop") -> None:
    """Adds one as the page's script does."""
    options = (await browser.post("/me/sign-in/passkeys/options")).json()
    added = await browser.post("/me/sign-in/passkeys", json={"credential": device.make(options), "name": name})
    assert added.json() == {"to": "/me/sign-in?said=passkey-added"}


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def with_password() -> Callable[..., Any]:
    """with_password(browser) sets one and answers the authenticator app."""
    return set_password


@pytest.fixture
def with_passkey() -> Callable[..., Any]:
    """with_passkey(browser, device) adds one."""
    return add_passkey
