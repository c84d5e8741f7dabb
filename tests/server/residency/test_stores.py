"""Two regions with an S3 service each: exports go to the organisation's own, and nothing of it to the other."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.residency.conftest import OF_PEOPLE, Region, an_organisation_at_work

from toktra.server.exports.scheduled import sending
from toktra.server.exports.scheduled.standing_places import check_buckets
from toktra.server.jobs import Work
from toktra.server.jobs.worker import work_off
from toktra.server.residency.places import OutsideRegion

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice

DAY = datetime.now(UTC).date() - timedelta(days=3)
OTHERS = ("Max Unlike", "max.unlike@south.example", "unlikes-laptop", "maxunlike")
KEYS = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "not-a-secret"}
PORT = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass
class Store:
    """One region's S3 service, in a process of its own, with a bucket for exports there and one elsewhere."""

    url: str
    client: Any
    amazon: str

    def bucket(self, name: str, location: str) -> str:
        where = {} if location == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": location}}
        client_of(self.url, location).create_bucket(Bucket=name, **where)
        return name

    def objects(self) -> dict[str, bytes]:
        """Everything in it, with names and what objects say of themselves."""
        found = {}
        for bucket in self.client.list_buckets()["Buckets"]:
            for one in self.client.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ()):
                said = self.client.get_object(Bucket=bucket["Name"], Key=one["Key"])
                found[f"{bucket['Name']}/{one['Key']} {said['Metadata']}"] = said["Body"].read()
        return found


def client_of(url: str, amazon: str) -> Any:
    import boto3  # type: ignore[import-untyped]

    return boto3.session.Session().client(
        "s3", endpoint_url=url, region_name=amazon, aws_access_key_id="reader", aws_secret_access_key="reader"
    )


