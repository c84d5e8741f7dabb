"""Scheduled exports that are changed, paused and go on: what was begun ends as it began, and no day is sent twice."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.exports.scheduled.conftest import DAY
from tests.server.exports.scheduled.test_sending import PART, plan_again, text_of, to_bucket

from toktra.server.exports.scheduled import sending
from toktra.server.exports.scheduled.bucket import Sending
from toktra.server.exports.scheduled.schedule import Bucket, Fault, Folder, NotDelivered
from toktra.server.exports.scheduled.service import what_goes
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.exports.scheduled.conftest import House, Wire

AS_SET_UP = {"dataset": "events", "format": "csv", "rhythm": "daily", "wait_days": "3"}
NO_KEYS = {"access_key_id": "", "secret_access_key": ""}


async def change(house: House, page: str, fields: dict[str, str], status: int = 303) -> str:
    """Sends the form of the change; the answer is what the page says."""
    answer = await house.browser.post(f"{page}/edit", data=AS_SET_UP | fields)
    assert answer.status_code == status, answer.text
    return str(answer.text)


async def all_of(house: House, query: str) -> list[Any]:
    async with house.database.tenant(house.tenant.tenant_id) as connection:
        return await (await connection.execute(query.encode())).fetchall()


def names(client: Any, name: str) -> list[str]:
    return [one["Key"] for one in client.list_objects_v2(Bucket=name).get("Contents", ())]


async def test_what_is_not_sent_yet_is_sent_as_changed_and_what_was_sent_stays(house: House) -> None:
    page = await house.set_up(target="folder", folder="finance")
    await house.work(later=False)
    form = await text_of(house, f"{page}/edit")
    assert 'value="finance"' in form
    await change(house, page, {"dataset": "daily", "format": "ndjson", "target": "folder", "folder": "controlling"})
    await plan_again(house, days_later=1)
    await house.work()
    assert [path.name for path in (house.folder / "finance").iterdir()] == [f"toktra-north-events-{DAY}.csv"]
    later = DAY + timedelta(days=1)
    assert [path.name for path in (house.folder / "controlling").iterdir()] == [f"toktra-north-daily-{later}.ndjson"]
    said = await text_of(house, page)
    assert "Daily sums, NDJSON" in said
    assert "Single records, without who and when, CSV: Folder finance" in said
    assert said.count("Delivered") == 2


async def test_a_delivery_in_the_middle_ends_as_it_began_and_the_next_goes_where_it_was_changed_to(
    house: House, wire: Wire, s3: tuple[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PART_BYTES", PART)
    monkeypatch.setattr("moto.settings.S3_UPLOAD_PART_MIN_SIZE", 1024, raising=False)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1024, raising=False)
    _, client = s3
    for name in ("first-place", "second-place"):
        client.create_bucket(Bucket=name)
    page = await house.set_up(**to_bucket(wire, "first-place"))
    wire.left = 3 * PART
    await house.work(later=False)
    before = wire.parts()
    assert len(before) >= 2
    wire.left = None
    await change(house, page, {"format": "ndjson", **to_bucket(wire, "second-place") | NO_KEYS})
    await plan_again(house, days_later=1)
    wire.requests.clear()
    await house.work()
    assert set(before) | set(wire.parts()) == set(range(1, wire.parts()[-1] + 1))
    assert wire.parts()[0] == before[-1]  # no part that had arrived is sent again
    assert names(client, "first-place") == [f"ai/toktra-north-events-{DAY}.csv"]
    assert names(client, "second-place") == [f"ai/toktra-north-events-{DAY + timedelta(days=1)}.ndjson"]
    kept = await all_of(house, "select sealed_begun from export_run")
    assert [row.sealed_begun for row in kept] == [None, None]
    assert list((house.settings.data_directory / "exports").iterdir()) == []


async def test_what_a_place_refused_after_it_had_taken_parts_ends_there(
    house: House, wire: Wire, s3: tuple[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PART_BYTES", PART)
    monkeypatch.setattr("moto.settings.S3_UPLOAD_PART_MIN_SIZE", 1024, raising=False)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1024, raising=False)
    _, client = s3
    for name in ("took-parts", "took-none"):
        client.create_bucket(Bucket=name)
    page = await house.set_up(**to_bucket(wire, "took-parts"))
    sent = Sending.send_part

    def refuse(self: Sending, name: str, upload_id: str, number: int, content: bytes) -> str:
        if number == 3:
            raise NotDelivered(Fault.REFUSED, "AccessDenied")
        return sent(self, name, upload_id, number, content)

    with monkeypatch.context() as refusing:
        refusing.setattr(Sending, "send_part", refuse)
        await house.work(later=False)
    assert "It refused" in await text_of(house, page)
    await change(house, page, to_bucket(wire, "took-none") | NO_KEYS)
    await house.work()
    assert names(client, "took-parts") == [f"ai/toktra-north-events-{DAY}.csv"]
    assert names(client, "took-none") == []


async def test_what_may_have_arrived_is_looked_for_where_it_was_sent_to(
    house: House, wire: Wire, s3: tuple[int, Any]
) -> None:
    _, client = s3
    for name in ("may-be-here", "not-here"):
        client.create_bucket(Bucket=name)
    page = await house.set_up(**to_bucket(wire, "may-be-here"))
    await house.work(later=False)
    async with house.database.tenant(house.tenant.tenant_id) as connection:  # the worker died before it said so
        await connection.execute(
            "update export_run set state = 'waiting', delivered_at = null, leased_until = now() - interval '1 minute',"
            " sealed_begun = (select sealed_credentials from export_schedule)"
        )
    await change(house, page, to_bucket(wire, "not-here") | NO_KEYS)
    schedule_id = page.rpartition("/")[2]
    await house.deliver(schedule_id, DAY)
    assert (await house.one("select state from export_run")).state == "delivered"
    assert names(client, "may-be-here") != []
    assert names(client, "not-here") == []


async def test_what_was_cut_on_its_way_goes_where_it_was_going(house: House, wire: Wire, s3: tuple[int, Any]) -> None:
    _, client = s3
    for name in ("cut-here", "never-here"):
        client.create_bucket(Bucket=name)
    page = await house.set_up(**to_bucket(wire, "cut-here"))
    wire.left = 2 * PART  # nobody said whether the file arrived
    await house.work(later=False)
    assert "could not be reached" in await text_of(house, page)
    wire.left = None
    await change(house, page, {"dataset": "daily", **to_bucket(wire, "never-here") | NO_KEYS})
    await house.work()
    assert names(client, "cut-here") == [f"ai/toktra-north-events-{DAY}.csv"]
    assert names(client, "never-here") == []


async def test_what_was_refused_goes_to_the_new_place(house: House, wire: Wire, s3: tuple[int, Any]) -> None:
    _, client = s3
    for name in ("refuses", "takes"):
        client.create_bucket(Bucket=name)
    page = await house.set_up(**to_bucket(wire, "refuses"))
    client.delete_bucket(Bucket="refuses")
    await house.work(later=False)
    assert "There is no such bucket" in await text_of(house, page)
    await change(house, page, {"dataset": "daily", **to_bucket(wire, "takes") | NO_KEYS})
    await house.work()
    assert names(client, "takes") == [f"ai/toktra-north-daily-{DAY}.csv"]
    where = "select after ->> 'sent_to' as it from audit_entry where tag = 'figures:exported' order by number"
    said = [row.it.partition("/ai")[0] for row in await all_of(house, where)]
    assert said == ["s3://refuses", "s3://takes"]


async def test_the_secret_stays_unless_a_new_one_is_given_and_is_never_told(
    house: House, wire: Wire, s3: tuple[int, Any]
) -> None:
    s3[1].create_bucket(Bucket="secrets")
    page = await house.set_up(**to_bucket(wire, "secrets"))
    sealed = "select sealed_credentials as it, access_key_hint as hint from export_schedule"
    before = await house.one(sealed)
    weekly = {"rhythm": "weekly", "wait_days": "5"}
    form = await text_of(house, f"{page}/edit")
    assert "Now …MPLE." in form
    assert "AKIAEXAMPLE" not in form
    await change(house, page, weekly | to_bucket(wire, "secrets") | NO_KEYS)
    assert await house.one(sealed) == before
    new_keys = {"access_key_id": "AKIAOTHER", "secret_access_key": "also-never-seen"}
    await change(house, page, weekly | to_bucket(wire, "secrets") | new_keys)
    after = await house.one(sealed)
    assert bytes(after.it) != bytes(before.it)
    assert after.hint == "…THER"
    trail = "select before, after from audit_entry where tag = 'export-schedule:changed' order by number"
    first, second = await all_of(house, trail)
    schedule = page.rpartition("/")[2]
    assert first.before == {"rhythm": "daily", "wait_days": 3}
    assert first.after == {"schedule": schedule, "rhythm": "weekly", "wait_days": 5, "has_new_keys": False}
    assert second.before == {"access_key": "…MPLE"}
    assert second.after == {"schedule": schedule, "access_key": "…THER", "has_new_keys": True}
    await change(house, page, weekly | to_bucket(wire, "secrets") | NO_KEYS)
    assert len(await all_of(house, trail)) == 2  # nothing was changed
    # From a bucket to a folder the keys are forgotten, and another bucket needs its own.
    await change(house, page, {"target": "folder", "folder": "finance"})
    assert (await house.one(sealed)).it is None
    assert 'id="x-key-e"' in await change(house, page, to_bucket(wire, "secrets") | NO_KEYS, 422)


async def test_a_place_that_does_not_take_a_file_is_named_and_nothing_is_changed(
    house: House, wire: Wire, s3: tuple[int, Any]
) -> None:
    s3[1].create_bucket(Bucket="as-before")
    page = await house.set_up(**to_bucket(wire, "as-before"))
    ours = to_bucket(wire, "as-before")
    for fields, field in (
        (ours | {"bucket": "never-made"}, "bucket"),
        (ours | {"endpoint": "http://127.0.0.1:1"}, "endpoint"),
        (ours | {"secret_access_key": ""}, "secret"),
        (ours | {"access_key_id": ""}, "key"),
        (ours | {"wait_days": "0"}, "wait"),
    ):
        said = await change(house, page, fields, 422)
        assert f'id="x-{field}-e"' in said
        assert "never-to-be-seen" not in said
    (house.folder / "shut").touch()
    assert 'id="x-folder-e"' in await change(house, page, {"target": "folder", "folder": "shut"}, 422)
    row = await house.one("select bucket, wait_days, target from export_schedule")
    assert (row.bucket, row.wait_days, row.target) == ("as-before", 3, "s3")
    answer = await house.browser.post("/exports/scheduled", data=AS_SET_UP | ours | {
        "bucket": "never-made", "starts_on": DAY.isoformat()})  # fmt: skip
    assert answer.status_code == 422
    assert 'id="x-bucket-e"' in answer.text
    assert (await house.one("select count(*) as n from export_schedule")).n == 1


@pytest.mark.parametrize("rhythms", [("daily", "monthly", "weekly"), ("monthly", "daily"), ("weekly", "monthly")])
async def test_with_another_rhythm_every_day_is_in_one_period(house: House, rhythms: tuple[str, ...]) -> None:
    page = await house.set_up(target="folder", folder="finance", dataset="daily", rhythm=rhythms[0])
    for place, rhythm in enumerate(rhythms):
        if place:
            await change(house, page, {"dataset": "daily", "rhythm": rhythm, "target": "folder", "folder": "finance"})
        await plan_again(house, days_later=40 * (place + 1))
    runs = await all_of(house, "select first_day, last_day from export_run order by first_day")
    assert len(runs) >= 3
    for before, after in pairwise(runs):
        assert after.first_day == before.last_day + timedelta(days=1)


async def test_paused_it_sends_nothing_and_afterwards_every_period_once(house: House) -> None:
    page = await house.set_up(target="folder", folder="finance", dataset="daily")
    assert (await house.browser.post(f"{page}/pause")).status_code == 303
    assert (await house.browser.post(f"{page}/pause")).status_code == 303
    await house.work()
    await plan_again(house, days_later=2)
    await house.work()
    assert list((house.folder / "finance").iterdir()) == []
    assert (await house.one("select attempts, attempted_at from export_run")) == (0, None)
    assert "Nothing is begun until it is resumed" in await text_of(house, page)
    for _ in range(2):
        assert (await house.browser.post(f"{page}/resume")).status_code == 303
    await house.work()
    assert [path.name for path in (house.folder / "finance").iterdir()] == [f"toktra-north-daily-{DAY}.csv"]
    assert (await house.one("select attempts from export_run")).attempts == 1
    tags = await all_of(house, "select tag from audit_entry where tag like 'export-schedule:%' order by number")
    assert [row.tag.partition(":")[2] for row in tags] == ["made", "paused", "resumed"]


async def test_what_ended_or_is_not_there_cannot_be_changed(house: House) -> None:
    page = await house.set_up(target="folder", folder="finance")
    await house.browser.post(f"{page}/end")
    assert (await house.browser.get(f"{page}/edit")).status_code == 404
    await change(house, page, {"target": "folder", "folder": "elsewhere"}, 404)
    await change(house, "/exports/scheduled/x", {"target": "folder", "folder": "elsewhere"}, 404)
    await house.browser.post(f"{page}/pause")
    assert (await house.one("select paused_at from export_schedule")).paused_at is None
    await house.sign_in(Role.FINANCE)
    assert (await house.browser.get(f"{page}/edit")).status_code == 403
    await change(house, page, {"target": "folder", "folder": "elsewhere"}, 403)


def test_what_was_begun_goes_on_with_the_newest_keys_to_its_place() -> None:
    where = {"target": "s3", "endpoint": None, "region": "eu-central-1", "bucket": "here", "prefix": ""}
    begun = {"dataset": "daily", "format": "csv", **where, "endpoint": ""}
    now = {"dataset": "costs", "format": "csv", "folder": None, **where, "sealed_credentials": b"new"}
    claimed = SimpleNamespace(**now, begun_as=begun, sealed_begun=b"old", may_be_there=True)
    sent, sealed = what_goes(claimed)
    assert (sent.dataset, sent.target, sealed) == ("daily", Bucket("", "eu-central-1", "here", ""), b"new")
    claimed.bucket = "there"
    assert what_goes(claimed)[1] == b"old"
    claimed.may_be_there = False
    sent, sealed = what_goes(claimed)
    assert (sent.dataset, sent.target, sealed) == ("costs", Bucket("", "eu-central-1", "there", ""), b"new")
    claimed.target, claimed.folder, claimed.sealed_credentials = "folder", "finance", None
    sent, sealed = what_goes(claimed)
    assert (sent.target, sealed) == (Folder("finance"), b"")


async def test_of_two_who_change_it_at_once_the_second_is_told(house: House) -> None:
    from toktra.server.exports.scheduled import arranging, service
    from toktra.server.people.signed_in import SignedIn

    page = await house.set_up(target="folder", folder="finance")
    person = await house.one("select created_by as it from export_schedule")
    reader = SignedIn(house.tenant, person.it, "An owner", Role.OWNER)
    tenant_id = house.tenant.tenant_id
    async with house.database.tenant(tenant_id) as connection:
        [before] = await service.schedules_of(connection, tenant_id)
    typed = AS_SET_UP | {"target": "folder", "folder": "mine"}
    taken = await arranging.check_change(typed, before, house.database, tenant_id, house.settings)
    await change(house, page, {"target": "folder", "folder": "theirs"})
    with pytest.raises(arranging.ChangedMeanwhile):
        async with house.database.tenant(tenant_id) as connection:
            await arranging.change(connection, reader, before, taken)
    assert (await house.one("select folder from export_schedule")).folder == "theirs"
