"""What the device API answers to a batch, and what is in the database after it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.wire.events import MAX_BATCH_BYTES, BatchAccepted, OutOfSequence, encode
from toktra.wire.signatures import KeyId

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice, Tenant, Urls


def accepted(answer: httpx.Response) -> BatchAccepted:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return msgspec.json.decode(answer.content, type=BatchAccepted)


def out_of_sequence(answer: httpx.Response) -> OutOfSequence:
    assert answer.status_code == 409, answer.text
    return msgspec.json.decode(answer.content, type=OutOfSequence)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:toktra:problem:")
    assert body["title"]
    assert body["detail"]
    return body


def rows(urls: Urls, statement: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(urls.superuser) as connection:
        return connection.execute(statement).fetchall()


def everything(urls: Urls) -> list[list[tuple[Any, ...]]]:
    """All a batch could change."""
    return [
        rows(urls, "select * from usage_event order by 1, 3, 4, 5"),
        rows(urls, "select * from usage_daily order by 1, 2, 3, 4, 5"),
        rows(urls, "select * from usage_hourly order by 1, 2, 3, 4"),
        rows(urls, "select * from device order by 2"),
        rows(urls, "select * from device_day order by 1, 2, 3"),
        rows(urls, "select * from person order by 2"),
        rows(urls, "select * from account order by 2, 3"),
    ]


async def test_a_batch_is_stored_with_its_sums_and_its_people(urls: Urls, tenant: Tenant, device: SignedDevice) -> None:
    batch = device.batch(1, 3)
    at = batch.events[0].at.replace(minute=30, second=0) - timedelta(hours=2)
    events = [
        device.event(1, at=at, user="ada", provider_host="api.openai.com"),
        device.event(2, at=at, user="bob", provider_host="claude.ai", estimated_input_tokens=0),
        device.event(3, at=at, user="ada", provider_host="api.openai.com"),
    ]
    batch = msgspec.structs.replace(batch, events=events)

    assert accepted(await device.send(batch)) == BatchAccepted(epoch=1, last_seq=3)

    day, hour = at.date(), at.replace(minute=0)
    people = dict(rows(urls, "select display_name, person_id from person"))
    assert set(people) == {"ada on desk-1", "bob on desk-1"}
    ada, bob = people["ada on desk-1"], people["bob on desk-1"]
    own = (tenant.tenant_id,)
    assert rows(urls, "select * from usage_event order by sequence") == [
        (*own, at, device.key.device, 1, 1, ada, "api.openai.com", 1000, 2000, 10, 20, "e1"),
        (*own, at, device.key.device, 1, 2, bob, "claude.ai", 1000, 2000, 0, 20, "e1"),
        (*own, at, device.key.device, 1, 3, ada, "api.openai.com", 1000, 2000, 10, 20, "e1"),
    ]
    assert rows(urls, "select * from usage_daily order by provider_host") == [
        (*own, day, ada, "api.openai.com", "e1", 2, 2000, 4000, 20, 40),
        (*own, day, bob, "claude.ai", "e1", 0, 1000, 2000, 0, 20),
    ]
    assert rows(urls, "select * from usage_hourly order by provider_host") == [
        (*own, hour, "api.openai.com", "e1", 2, 2000, 4000, 20, 40),
        (*own, hour, "claude.ai", "e1", 0, 1000, 2000, 0, 20),
    ]
    today = datetime.now(UTC).date()
    assert rows(urls, "select * from device_day") == [(*own, today, device.key.device)]
    assert rows(urls, "select epoch, last_seq, agent_version, estimator_version, last_report_on from device") == [
        (1, 3, "1.0", "e1", today)
    ]


async def test_a_batch_sent_again_changes_nothing(urls: Urls, device: SignedDevice) -> None:
    await device.send(device.batch(1, 5))
    before = everything(urls)
    assert accepted(await device.send(device.batch(1, 5))) == BatchAccepted(epoch=1, last_seq=5)
    assert accepted(await device.send(device.batch(2, 2))) == BatchAccepted(epoch=1, last_seq=5)
    assert everything(urls) == before


async def test_only_the_tail_of_an_overlapping_batch_is_new(urls: Urls, device: SignedDevice) -> None:
    await device.send(device.batch(1, 5))
    assert accepted(await device.send(device.batch(3, 5))) == BatchAccepted(epoch=1, last_seq=7)
    assert rows(urls, "select sequence from usage_event order by 1") == [(n,) for n in range(1, 8)]
    assert rows(urls, "select sum(exchanges) from usage_daily") == [(7,)]


async def test_a_gap_is_answered_with_the_mark_and_changes_nothing(urls: Urls, device: SignedDevice) -> None:
    await device.send(device.batch(1, 5))
    before = everything(urls)
    assert out_of_sequence(await device.send(device.batch(7, 1))) == OutOfSequence(epoch=1, last_seq=5)
    assert everything(urls) == before


async def test_a_higher_epoch_counts_from_one_again(urls: Urls, device: SignedDevice) -> None:
    await device.send(device.batch(1, 5))
    assert out_of_sequence(await device.send(device.batch(6, 1, epoch=2))) == OutOfSequence(epoch=1, last_seq=5)
    assert accepted(await device.send(device.batch(1, 2, epoch=3))) == BatchAccepted(epoch=3, last_seq=2)
    assert out_of_sequence(await device.send(device.batch(6, 1, epoch=1))) == OutOfSequence(epoch=3, last_seq=2)
    assert rows(urls, "select count(*), sum(request_bytes) from usage_event") == [(7, 7000)]


async def test_an_empty_batch_asks_for_the_mark(device: SignedDevice) -> None:
    await device.send(device.batch(1, 5))
    assert accepted(await device.send(device.batch(1, 0))) == BatchAccepted(epoch=1, last_seq=5)
    assert out_of_sequence(await device.send(device.batch(9, 0))) == OutOfSequence(epoch=1, last_seq=5)


async def test_an_empty_batch_is_a_report_for_coverage(urls: Urls, device: SignedDevice) -> None:
    await device.send(device.batch(1, 0))
    assert rows(urls, "select count(*) from device_day") == [(1,)]


async def test_months_long_past_and_just_begun_get_their_partition(urls: Urls, device: SignedDevice) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    events = [
        device.event(1, at=now - timedelta(days=399)),
        device.event(2, at=now - timedelta(days=70)),
        device.event(3, at=now + timedelta(hours=23, minutes=59)),
    ]
    batch = msgspec.structs.replace(device.batch(1, 0), events=events)
    assert accepted(await device.send(batch)).last_seq == 3
    assert rows(urls, "select count(*) from usage_event") == [(3,)]


async def test_a_month_dropped_meanwhile_is_made_again(urls: Urls, device: SignedDevice) -> None:
    await device.send(device.batch(1, 1))
    with psycopg.connect(urls.owner) as connection:
        month = connection.execute("select tableoid::regclass::text from usage_event").fetchall()
        name = connection.execute(
            "select relname from pg_class where relispartition and relkind = 'r' order by 1 limit 1"
        ).fetchone()
        assert name is not None
        del month
        connection.execute(psycopg.sql.SQL("drop table {}").format(psycopg.sql.Identifier(name[0])))
    assert accepted(await device.send(device.batch(2, 1))).last_seq == 2


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"provider_host": "example.com"}, "provider_host", "not in the catalogue"),
        ({"provider_host": "notopenai.com"}, "provider_host", "not in the catalogue"),
        ({"at": NOW + timedelta(hours=48)}, "at", "more than 24 hours ahead"),
        ({"at": NOW - timedelta(days=401)}, "at", "past what this server keeps"),
        ({"device": "00000000-0000-4000-8000-000000000000"}, "device", "not the device that signed"),
        ({"request_bytes": (1 << 40) + 1}, "request_bytes", "no exchange can reach"),
        ({"estimated_output_tokens": 2**62}, "estimated_output_tokens", "no exchange can reach"),
    ],
)
async def test_one_wrong_event_refuses_the_whole_batch_by_name(
    urls: Urls, device: SignedDevice, changes: dict[str, Any], field: str, says: str
) -> None:
    before = everything(urls)
    events = [device.event(1), device.event(2, **changes), device.event(3)]
    body = problem(await device.send(msgspec.structs.replace(device.batch(1, 0), events=events)), 400)
    assert body["field"] == f"events[1].{field}"
    assert says in body["detail"]
    assert everything(urls) == before


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (lambda raw: raw | {"prompt": "hello"}, "prompt"),
        (lambda raw: raw | {"epoch": 0}, "epoch"),
        (lambda raw: {k: v for k, v in raw.items() if k != "prev_seq"}, "prev_seq"),
        (lambda raw: raw | {"events": [raw["events"][0] | {"prompt": "hello"}]}, "events[0].prompt"),
        (lambda raw: raw | {"events": [raw["events"][0] | {"at": "2026-11-22T10:00:00"}]}, "events[0].at"),
        (lambda raw: raw | {"events": raw["events"] * 2}, "events[1].sequence"),
        (lambda raw: raw | {"events": raw["events"] * 501}, "events"),
    ],
)
async def test_a_batch_that_breaks_the_schema_is_refused(
    urls: Urls, device: SignedDevice, damage: Any, field: str
) -> None:
    before = everything(urls)
    raw = msgspec.to_builtins(device.batch(1, 1))
    body = problem(await device.post(msgspec.json.encode(damage(raw))), 400)
    assert body.get("field", "") == field
    assert "hello" not in body["detail"]
    assert everything(urls) == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"null", b"[" * 50_000])
async def test_what_is_no_batch_is_refused(urls: Urls, device: SignedDevice, body: bytes) -> None:
    before = everything(urls)
    problem(await device.post(body), 400)
    assert everything(urls) == before


async def test_a_body_over_the_limit_is_refused_while_it_arrives(api: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 50 * MAX_BATCH_BYTES:
            sent += 1 << 16
            yield b" " * (1 << 16)

    body = problem(await api.post("/ingest/v1/batches", content=endless()), 413)
    assert str(MAX_BATCH_BYTES) in body["detail"]
    claimed = {"content-length": str(MAX_BATCH_BYTES + 1)}
    problem(await api.post("/ingest/v1/batches", content=b"", headers=claimed), 413)


async def test_nobody_else_can_report_for_a_device(
    urls: Urls, device: SignedDevice, other_device: SignedDevice, other_tenant: Tenant
) -> None:
    before = everything(urls)
    body = encode(device.batch(1, 1))
    unsigned = await device.api.post("/ingest/v1/batches", content=body)
    forged = [
        unsigned,
        await device.post(body, private_key=Ed25519PrivateKey.generate()),
        await device.post(body, private_key=other_device.private_key),
        await device.post(body, key_id=str(dataclasses.replace(device.key, tenant=other_tenant.tenant_id))),
        await device.post(body, key_id=str(KeyId(device.key.device, device.key.tenant))),
        await device.post(body, key_id="me"),
        await device.post(body, signed_body=body + b" "),
        await device.post(body, url="https://server/ingest/v1/enrol"),
        await device.post(body, method="GET"),
    ]
    for answer in forged:
        assert problem(answer, 401)["type"] == "urn:toktra:problem:invalid-signature"
    problem(await other_device.send(device.batch(1, 1)), 400)  # rightly signed, but about another device
    assert everything(urls) == before


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("update device set status = 'revoked'", "revoked"),
        ("update tenant set status = 'suspended'", "suspended"),
    ],
)
async def test_a_revoked_device_and_a_suspended_organisation_are_refused_at_once(
    urls: Urls, device: SignedDevice, statement: LiteralString, kind: str
) -> None:
    accepted(await device.send(device.batch(1, 1)))  # its key is remembered from now on
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(statement)
    before = everything(urls)
    assert problem(await device.send(device.batch(2, 1)), 403)["type"] == f"urn:toktra:problem:{kind}"
    assert everything(urls) == before


async def test_a_deleted_device_is_unknown_although_its_key_is_remembered(urls: Urls, device: SignedDevice) -> None:
    accepted(await device.send(device.batch(1, 0)))
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("delete from device")
    problem(await device.send(device.batch(1, 1)), 401)


async def test_an_address_that_is_none_and_a_wrong_method_say_so(api: httpx.AsyncClient) -> None:
    problem(await api.post("/ingest/v1/nothing"), 404)
    problem(await api.get("/ingest/v1/batches"), 405)


async def test_every_answer_carries_the_security_headers(api: httpx.AsyncClient, device: SignedDevice) -> None:
    for answer in (await device.send(device.batch(1, 1)), await api.get("/healthz"), await device.post(b"{")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