@contextmanager
def running_store(amazon: str) -> Iterator[Store]:
    with subprocess.Popen(
        [sys.executable, "-c", PORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin
        assert process.stdout
        url = f"http://127.0.0.1:{process.stdout.readline().strip().decode()}"
        yield Store(url, client_of(url, amazon), amazon)
        process.stdin.close()


@pytest.fixture
def stores() -> Iterator[tuple[Store, Store]]:
    with ExitStack() as both:
        yield both.enter_context(running_store("eu-central-1")), both.enter_context(running_store("us-east-1"))


async def set_up(region: Region, slug: str, browser: httpx.AsyncClient, store: Store, bucket: str) -> httpx.Response:
    """A daily export of single records, by an owner who is signed in."""
    link = (await region.run("sign-in-link", "--organisation", slug, "--address", "http://test")).strip()
    await browser.post(link.removeprefix("http://test"))
    plan = {
        "dataset": "events",
        "format": "csv",
        "rhythm": "daily",
        "wait_days": "3",
        "starts_on": str(DAY),
        "target": "s3",
        "bucket": bucket,
        "region": store.amazon,
        "prefix": "",
        "endpoint": store.url,
    }
    return await browser.post("/exports/scheduled", data=plan | KEYS)


async def export(region: Region, tenant_id: Any) -> None:
    """What the nights do until the third day from now."""
    from toktra.server.database.pool import Database

    async with Database(region.postgres.app_url, connections=2) as database:
        work = Work(tenant_id, database, region.settings, 1, is_last_attempt=False)
        await sending.plan_due(work, datetime.now(UTC).date() + timedelta(days=4))
    await work_off(region.settings)


def ids(region: Region) -> list[UUID]:
    """Everything that stands for a person or a device of this region."""
    return [one for (one,) in region.rows("select person_id from person union select device_id from device")]


async def test_exports_stay_in_the_region_and_nothing_of_one_is_in_the_other(
    regions: tuple[Region, Region],
    stores: tuple[Store, Store],
    signed_enrolment: Any,
    device_of: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (eu, us), (eu_store, us_store) = regions, stores
    code, device = await an_organisation_at_work(eu, signed_enrolment, device_of)
    await an_organisation_at_work(us, signed_enrolment, device_of, slug="south", of=OTHERS)
    await us.run("region", "learn", "-", given=await eu.run("region", "organisations"))
    for region, slug, store, name in ((eu, "north", eu_store, "of-north"), (us, "south", us_store, "of-south")):
        [(tenant_id,)] = region.rows(f"select tenant_id from tenant where slug = '{slug}'")
        async with region.serving() as browser:
            assert (await set_up(region, slug, browser, store, store.bucket(name, store.amazon))).status_code == 303
        await export(region, tenant_id)
    [theirs] = [name for name, content in eu_store.objects().items() if b"api.openai.com" in content]
    assert theirs.startswith("of-north/toktra-north-events")
    assert any(name.startswith("of-south/toktra-south") for name in us_store.objects())

    capfd.readouterr()
    await asks_in_the_wrong_region(us, device, code, signed_enrolment)
    said = "".join(capfd.readouterr()).encode()
    stored = [*(text.encode() for text in OF_PEOPLE), *(one.bytes for one in ids(eu))]
    written = [str(one).encode() for one in ids(eu)]
    assert len(written) >= 3  # the owner, the account's person, the device
    in_us_store = b"".join([*us_store.objects().values(), *(name.encode() for name in us_store.objects())])
    for needle in stored + written:
        assert us.bytes_on_disk(needle) == []
        assert needle not in in_us_store
        assert needle not in said
    for needle in stored:
        assert eu.bytes_on_disk(needle), "the search finds what is there"
    assert b"north" not in in_us_store


async def asks_in_the_wrong_region(us: Region, device: SignedDevice, code: str, signed_enrolment: Any) -> None:
    """Records, a new device, somebody who signs in, and a program."""
    async with us.serving() as api:
        device.api = api
        assert (await device.send(device.batch(21, 5, user=OF_PEOPLE[3]))).status_code == 308
        again = signed_enrolment(code, Ed25519PrivateKey.generate(), hostname=OF_PEOPLE[2], account=OF_PEOPLE[3])
        assert (await api.post("/ingest/v1/enrol", **again)).status_code == 308
        assert (await api.get("/sign-in/north")).headers["location"].startswith("https://eu.example.org/")
        answer = await api.get("/v1/people", headers={"authorization": f"Bearer north.{'x' * 43}"})
        assert answer.status_code == 401


async def test_a_bucket_elsewhere_is_refused_when_it_is_set_up_before_a_file_is_sent_and_at_the_start(
    regions: tuple[Region, Region], stores: tuple[Store, Store], signed_enrolment: Any, device_of: Any
) -> None:
    (eu, _us), (store, _) = regions, stores
    await an_organisation_at_work(eu, signed_enrolment, device_of)
    [(tenant_id,)] = eu.rows("select tenant_id from tenant")
    async with eu.serving() as browser:
        assert (await set_up(eu, "north", browser, store, store.bucket("near", "eu-central-1"))).status_code == 303
        await asyncio.to_thread(check_buckets, eu.postgres.app_url, eu.settings)
        refused = await set_up(eu, "north", browser, store, store.bucket("far", "ap-southeast-2"))
        assert (refused.status_code, 'id="x-endpoint-e"' in refused.text) == (422, True)
        assert (await set_up(eu, "north", browser, store, store.bucket("moves", "eu-central-1"))).status_code == 303
    eu.rows("update export_schedule set bucket = 'far' where bucket = 'moves' returning 1")
    await export(eu, tenant_id)
    assert {name.partition("/")[0] for name in store.objects()} == {"near"}
    of_far = "select distinct fault from export_run join export_schedule using (schedule_id) where bucket = 'far'"
    assert eu.rows(of_far) == [("outside-region",)]

    with pytest.raises(OutsideRegion, match=r"north has exports sent to s3://far/.*end-exports north far"):
        await asyncio.to_thread(check_buckets, eu.postgres.app_url, eu.settings)
    command = [sys.executable, "-m", "toktra", "server", "run", "--port", "1"]
    start = await asyncio.to_thread(
        subprocess.run, command, env={**os.environ, **eu.environment}, capture_output=True, text=True, check=False
    )
    assert start.returncode == 1
    assert "Nothing was served" in start.stderr
    assert "1 scheduled exports" in await eu.run("region", "end-exports", "north", "far")
    await asyncio.to_thread(check_buckets, eu.postgres.app_url, eu.settings)
