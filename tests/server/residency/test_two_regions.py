"""Two regions side by side: who asks in the wrong one is sent on, and an organisation moves, and leaves nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.residency.conftest import OF_PEOPLE, Region, an_organisation_at_work

from toktra.server.vault import open_vault


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
        request["headers"] |= {"origin": "chrome-extension://gickamlabkoammlddlhcilpdiieonice"}
        of_browser = await api.post("/ingest/v1/enrol", **request)  # it would follow a 308 itself, as somebody else
        assert (of_browser.status_code, of_browser.headers["location"]) == (421, enrolment.headers["location"])
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
