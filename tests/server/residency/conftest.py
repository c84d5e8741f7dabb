"""Two regions side by side: each its own PostgreSQL, keys, directory and server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import psycopg
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.scratch import scratch_directory

from toktra.server.app import create_app
from toktra.server.commands import server
from toktra.server.database.embedded import APP, PRIVACY, EmbeddedPostgres
from toktra.server.database.migrate import migrate
from toktra.server.settings import ServerSettings
from toktra.wire.enrolment import Enrolled

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice

ADDRESSES = "eu=https://eu.example.org us=https://us.example.org"
OF_PEOPLE = ("Ada Quixote", "ada.quixote@north.example", "quixotes-laptop", "adaquixote")
"""A name, an address, a device and an account that are nowhere else."""


@dataclass
class Region:
    """One region's installation."""

    name: str
    place: Path
    postgres: EmbeddedPostgres

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TOKTRA_DATABASE_URL": self.postgres.app_url,
            "TOKTRA_OWNER_DATABASE_URL": self.postgres.owner_url,
            "TOKTRA_PRIVACY_DATABASE_URL": self.postgres.privacy_url,
            "TOKTRA_DATA": str(self.place / "data"),
            "TOKTRA_REGION": self.name,
            "TOKTRA_EXPORTS_TO_PRIVATE": "true",
        }

    def command(self, *arguments: str, given: str | None = None) -> Result:
        environment = {**self.environment, "TOKTRA_SECRET_KEY": None}
        return CliRunner(env=environment).invoke(server, arguments, input=given)

    async def run(self, *arguments: str, given: str | None = None) -> str:
        result = await asyncio.to_thread(self.command, *arguments, given=given)
        assert result.exit_code == 0, result.output
        return result.stdout

    @property
    def settings(self) -> ServerSettings:
        return ServerSettings(
            database_url=self.postgres.app_url,
            privacy_database_url=self.postgres.privacy_url,
            data=self.place / "data",
            region=self.name,  # type: ignore[arg-type]
            region_addresses=ADDRESSES,
            exports_to_private=True,
            database_connections=4,
            run_jobs=False,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(self.settings)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            yield client

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.postgres.superuser_url) as connection:
            return connection.execute(query).fetchall()

    def bytes_on_disk(self, of: str | bytes) -> list[str]:
        """The files of this installation that hold a text, once everything is written."""
        with psycopg.connect(self.postgres.superuser_url, autocommit=True) as connection:
            connection.execute("checkpoint")
        needle = of.encode() if isinstance(of, str) else of
        return [str(file) for file in self.place.rglob("*") if file.is_file() and needle in file.read_bytes()]


@pytest.fixture
def regions() -> Iterator[tuple[Region, Region]]:
    """The European Union and the United States."""
    with (
        scratch_directory("toktra-eu-") as eu,
        scratch_directory("toktra-us-") as us,
        EmbeddedPostgres(eu / "data") as of_eu,
        EmbeddedPostgres(us / "data") as of_us,
    ):
        for postgres in (of_eu, of_us):
            migrate(postgres.owner_url, APP, PRIVACY)
        yield Region("eu", eu, of_eu), Region("us", us, of_us)


async def an_organisation_at_work(
    region: Region, signed_enrolment: Any, device_of: Any, *, slug: str = "north", of: tuple[str, ...] = OF_PEOPLE
) -> tuple[str, SignedDevice]:
    """An organisation with somebody (`of`), a device and some use; its enrolment code and its device."""
    await region.run("tenant", "create", slug, "--name", slug.capitalize(), "--owner", of[0])
    with psycopg.connect(region.postgres.superuser_url) as connection:
        connection.execute("update person set email = %s where display_name = %s", [of[1], of[0]])
    code = (await region.run("enrolment-code", "--organisation", slug, "--uses", "9")).strip()
    key = Ed25519PrivateKey.generate()
    async with region.serving() as api:
        answer = await api.post("/ingest/v1/enrol", **signed_enrolment(code, key, hostname=of[2], account=of[3]))
        assert answer.status_code == 200, answer.text
        device: SignedDevice = device_of(api, msgspec.json.decode(answer.content, type=Enrolled), key)
        assert (await device.send(device.batch(1, 20, user=of[3]))).status_code == 200
    return code, device


@pytest.fixture
def device_of() -> Any:
    """Makes a device from its parts."""
    from tests.server.conftest import SignedDevice

    return SignedDevice
