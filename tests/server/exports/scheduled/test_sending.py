"""Exports that send themselves: whole, once, further after a cut, with a clear state when the receiver refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.exports.scheduled.conftest import DAY

from toktra.server.exports.scheduled import bucket, folder, sending
from toktra.server.exports.scheduled.schedule import NotDelivered
from toktra.server.jobs import Work
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.exports.scheduled.conftest import House, Wire

PART = 64 << 10
FILE = f"toktra-north-events-{DAY}.csv"
KEYS = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "never-to-be-seen"}


def to_bucket(wire: Wire, name: str) -> dict[str, str]:
    return {"target": "s3", "bucket": name, "region": "us-east-1", "prefix": "ai/", "endpoint": wire.url, **KEYS}


async def text_of(house: House, address: str) -> str:
    answer = await house.browser.get(address)
    assert answer.status_code == 200, answer.text[:400]
    return unescape(answer.text).replace("\xa0", " ")


async def downloaded(house: House) -> bytes:
    asked = {"dataset": "events", "format": "csv", "from": str(DAY), "to": str(DAY)}
    answer = await house.browser.get("/exports/file", params=asked)
    assert answer.status_code == 200
    return answer.content


async def exported(house: House) -> list[Any]:
    async with house.database.tenant(house.tenant.tenant_id) as connection:
        cursor = await connection.execute(
            "select actor, after from audit_entry where tag = 'figures:exported' order by number"
        )
        return await cursor.fetchall()


async def plan_again(house: House, days_later: int = 0) -> None:
    work = Work(house.tenant.tenant_id, house.database, house.settings, 1, is_last_attempt=False)
    await sending.plan_due(work, datetime.now(UTC).date() + timedelta(days=days_later))


async def test_after_a_cut_it_goes_on_where_it_was_and_is_there_once(
    house: House, wire: Wire, s3: tuple[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PART_BYTES", PART)
    monkeypatch.setattr("moto.settings.S3_UPLOAD_PART_MIN_SIZE", 1024, raising=False)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1024, raising=False)
    _, client = s3
    client.create_bucket(Bucket="cut-once")
    page = await house.set_up(**to_bucket(wire, "cut-once"))
    wire.left = 3 * PART
    await house.work(later=False)
    said = await text_of(house, page)
    assert "Tried 1 times; tried again later" in said
    assert "could not be reached" in said
    assert "have arrived; it goes on from there" in said
    assert "Contents" not in client.list_objects_v2(Bucket="cut-once")  # nothing to be seen of half a file
    before = wire.parts()
    assert len(before) >= 2

    wire.left = None
    wire.requests.clear()
    await house.work()
    after = wire.parts()
    assert after[0] == before[-1]  # the part that was cut, and none that had arrived
    assert set(before) | set(after) == set(range(1, after[-1] + 1))
    found = client.get_object(Bucket="cut-once", Key=f"ai/{FILE}")
    assert found["Body"].read() == await downloaded(house)
    assert found["Metadata"]["toktra-schema-version"]
    assert found["Metadata"]["toktra-first-day"] == DAY.isoformat()

    said = await text_of(house, page)
    assert "Delivered" in said
    assert "device-days; estimators: e7" in said
    by_itself, by_hand = await exported(house)
    assert by_itself.actor == "system"
    assert by_itself.after["sent_to"].startswith("s3://cut-once/ai/")
    assert (by_itself.after["estimator_versions"], by_itself.after["first_day"]) == ("e7", DAY.isoformat())
    assert {"schema_version", "device_days_reported", "device_days_enrolled"} <= by_itself.after.keys()
    assert by_hand.after["sent_to"] == "download"
    assert list((house.settings.data_directory / "exports").iterdir()) == []

    wire.requests.clear()
    await plan_again(house)
    await house.work()
    assert wire.requests == []


async def test_what_was_delivered_is_not_sent_again_when_the_worker_died_before_saying_so(
    house: House, wire: Wire, s3: tuple[int, Any]
) -> None:
    _, client = s3
    client.create_bucket(Bucket="died-late")
    await house.set_up(**to_bucket(wire, "died-late"))
    await house.work(later=False)
    first = client.head_object(Bucket="died-late", Key=f"ai/{FILE}")
    async with house.database.tenant(house.tenant.tenant_id) as connection:
        await connection.execute("update export_run set state = 'failed', delivered_at = null")
    address = (await text_of(house, "/exports/scheduled")).partition('href="/exports/scheduled/')[2][:36]
    assert (await house.browser.post(f"/exports/scheduled/{address}/{DAY}/again")).status_code == 303
    wire.requests.clear()
    await house.work()
    assert not [request for request in wire.requests if request.startswith(b"PUT")]
    assert client.head_object(Bucket="died-late", Key=f"ai/{FILE}")["LastModified"] == first["LastModified"]
    assert (await house.one("select state from export_run")).state == "delivered"


async def test_a_bucket_that_refuses_is_said_and_tried_again(house: House, wire: Wire, s3: tuple[int, Any]) -> None:
    _, client = s3
    client.create_bucket(Bucket="not-there-yet")
    page = await house.set_up(**to_bucket(wire, "not-there-yet"))
    client.delete_bucket(Bucket="not-there-yet")
    tried = await house.browser.post(f"{page}/test")
    assert "There is no such bucket" in tried.text
    await house.work(later=False)
    said = await text_of(house, page)
    assert "There is no such bucket" in said
    assert "It said: NoSuchBucket." in said
    assert "never-to-be-seen" not in said
    client.create_bucket(Bucket="not-there-yet")
    assert "The test arrived" in (await house.browser.post(f"{page}/test")).text
    assert "Contents" not in client.list_objects_v2(Bucket="not-there-yet")
    await house.work()
    assert "Delivered" in await text_of(house, page)


async def test_a_folder_gets_each_file_whole_and_goes_on_after_a_cut(house: House) -> None:
    page = await house.set_up(target="folder", folder="finance/ai", format="ndjson")
    await house.work(later=False)
    name = FILE.replace("csv", "ndjson")
    file = house.folder / "finance" / "ai" / name
    whole = file.read_bytes()
    assert whole.count(b"\n") == 6000
    assert "Delivered" in await text_of(house, page)

    source = house.folder / "source"
    source.write_bytes(whole)
    sha256 = (await house.one("select sha256 from export_run")).sha256
    file.unlink()
    unfinished = file.with_name(f".{name}.{sha256[:16]}.part")
    unfinished.write_bytes(whole[:100_000])
    assert max(folder.deliver(file.parent, name, source, sha256)) == len(whole)
    assert file.read_bytes() == whole
    file.unlink()
    unfinished.write_bytes(b"x" + whole[1:100_000])  # not what it was: never shown as whole
    with pytest.raises(NotDelivered):
        list(folder.deliver(file.parent, name, source, sha256))
    assert list(file.parent.iterdir()) == []


async def test_later_periods_follow_and_none_is_planned_twice(house: House) -> None:
    await house.set_up(target="folder", folder="finance", dataset="daily")
    for days_later in (0, 2, 2):
        await plan_again(house, days_later)
    await house.work(later=False)
    delivered = sorted(path.name for path in (house.folder / "finance").iterdir())
    assert delivered == [f"toktra-north-daily-{DAY + timedelta(days=place)}.csv" for place in range(3)]
    assert len(await exported(house)) == 3


async def test_without_a_folder_or_with_a_link_out_of_it_nothing_is_written(house: House, tmp_path: Any) -> None:
    away = tmp_path / "away"
    away.mkdir()
    page = await house.set_up(target="folder", folder="finance")
    (house.folder / "finance").rmdir()
    (house.folder / "finance").symlink_to(away)
    await house.work(later=False)
    assert "cannot be written to" in await text_of(house, page)
    assert list(away.iterdir()) == []
    house.folder.rename(tmp_path / "gone")
    await house.work()
    assert "has no folder for exports" in await text_of(house, page)


async def test_ending_forgets_the_keys_and_sends_nothing_more(house: House, wire: Wire, s3: tuple[int, Any]) -> None:
    s3[1].create_bucket(Bucket="ended")
    page = await house.set_up(**to_bucket(wire, "ended"))
    row = await house.one("select sealed_credentials from export_schedule")
    assert b"never-to-be-seen" not in bytes(row.sealed_credentials)
    wire.requests.clear()
    assert (await house.browser.post(f"{page}/end")).status_code == 303
    row = await house.one("select sealed_credentials from export_schedule")
    assert bytes(row.sealed_credentials) == b""
    await house.work(later=False)
    await plan_again(house, 5)
    await house.work()
    assert wire.requests == []
    assert "Ended" in await text_of(house, page)
    assert (await house.browser.post(f"{page}/test")).status_code == 404


async def test_a_wrong_field_is_named_nothing_is_stored_and_a_secret_is_never_repeated(
    house: House, wire: Wire
) -> None:
    fields = to_bucket(wire, "UPPER") | {"dataset": "daily", "starts_on": DAY.isoformat()}
    answer = await house.browser.post("/exports/scheduled", data=fields)
    assert answer.status_code == 422
    assert 'id="x-bucket-e"' in answer.text
    assert "never-to-be-seen" not in answer.text
    assert (await house.one("select count(*) as n from export_schedule")).n == 0


async def test_who_may(house: House) -> None:
    page = await house.set_up(target="folder", folder="finance")
    for role in (Role.FINANCE, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.EMPLOYEE):
        await house.sign_in(role)
        reads = role is not Role.EMPLOYEE
        assert (await house.browser.get(page)).status_code == (200 if reads else 403)
        assert (await house.browser.post(f"{page}/end")).status_code == 403
        assert (await house.browser.post("/exports/scheduled", data={})).status_code == 403
    await house.sign_in(Role.ADMINISTRATOR)
    for address in ("/exports/scheduled/x", f"{page[:-4]}ffff"):
        assert (await house.browser.get(address)).status_code == 404
    assert (await house.browser.post(f"{page}/never/again")).status_code == 404
    assert (await house.browser.post(f"{page}/end")).status_code == 303


def test_parts_are_as_large_as_s3_wants_them() -> None:
    assert 5 << 20 <= bucket.PART_BYTES <= 5 << 30
