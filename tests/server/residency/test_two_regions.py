"""Two regions side by side, each with its own PostgreSQL, keys and server: nothing of one is in the other."""

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
from toktra.server.vault import open_vault
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

    def command(self, *arguments: str, given: str | None = None) -> Result:
        environment = {
            "TOKTRA_DATABASE_URL": self.postgres.app_url,
            "TOKTRA_OWNER_DATABASE_URL": self.postgres.owner_url,
            "TOKTRA_PRIVACY_DATABASE_URL": self.postgres.privacy_url,
            "TOKTRA_DATA": str(self.place / "data"),
            "TOKTRA_REGION": self.name,
            "TOKTRA_SECRET_KEY": None,
        }
        return CliRunner(env=environment).invoke(server, arguments, input=given)

    async def run(self, *arguments: str, given: str | None = None) -> str:
        result = await asyncio.to_thread(self.command, *arguments, given=given)
        assert result.exit_code == 0, result.output
        return result.stdout

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(
            ServerSettings(
                database_url=self.postgres.app_url,
                data=self.place / "data",
                region=self.name,  # type: ignore[arg-type]
                region_addresses=ADDRESSES,
                database_connections=4,
                run_jobs=False,
            )
        )
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            yield client

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.postgres.superuser_url) as connection:
            return connection.execute(query).fetchall()

    def bytes_on_disk(self, of: str) -> list[str]:
        """The files of this installation that hold a text, once everything is written."""
        with psycopg.connect(self.postgres.superuser_url, autocommit=True) as connection:
            connection.execute("checkpoint")
        needle = of.encode()
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


async def an_organisation_at_work(region: Region, signed_enrolment: Any, device_of: Any) -> tuple[str, SignedDevice]:
    """North, with somebody, a device and some use; its enrolment code and its device."""
    await region.run("tenant", "create", "north", "--name", "North", "--owner", OF_PEOPLE[0])
    with psycopg.connect(region.postgres.superuser_url) as connection:
        connection.execute("update person set email = %s", [OF_PEOPLE[1]])
    code = (await region.run("enrolment-code", "--organisation", "north", "--uses", "9")).strip()
    key = Ed25519PrivateKey.generate()
    async with region.serving() as api:
        answer = await api.post(
            "/ingest/v1/enrol", **signed_enrolment(code, key, hostname=OF_PEOPLE[2], account=OF_PEOPLE[3])
        )
        assert answer.status_code == 200, answer.text
        device: SignedDevice = device_of(api, msgspec.json.decode(answer.content, type=Enrolled), key)
        assert (await device.send(device.batch(1, 20, user=OF_PEOPLE[3]))).status_code == 200
    return code, device


@pytest.fixture
def device_of() -> Any:
    """Makes a device from its parts."""
    from tests.server.conftest import SignedDevice

    return SignedDevice


async def test_who_asks_in_the_wrong_region_is_sent_on_and_leaves_nothing(
    regions: tuple[Region, Region], signed_enrolment: Any, device_of: Any
) -> None:
    eu, us = regions
    code, device = await an_organisation_at_work(eu, signed_enrolment, device_of)
    learnt = await us.run("region", "learn", "-", given=await eu.run("region", "organisations"))
    assert learnt.startswith("1 organisations")

    async with us.serving() as api:
        device.api = api
        batch = await device.send(device.batch(21, 5, user=OF_PEOPLE[3]))
        assert (batch.status_code, batch.headers["location"]) == (308, "https://eu.example.org/ingest/v1/batches")
        assert "https://eu.example.org" in batch.json()["detail"]
        request = signed_enrolment(code, Ed25519PrivateKey.generate(), hostname=OF_PEOPLE[2], account=OF_PEOPLE[3])
        enrolment = await api.post("/ingest/v1/enrol", **request)
        assert (enrolment.status_code, enrolment.headers["location"]) == (308, "https://eu.example.org/ingest/v1/enrol")
        for page in ("/sign-in/north", "/sign-in?organisation=North"):
            assert (await api.get(page)).headers["location"] == "https://eu.example.org/sign-in/north"
        assert (await api.get("/sign-in/nobody")).status_code == 404

    for text in OF_PEOPLE:
        assert us.bytes_on_disk(text) == []
        assert eu.bytes_on_disk(text), "the search finds what is there"
    assert us.rows("select slug, region from served_elsewhere") == [("north", "eu")]


