"""An organisation with records, its site with a folder for exports, an S3 service, and a wire to it that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest

from toktra.server.app import create_app
from toktra.server.database.pool import Database
from toktra.server.exports.scheduled import sending
from toktra.server.jobs import Work
from toktra.server.jobs.worker import work_off
from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls

DAY = datetime.now(UTC).date() - timedelta(days=3)
"""The newest day that is due by the usual three days of waiting."""


@dataclass
class Wire:
    """Carries what is said to the S3 service, until it is cut after so many bytes."""

    port: int
    left: int | None = None
    requests: list[bytes] = field(default_factory=list)
    url: str = ""

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection("127.0.0.1", self.port)
        back = asyncio.create_task(self._copy(there, writer))
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(65536):
                self.requests += re.findall(rb"(?:^|\n)((?:PUT|POST|DELETE|HEAD|GET) [^ ]+)", block)
                if self.left is not None:
                    self.left -= len(block)
                    if self.left < 0:
                        break
                to.write(block)
                await to.drain()
        for end in (to, writer):
            end.close()
        back.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await back

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()

    def parts(self) -> list[int]:
        """The numbers of the parts that were begun to be sent, in order."""
        said = [re.search(rb"PUT .*partNumber=(\d+)", request) for request in self.requests]
        return [int(found[1]) for found in said if found]


@pytest.fixture(scope="session")
def s3() -> Iterator[tuple[int, Any]]:
    """A running S3 service: its port, and a client of our own."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    import boto3  # type: ignore[import-untyped]

    client = boto3.session.Session().client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="reader",
        aws_secret_access_key="reader",
    )
    yield port, client
    server.stop()


@pytest.fixture
async def wire(s3: tuple[int, Any]) -> AsyncIterator[Wire]:
    wire = Wire(s3[0])
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield wire
    server.close()


@dataclass
class House:
    """The organisation, and the server that sends."""

    database: Database
    tenant: Tenant
    settings: ServerSettings
    browser: httpx.AsyncClient
    superuser: str
    folder: Path

    async def work(self, *, later: bool = True) -> None:
        """Does what waits; `later` also what waits to be tried again."""
        if later:
            with psycopg.connect(self.superuser) as connection:
                connection.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
        await work_off(self.settings)

    async def deliver(self, schedule_id: str, first: date) -> None:
        """The same for one period, whether its job is still there or not."""
        work = Work(self.tenant.tenant_id, self.database, self.settings, 1, is_last_attempt=False)
        await sending.deliver.function(work, schedule_id=UUID(schedule_id), first_day=first)

    async def one(self, query: str) -> Any:
        async with self.database.tenant(self.tenant.tenant_id) as connection:
            cursor = await connection.execute(query.encode())
            return await cursor.fetchone()

    async def sign_in(self, role: Role) -> None:
        person = await add_person(self.database, self.tenant.tenant_id, display_name=f"A {role}", role=role)
        self.browser.cookies.clear()
        await self.browser.post(await create_sign_in_link(self.database, self.tenant, person))

    async def set_up(self, **fields: str) -> str:
        """Sets a daily export of single records up; the answer is its address."""
        usual = {
            "dataset": "events",
            "format": "csv",
            "rhythm": "daily",
            "wait_days": "3",
            "starts_on": DAY.isoformat(),
        }
        answer = await self.browser.post("/exports/scheduled", data=usual | fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


@pytest.fixture
async def house(urls: Urls, database: Database, tenant: object, tmp_path: Path) -> AsyncIterator[House]:
    del tenant
    found = await find_tenant(database, "north")
    assert found is not None
    folder = tmp_path / "out"
    folder.mkdir()
    settings = ServerSettings(
        database_url=urls.app,
        privacy_database_url=urls.privacy,
        data=tmp_path / "data",
        export_directory=folder,
        exports_to_private=True,
        run_jobs=False,
    )
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(
            "insert into person (tenant_id, person_id, display_name) values (%(t)s, %(t)s, 'Someone')",
            {"t": found.tenant_id},
        )
        connection.execute("select create_usage_event_month(%s)", [DAY.replace(day=1)])
        connection.execute(
            "insert into usage_event select %(t)s, %(day)s::date + time '09:00' + n * interval '1 second', %(t)s, 1, n,"
            " %(t)s, 'api.openai.com', 1000 + n, 5000 + n, 100, 20, 'e7' from generate_series(1, 6000) n",
            {"t": found.tenant_id, "day": DAY},
        )
        connection.execute(
            "insert into usage_hourly"
            " select %(t)s, %(day)s::date + time '09:00', 'api.openai.com', 'e7', 6000, 1, 1, 1, 1",
            {"t": found.tenant_id, "day": DAY},
        )
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as browser,
    ):
        house = House(database, found, settings, browser, urls.superuser, folder)
        await house.sign_in(Role.OWNER)
        yield house
