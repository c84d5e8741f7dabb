"""A real server over a real database, devices that enrol and upload like any other, and a Chromium to look with."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg
import pytest
import urllib3
import uvicorn
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, sync_playwright
from tests.clusters import hurry
from tests.scratch import scratch_directory

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.app import create_app
from toktra.server.database.embedded import APP, PRIVACY, EmbeddedPostgres
from toktra.server.database.migrate import migrate
from toktra.server.database.pool import Database
from toktra.server.devices.service import create_enrolment_code
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.settings import MailTls, ServerSettings
from toktra.server.tenants.service import Tenant, found
from toktra.server.web.access import Role
from toktra.wire.enrolment import Enrolled, EnrolmentRequest
from toktra.wire.events import Batch, UsageEvent, decode, encode
from toktra.wire.signatures import encode_public_key, sign

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
T = TypeVar("T")
HTTP = urllib3.PoolManager()


@dataclass(slots=True)
class Device:
    """An enrolled device that numbers and signs like the agent."""

    address: str
    enrolled: Enrolled
    private_key: Ed25519PrivateKey
    sequence: int = 0

    def report(self, events: Sequence[dict[str, Any]]) -> None:
        """Uploads these events in one batch; sequence and device are filled in."""
        numbered = [
            UsageEvent(sequence=self.sequence + place, device=self.enrolled.device, **event)
            for place, event in enumerate(events, 1)
        ]
        batch = Batch(
            epoch=1,
            prev_seq=self.sequence,
            agent_version="0.1.0",
            estimator_version=ESTIMATOR_VERSION,
            events=numbered,
        )
        url = f"{self.address}/ingest/v1/batches"
        post_signed(url, encode(batch), self.enrolled.key_id, self.private_key)
        self.sequence += len(numbered)


@dataclass(slots=True)
class Organisation:
    """One test's own organisation on the running server."""

    address: str
    app_url: str
    superuser_url: str
    tenant: Tenant
    owner_id: UUID

    def sign_in_link(self, person_id: UUID | None = None) -> str:
        async def make() -> str:
            async with Database(self.app_url, connections=1) as database:
                return await create_sign_in_link(database, self.tenant, person_id or self.owner_id)

        return self.address + await_elsewhere(make())

    def add_person(self, name: str, role: Role = Role.EMPLOYEE) -> UUID:
        async def make() -> UUID:
            async with Database(self.app_url, connections=1) as database:
                return await add_person(database, self.tenant.tenant_id, display_name=name, role=role)

        return await_elsewhere(make())

    def enrol(self, person_id: UUID, account: str = "ada") -> Device:
        """A device whose account belongs to this person."""

        async def make() -> str:
            async with Database(self.app_url, connections=1) as database:
                return str(await create_enrolment_code(database, self.tenant, person_id=person_id))

        return self.enrol_with(await_elsewhere(make()), account)

    def enrol_with(self, code: str, account: str) -> Device:
        """A device enrolled with a code that was made elsewhere."""
        key = Ed25519PrivateKey.generate()
        request = EnrolmentRequest(
            code=code,
            public_key=encode_public_key(key.public_key()),
            hostname=f"host-{secrets.token_hex(2)}",
            platform="linux",
            agent_version="0.1.0",
            account=account,
        )
        answer = post_signed(f"{self.address}/ingest/v1/enrol", encode(request), "new", key)
        return Device(self.address, decode(answer, msgspec.json.Decoder(Enrolled)), key)

    def change(self, statement: str, values: Sequence[object]) -> None:
        """A change that only time could make, such as a device that was enrolled last month."""
        with psycopg.connect(self.superuser_url) as connection:
            connection.execute(statement.encode(), values)


def await_elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, from a thread of its own: the browser's driver runs a loop in this one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()


def post_signed(url: str, body: bytes, key_id: str, private_key: Ed25519PrivateKey) -> bytes:
    headers = {"content-type": "application/json"}
    sign(method="POST", url=url, headers=headers, body=body, key_id=key_id, private_key=private_key)
    response = HTTP.request("POST", url, body=body, headers=headers)
    assert response.status == 200, response.data
    return response.data


@dataclass(slots=True)
class Site:
    """The running server."""

    address: str
    postgres: EmbeddedPostgres
    letters: SimpleQueue[tuple[str, str]]
    """What the mail relay took: to whom, and the text."""

    def newest_letter(self, to: str) -> str:
        """Waits for a letter to this address; those to others before it are passed over."""
        while True:
            address, text = self.letters.get(timeout=60)
            if address == to:
                return text

    def organisation(self, slug: str, name: str, owner: str = "Robin Example") -> Organisation:
        founded = found(self.postgres.owner_url, slug=slug, name=name, owner_name=owner)
        return Organisation(
            self.address,
            self.postgres.app_url,
            self.postgres.superuser_url,
            founded.tenant,
            founded.owner_id,
        )


class Taking:
    """Takes every letter."""

    def __init__(self, letters: SimpleQueue[tuple[str, str]]) -> None:
        self._letters = letters

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        del server, session
        assert isinstance(envelope.content, bytes)
        body = message_from_bytes(envelope.content, policy=default).get_body(("plain",))
        assert body is not None
        for address in envelope.rcpt_tos:
            self._letters.put((address, body.get_content()))
        return "250 OK"


class Relay(Controller):
    """An SMTP server on a port of its own, which it knows once it runs."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Database and server for all browser tests."""
    with scratch_directory("toktra-browser-") as base, EmbeddedPostgres(base / "data") as postgres:
        hurry(postgres)
        migrate(postgres.owner_url, APP, PRIVACY)
        exports = base / "exports"
        exports.mkdir()
        letters: SimpleQueue[tuple[str, str]] = SimpleQueue()
        relay = Relay(Taking(letters), hostname="127.0.0.1", port=0)
        relay.start()
        app = create_app(
            ServerSettings(
                database_url=postgres.app_url,
                privacy_database_url=postgres.privacy_url,
                mail_relay="127.0.0.1",
                mail_port=relay.port,
                mail_tls=MailTls.NONE,
                mail_from="toktra@example.org",
                export_directory=exports,
            )
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            port = listener.getsockname()[1]
            yield Site(f"http://127.0.0.1:{port}", postgres, letters)
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the server did not stop"
            relay.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
