"""What owners do with their mailboxes over HTTP, and what they are told when it cannot be."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from tests.personal.conftest import NOW, Owner, a_sealed_record, an_upload

from toktra.personal import mailboxes
from toktra.wire.events import encode
from toktra.wire.personal import KEPT_DAYS, UPLOAD_BYTES, RecordsPage, Resealed, Upload

if TYPE_CHECKING:
    import httpx
    from tests.personal.conftest import MovedClock, Urls

TODAY = NOW.date()


async def pages_of(owner: Owner) -> list[RecordsPage]:
    pages: list[RecordsPage] = []
    while not pages or pages[-1].next:
        answer = await owner.records(pages[-1].next or "" if pages else "")
        assert answer.status_code == 200, answer.text
        pages.append(msgspec.json.decode(answer.content, type=RecordsPage))
    return pages


async def records_of(owner: Owner) -> list[Any]:
    return [record for page in await pages_of(owner) for record in page.records]


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:toktra:problem:{kind}"
    return body


async def test_what_is_uploaded_is_what_its_owner_gets_and_nobody_else(owner: Owner, other_owner: Owner) -> None:
    body = an_upload(TODAY)
    assert (await owner.upload(TODAY, body=body)).status_code == 200
    [record] = await records_of(owner)
    assert record.sealed == msgspec.json.decode(body, type=Upload).sealed
    assert record.day == TODAY
    assert await records_of(other_owner) == []


async def test_the_same_upload_again_is_stored_once_also_a_day_later(owner: Owner, clock: MovedClock) -> None:
    body = an_upload(TODAY)
    for _ in range(2):
        assert (await owner.upload(TODAY, body=body)).status_code == 200
    clock.forward(days=1)
    assert (await owner.upload(TODAY, body=body)).status_code == 200
    assert len(await records_of(owner)) == 1


async def test_the_same_upload_in_two_mailboxes_is_kept_under_ids_that_say_nothing(
    owner: Owner, other_owner: Owner
) -> None:
    body = an_upload(TODAY)
    for each in (owner, other_owner):
        await each.upload(TODAY, body=body)
    ids = [{record.record for record in await records_of(each)} for each in (owner, other_owner)]
    assert not ids[0] & ids[1]


async def test_records_come_newest_day_first_a_page_at_a_time(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailboxes, "RECORDS_A_PAGE", 3)
    for days in (40, 0, 1, 40, 1, 0):
        await owner.upload(TODAY - timedelta(days=days))
    pages = await pages_of(owner)
    assert [len(page.records) for page in pages] == [3, 3]
    records = [record for page in pages for record in page.records]
    assert [record.day for record in records] == sorted((record.day for record in records), reverse=True)
    assert len({record.record for record in records}) == 6


@pytest.mark.parametrize("day", [TODAY + timedelta(days=1), TODAY - timedelta(days=KEPT_DAYS), date(1999, 1, 1)])
async def test_a_day_that_has_not_come_or_is_gone_is_refused_by_name(owner: Owner, day: date) -> None:
    body = problem(await owner.upload(day), 409, "clock-off")
    assert body["field"] == "day"
    assert f"today is {TODAY}" in body["detail"]
    assert await records_of(owner) == []


async def test_the_oldest_day_that_is_kept_is_taken(owner: Owner) -> None:
    oldest = TODAY - timedelta(days=KEPT_DAYS - 1)
    assert (await owner.upload(oldest)).status_code == 200
    assert {record.day for record in await records_of(owner)} == {oldest}


async def test_a_damaged_body_is_refused_whole_and_the_field_is_named(owner: Owner) -> None:
    good = json.loads(an_upload(TODAY))

    async def send(change: dict[str, Any]) -> dict[str, Any]:
        bare = json.dumps({**good, "filling": "", **change}).encode()
        body = bare[:-1] + b" " * (UPLOAD_BYTES - len(bare)) + b"}"
        return problem(await owner.upload(TODAY, body=body), 400, "invalid-message")

    assert (await send({"sealed": ""}))["field"] == "sealed"
    assert (await send({"upload": "7"}))["field"] == "upload"
    assert (await send({"day": "yesterday"}))["field"] == "day"
    assert (await send({"device": "desk-1"}))["field"] == "device"
    refused = await send({"sealed": "eyJwcm92aWRlcl9ob3N0IjoiYXBpLm9wZW5haS5jb20ifQ=="})
    assert refused["field"] == "sealed"
    assert "age file" in refused["detail"]
    cut = problem(await owner.upload(TODAY, body=an_upload(TODAY)[:-1]), 400, "invalid-message")
    assert f"{UPLOAD_BYTES} bytes" in cut["detail"]
    problem(await owner.upload(TODAY, body=an_upload(TODAY) + b" "), 413, "too-large")
    assert await records_of(owner) == []


async def test_without_a_secret_or_with_an_unknown_one_nothing_is_told(api: httpx.AsyncClient, owner: Owner) -> None:
    stranger = Owner(api)
    problem(await stranger.upload(TODAY), 404, "no-mailbox")
    problem(await stranger.records(), 404, "no-mailbox")
    for header in ("", f"Basic {owner.secret}", "Bearer short", f"Bearer {owner.secret}x"):
        answer = await api.get("/v1/mailbox/records", headers={"authorization": header} if header else {})
        problem(answer, 401, "unauthorized")


async def test_a_new_key_takes_the_place_of_the_old_and_the_days_stay(owner: Owner, other_owner: Owner) -> None:
    days = [TODAY, TODAY - timedelta(days=30)]
    for day in days:
        await owner.upload(day)
        await other_owner.upload(day)
    before = await records_of(owner)
    resealed = [Resealed(record=record.record, sealed=a_sealed_record()) for record in before]
    lapsed = Resealed(record=str(uuid4()), sealed=a_sealed_record())
    foreign = Resealed(record=(await records_of(other_owner))[0].record, sealed=a_sealed_record())
    answer = await owner.ask("PUT", "/records", content=msgspec.json.encode([*resealed, lapsed, foreign]))
    assert answer.json() == {"replaced": len(before)}
    after = {record.record: record for record in await records_of(owner)}
    assert {name: record.day for name, record in after.items()} == {record.record: record.day for record in before}
    assert {record.record: record.sealed for record in resealed} == {name: one.sealed for name, one in after.items()}
    assert foreign.sealed not in {record.sealed for record in await records_of(other_owner)}


async def test_records_that_cannot_take_a_place_are_refused_and_nothing_changes(owner: Owner) -> None:
    for _ in range(2):
        await owner.upload(TODAY)
    before = await records_of(owner)
    good = encode(Resealed(record=before[0].record, sealed=a_sealed_record())).decode()
    in_clear = encode(Resealed(record=before[1].record, sealed=b"api.openai.com")).decode()
    no_id = encode(Resealed(record="-" * 36, sealed=a_sealed_record())).decode()
    for bad, field in ((in_clear, "[1].sealed"), (no_id, "[1].record")):
        answer = await owner.ask("PUT", "/records", content=f"[{good},{bad}]")
        assert problem(answer, 400, "invalid-message")["field"] == field
    problem(await owner.ask("PUT", "/records", content="[]"), 400, "invalid-message")
    assert await records_of(owner) == before


async def test_deleting_takes_everything_of_one_mailbox_at_once(owner: Owner, other_owner: Owner, urls: Urls) -> None:
    for day in (TODAY, TODAY - timedelta(days=60)):
        await owner.upload(day)
        await other_owner.upload(day)
    assert (await owner.ask("DELETE")).status_code == 204
    assert (await owner.ask("DELETE")).status_code == 204, "asked again because the answer was lost"
    problem(await owner.upload(TODAY), 404, "no-mailbox")
    with psycopg.connect(urls.app) as connection:
        left = connection.execute("select count(*) from record where mailbox = %s", [owner.digest]).fetchone()
    assert left == (0,)
    assert len(await records_of(other_owner)) == 2


async def test_a_deletion_during_uploads_leaves_no_record_behind(owner: Owner, urls: Urls) -> None:
    answers = await asyncio.gather(
        *(owner.upload(TODAY) for _ in range(6)), owner.ask("DELETE"), *(owner.upload(TODAY) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} <= {200, 204, 404}
    with psycopg.connect(urls.app) as connection:
        left = connection.execute("select count(*) from record where mailbox = %s", [owner.digest]).fetchone()
    assert left == (0,)


async def test_no_answer_may_be_kept_framed_or_filled_from_elsewhere(owner: Owner) -> None:
    headers = (await owner.records()).headers
    assert headers["cache-control"] == "no-store"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "connect-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "set-cookie" not in headers
