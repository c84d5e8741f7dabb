"""What devices are told when the service cannot: a full disk, no database, too much at once, a body cut off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from starlette.requests import Request
from tests.personal.conftest import NOW, Owner, Urls, open_mailbox, service
from tests.personal.test_mailboxes import problem, records_of

from toktra.personal import request_body
from toktra.personal.limits import MOST_REMEMBERED, RequestLimit
from toktra.personal.mailbox_routes import UPLOADS_AN_HOUR
from toktra.personal.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    from starlette.types import Message
    from tests.personal.conftest import MovedClock

TODAY = NOW.date()


@pytest.fixture
async def own_api(own_urls: Urls, clock: MovedClock, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with service(own_urls, clock, tmp_path, database_connections=2) as api:
        yield api


async def test_a_full_disk_stores_nothing_and_says_when_to_come_back(
    own_api: httpx.AsyncClient, own_urls: Urls
) -> None:
    owner = open_mailbox(own_urls, Owner(own_api))
    with psycopg.connect(own_urls.superuser, autocommit=True) as connection:
        connection.execute(
            "create function no_room() returns trigger language plpgsql as "
            "$$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$"
        )
        connection.execute("create trigger no_room before insert on record for each row execute function no_room()")
        answer = await owner.upload(TODAY)
        problem(answer, 507, "disk-full")
        assert int(answer.headers["retry-after"]) >= 60
        assert await records_of(owner) == []
        assert (await owner.ask("DELETE")).status_code == 204, "leaving needs no room"
        connection.execute("drop function no_room cascade")


async def test_a_database_that_goes_away_and_comes_back(
    own_api: httpx.AsyncClient, own_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toktra.personal.database.pool.WAIT_S", 1.0)
    owner = open_mailbox(own_urls, Owner(own_api))
    assert (await owner.upload(TODAY)).status_code == 200
    with psycopg.connect(own_urls.superuser, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("revoke connect on database {} from toktra_personal_app").format(name))
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and usename = 'toktra_personal_app'"
        )
        answer = await owner.upload(TODAY)
        problem(answer, 503, "busy")
        assert answer.headers["retry-after"]
        connection.execute(sql.SQL("grant connect on database {} to toktra_personal_app").format(name))
    async with asyncio.timeout(60):
        while (await owner.upload(TODAY)).status_code != 200:
            await asyncio.sleep(0.05)
    assert len(await records_of(owner)) == 2


async def test_without_its_database_it_answers_that_it_is_not_ready(
    clock: MovedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toktra.personal.database.pool.WAIT_S", 0.2)
    nowhere = Urls("postgresql://a@/none?host=/nowhere", "", "")
    async with service(nowhere, clock, tmp_path) as api:
        assert (await api.get("/healthz")).text == "ok\n"
        answer = await api.get("/readyz")
        assert answer.status_code == 503
        assert "does not answer" in answer.text
        problem(await Owner(api).upload(TODAY), 503, "busy")


async def test_tables_that_are_missing_or_too_new_are_named(own_api: httpx.AsyncClient, own_urls: Urls) -> None:
    assert (await own_api.get("/readyz")).status_code == 200
    with psycopg.connect(own_urls.owner, autocommit=True) as connection:
        connection.execute("update schema_version set version = 0")
        assert "toktra personal migrate" in (await own_api.get("/readyz")).text
        connection.execute("update schema_version set version = 99")
        assert "newer than" in (await own_api.get("/readyz")).text


async def test_a_fault_is_told_without_a_word_of_the_database(own_api: httpx.AsyncClient, own_urls: Urls) -> None:
    owner = open_mailbox(own_urls, Owner(own_api))
    with psycopg.connect(own_urls.owner, autocommit=True) as connection:
        connection.execute("drop function store_uploads")
    body = problem(await owner.upload(TODAY), 500, "fault")
    assert "store_upload" not in str(body)


async def test_an_address_or_method_that_is_not_there(api: httpx.AsyncClient) -> None:
    problem(await api.get("/v1/mailboxes"), 404, "not-found")
    answer = await api.get("/v1/redemptions")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


async def test_more_uploads_than_any_device_has_are_put_off(owner: Owner) -> None:
    answers = await asyncio.gather(*(owner.ask("POST", "/uploads", content=b"x") for _ in range(UPLOADS_AN_HOUR + 1)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 1
    assert 0 < int(refused[0].headers["retry-after"]) <= 3600
    problem(refused[0], 429, "too-many-requests")
    assert (await owner.records()).status_code == 200, "reading has a bound of its own"


def test_a_limit_forgets_after_its_window_and_keeps_sources_apart() -> None:
    now = 0.0
    limit = RequestLimit(2, 60.0, clock=lambda: now)
    assert [limit.wait_s(b"a") for _ in range(3)] == [0, 0, 60]
    assert limit.wait_s(b"b") == 0
    now = 59.5
    assert limit.wait_s(b"a") == 1
    now = 60.0
    assert limit.wait_s(b"a") == 0


def test_a_limit_does_not_grow_without_end() -> None:
    limit = RequestLimit(1, 60.0, clock=lambda: 0.0)
    for number in range(MOST_REMEMBERED + 10):
        assert limit.wait_s(number.to_bytes(4)) == 0
    assert limit.wait_s((0).to_bytes(4)) == 0, "forgotten: the oldest"
    assert limit.wait_s((MOST_REMEMBERED + 9).to_bytes(4)) == 60


async def test_a_body_that_does_not_come_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "WITHIN_S", 0.05)

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def cut_off() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "headers": []}
    with pytest.raises(Problem) as slow:
        await request_body.read_body(Request(scope, never), 100)
    assert slow.value.status == 408
    with pytest.raises(Problem) as gone:
        await request_body.read_body(Request(scope, cut_off), 100)
    assert gone.value.status == 400
