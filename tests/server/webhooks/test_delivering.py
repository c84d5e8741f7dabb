"""Deliveries to a real receiver: signed, once, tried again, replayed, and never waited for without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httptools
import psycopg
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from toktra.server.database.pool import Database
from toktra.server.jobs.worker import work_off
from toktra.server.people.service import add_person
from toktra.server.people.signed_in import SignedIn
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant
from toktra.server.vault import open_vault
from toktra.server.web.access import Role
from toktra.server.webhooks import service
from toktra.server.webhooks.guard import NotAllowed
from toktra.server.webhooks.service import Delivery

if TYPE_CHECKING:
    from tests.server.conftest import Urls


@dataclass
class Receiver:
    """What came in, and what is answered: a status, or silence."""

    url: str = ""
    statuses: list[int | None] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    over: asyncio.Queue[None] = field(default_factory=asyncio.Queue)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = _Request()
        parser = httptools.HttpRequestParser(request)
        while not request.is_complete:
            parser.feed_data(await reader.read(65536))
        self.came.append((request.headers, request.body))
        status = self.statuses.pop(0) if self.statuses else 204
        if status is None:
            await reader.read()  # silence until the sender leaves
        else:
            location = "Location: http://127.0.0.1:1/\r\n" if status == 302 else ""
            writer.write(f"HTTP/1.1 {status} x\r\n{location}Content-Length: 0\r\n\r\n".encode())
            await reader.read()
        writer.close()
        self.over.put_nowait(None)


class _Request:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_complete = True


@asynccontextmanager
async def _receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?x=1"
    async with server:
        yield receiver
        for _ in receiver.came:
            await asyncio.wait_for(receiver.over.get(), 60)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with _receiving() as receiver:
        yield receiver


@dataclass
class House:
    """An organisation with one endpoint."""

    database: Database
    reader: SignedIn
    settings: ServerSettings
    secret: str = ""

    @property
    def tenant_id(self) -> UUID:
        return self.reader.tenant.tenant_id

    async def announce(self) -> None:
        async with self.database.tenant(self.tenant_id) as connection:
            assert await service.announce(connection, self.tenant_id, "budget.threshold_reached", {"amount": 7}) == 1

    async def delivery(self) -> Delivery:
        async with self.database.tenant(self.tenant_id) as connection:
            (delivery,) = await service.deliveries_of(connection, self.tenant_id, 10)
        return delivery

    async def replay(self, delivery_id: UUID) -> bool:
        async with self.database.tenant(self.tenant_id) as connection:
            return await service.replay(connection, self.tenant_id, delivery_id)


@pytest.fixture
async def house(urls: Urls, database: Database, tenant: object, tmp_path: Path, receiver: Receiver) -> House:
    del tenant
    settings = ServerSettings(database_url=urls.app, data=tmp_path, webhooks_to_private=True)
    found = await find_tenant(database, "north")
    assert found is not None
    owner = await add_person(database, found.tenant_id, display_name="Robin", role=Role.OWNER)
    house = House(database, SignedIn(found, owner, "Robin", Role.OWNER), settings)
    house.secret = await service.add_endpoint(
        database, house.reader, receiver.url, open_vault(tmp_path, {}), private_allowed=True
    )
    return house


@pytest.fixture
def time_passes(urls: Urls) -> Callable[[], None]:
    """What waits to be tried again may be."""

    def passes() -> None:
        with psycopg.connect(urls.superuser) as connection:
            connection.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")

    return passes


async def test_a_delivery_is_signed_by_standard_webhooks(house: House, receiver: Receiver) -> None:
    await house.announce()
    await work_off(house.settings)
    ((headers, body),) = receiver.came
    found: Any = Webhook(house.secret).verify(body, headers)
    assert (found["type"], found["data"]) == ("budget.threshold_reached", {"amount": 7})
    delivery = await house.delivery()
    assert headers["webhook-id"] == str(delivery.delivery_id)
    assert delivery.delivered_at is not None
    with pytest.raises(WebhookVerificationError):
        Webhook(house.secret).verify(body.replace(b"7", b"8"), headers)


async def test_what_fails_is_tried_again_under_the_same_id(
    house: House, receiver: Receiver, time_passes: Callable[[], None]
) -> None:
    receiver.statuses = [503, 302, 200]
    await house.announce()
    faults = []
    for _ in range(3):
        await work_off(house.settings)
        faults.append(((await house.delivery()).last_status, (await house.delivery()).last_fault))
        time_passes()
    assert faults == [(503, "refused"), (302, "refused"), (200, None)]
    assert len({headers["webhook-id"] for headers, _body in receiver.came}) == 1
    assert (await house.delivery()).attempts == 3


async def test_a_receiver_that_hangs_is_left(house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktra.server.webhooks.sending.ANSWER_WITHIN_S", 0.3)
    receiver.statuses = [None]
    await house.announce()
    await work_off(house.settings)
    delivery = await house.delivery()
    assert (delivery.last_fault, delivery.delivered_at, delivery.failed_at) == ("too-slow", None, None)


async def test_what_is_over_is_replayed_and_what_waits_is_not(house: House, receiver: Receiver) -> None:
    await house.announce()
    delivery = await house.delivery()
    assert not await house.replay(delivery.delivery_id)
    await work_off(house.settings)
    assert await house.replay(delivery.delivery_id)
    await work_off(house.settings)
    first, second = receiver.came
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]


async def test_a_receiver_that_is_gone_for_good_is_asked_no_more(house: House, receiver: Receiver) -> None:
    receiver.statuses = [410]
    await house.announce()
    await work_off(house.settings)
    delivery = await house.delivery()
    assert (delivery.last_fault, delivery.failed_at is None, delivery.is_open) == ("ended", False, False)
    async with house.database.tenant(house.tenant_id) as connection:
        assert await service.announce(connection, house.tenant_id, "budget.threshold_reached", {}) == 0


async def test_after_the_last_attempt_it_is_given_up(house: House, receiver: Receiver, urls: Urls) -> None:
    receiver.statuses = [500]
    await house.announce()
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update procrastinate_jobs set attempts = %s", [service.deliver.backoff.attempts - 1])
    await work_off(house.settings)
    assert (await house.delivery()).failed_at is not None


async def test_a_private_address_is_refused_when_added_and_when_sent(
    house: House, receiver: Receiver, tmp_path: Path, urls: Urls
) -> None:
    with pytest.raises(NotAllowed):
        await service.add_endpoint(
            house.database, house.reader, "https://localhost/", open_vault(tmp_path, {}), private_allowed=False
        )
    await house.announce()
    await work_off(ServerSettings(database_url=urls.app, data=tmp_path))  # the setting was taken back
    assert (await house.delivery()).last_fault == "not-allowed"
    assert receiver.came == []