async def test_an_organisation_moves_whole_and_is_erased_behind_it(
    regions: tuple[Region, Region], signed_enrolment: Any, device_of: Any
) -> None:
    eu, us = regions
    _, device = await an_organisation_at_work(eu, signed_enrolment, device_of)
    [(tenant_id,)] = eu.rows("select tenant_id from tenant")
    sealed = open_vault(eu.place / "data", {}).seal("sk-secret", tenant_id=tenant_id, purpose="usage-api:openai")
    with psycopg.connect(eu.postgres.superuser_url) as connection:
        connection.execute(
            "insert into usage_api (tenant_id, provider_id, sealed_key, key_hint) values (%s, 'openai', %s, 'cret')",
            [tenant_id, sealed],
        )
    kept = eu.rows("select * from usage_event order by device_id, epoch, sequence")
    trail = eu.rows("select * from audit_entry order by number")
    key = (await us.run("region", "key")).strip()
    file = str(eu.place / "north.age")

    early = await asyncio.to_thread(eu.command, "region", "export", "north", "--to", key, file)
    assert "Suspend it first" in early.stderr
    await eu.run("tenant", "suspend", "north")
    exported = await eu.run("region", "export", "north", "--to", key, file)
    assert not any(text.encode() in Path(file).read_bytes() for text in OF_PEOPLE)
    receipt = await us.run("region", "import", file)

    assert us.rows("select * from usage_event order by device_id, epoch, sequence") == kept
    assert us.rows("select * from audit_entry order by number")[: len(trail)] == trail
    assert us.rows("select slug, region, status from tenant") == [("north", "us", "active")]
    [(moved,)] = us.rows("select sealed_key from usage_api")
    assert open_vault(us.place / "data", {}).open(moved, tenant_id=tenant_id, purpose="usage-api:openai") == "sk-secret"
    assert "is here already" in (await asyncio.to_thread(us.command, "region", "import", file)).stderr

    other = msgspec.json.encode({**msgspec.json.decode(receipt), "rows": 1}).decode()
    refused = await asyncio.to_thread(eu.command, "region", "leave", "--exported", exported, "--receipt", other)
    assert "Nothing was erased" in refused.stderr
    assert eu.rows("select count(*) from usage_event") == [(20,)]
    await eu.run("region", "leave", "--exported", exported, "--receipt", receipt)
    assert eu.rows("select count(*) from tenant") == [(0,)]
    assert eu.rows("select count(*) from usage_event") == [(0,)]

    async with us.serving() as api:
        device.api = api
        assert (await device.send(device.batch(21, 5, user=OF_PEOPLE[3]))).status_code == 200
    async with eu.serving() as api:
        device.api = api
        assert (await device.send(device.batch(26, 5))).headers["location"].startswith("https://us.example.org/")


async def test_a_damaged_file_and_one_for_another_region_bring_nothing(
    regions: tuple[Region, Region], signed_enrolment: Any, device_of: Any
) -> None:
    eu, us = regions
    await an_organisation_at_work(eu, signed_enrolment, device_of)
    await eu.run("tenant", "suspend", "north")
    mine = (await eu.run("region", "key")).strip()
    theirs = (await us.run("region", "key")).strip()
    not_theirs, broken = eu.place / "not-theirs.age", eu.place / "broken.age"
    await eu.run("region", "export", "north", "--to", mine, str(not_theirs))
    await eu.run("region", "export", "north", "--to", theirs, str(broken))
    whole = broken.read_bytes()
    for content in (whole[:-100], whole[:-40] + bytes(40), b"", not_theirs.read_bytes()):
        broken.write_bytes(content)
        result = await asyncio.to_thread(us.command, "region", "import", str(broken))
        assert result.exit_code == 1
        assert "Error: " in result.stderr
        assert us.rows("select count(*) from tenant") == [(0,)]
    assert "begins with age1" in eu.command("region", "export", "north", "--to", "me", str(eu.place / "x")).stderr
