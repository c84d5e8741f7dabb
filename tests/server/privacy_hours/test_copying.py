"""A week goes into the copy of its owner's data when they ask for it, and into no other."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from cryptography.fernet import Fernet
from tests.server.privacy_hours.conftest import WEEK, Office
from tests.server.privacy_hours.test_adversary import count, session_hashes

from toktra.server.jobs.worker import work_off
from toktra.server.privacy_hours import copying
from toktra.server.privacy_hours.own_database import OwnDatabase
from toktra.server.privacy_hours.weeks import Reader
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Urls

PASSPHRASE = "a long sample passphrase"
Work = Callable[[], Awaitable[None]]


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKTRA_SECRET_KEY", Fernet.generate_key().decode())


@pytest.fixture
def work(urls: Urls) -> Work:
    """Does every job that is due, on a server that has a place for weeks."""
    settings = ServerSettings(database_url=urls.app, privacy_database_url=urls.privacy)

    async def do() -> None:
        await work_off(settings)

    return do


@pytest.fixture
async def kim(office: Office) -> tuple[UUID, httpx.AsyncClient]:
    """Someone with a week."""
    person = await office.person("Kim")
    browser = await office.browser(person)
    assert (await browser.post("/me/privacy-hours", data=WEEK)).status_code == 303
    return person, browser


async def ask(browser: httpx.AsyncClient, kind: str = "access") -> str:
    """The address of the request."""
    fields = {"kind": kind, "sealed_by": "passphrase", "passphrase": PASSPHRASE, "again": PASSPHRASE}
    answer = await browser.post("/me/rights/new", data=fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


async def held(browser: httpx.AsyncClient, here: str) -> dict[str, str]:
    answer = await browser.post(f"{here}/copy.zip", data={"passphrase": PASSPHRASE})
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


@pytest.mark.parametrize("kind", ["access", "portability"])
async def test_the_copy_holds_the_week_as_it_was_set(
    kim: tuple[UUID, httpx.AsyncClient], work: Work, urls: Urls, kind: str
) -> None:
    _person, browser = kim
    here = await ask(browser, kind)
    await work()
    found = await held(browser, here)
    week = json.loads(found["privacy-hours.json"])
    assert week["schedule"]["zone"] == "Europe/Berlin"
    assert [(one["start_minute"], one["end_minute"]) for one in week["schedule"]["windows"]] == [(720, 780)]
    assert len(week["changes"]) == 1
    if kind == "access":
        assert "<li>Mon 12:00–13:00</li>" in found["index.html"]
        assert "Europe/Berlin" in found["index.html"]
        assert "Added Mon 12:00–13:00" in found["index.html"]
    with psycopg.connect(urls.superuser) as connection:
        left = connection.execute("select count(*) from privacy_hours.copy_leave").fetchone()
    assert left == (0,)


async def test_without_the_owners_leave_the_copy_says_where_the_week_is(
    kim: tuple[UUID, httpx.AsyncClient], work: Work, urls: Urls
) -> None:
    _person, browser = kim
    here = await ask(browser)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update privacy_hours.copy_leave set expires_at = now()")
    await work()
    found = await held(browser, here)
    assert "privacy-hours.json" not in found
    assert "12:00" not in found["index.html"].partition("Your Privacy Hours")[2].partition("</h2>")[2][:400]
    assert "open your page to read it" in found["index.html"]


async def test_a_leave_is_worth_nothing_for_anothers_request_or_week(
    office: Office, kim: tuple[UUID, httpx.AsyncClient], own: OwnDatabase
) -> None:
    person, _browser = kim
    stranger = await office.person("Alex")
    await office.browser(stranger)
    tenant_id, request_id = office.tenant.tenant_id, uuid4()
    [session_hash] = await session_hashes(office, stranger)
    await copying.leave_to(own, Reader(tenant_id, stranger, session_hash), request_id)
    assert await copying.week_for_copy(own, tenant_id, person, request_id) is None  # who asks is Kim, who left nothing
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await copying.leave_to(own, Reader(tenant_id, person, session_hash), request_id)
    async with own.of_copy(tenant_id, uuid4()) as connection:
        assert [await count(connection, table) for table in ("week", "change", "delivery", "copy_leave")] == [0] * 4


async def test_the_servers_own_role_gives_no_leave_and_reads_none(
    office: Office, kim: tuple[UUID, httpx.AsyncClient], urls: Urls
) -> None:
    person, _browser = kim
    values: list[Any] = [office.tenant.tenant_id, person, uuid4()]
    for statement, with_values in (
        ("insert into privacy_hours.copy_leave (tenant_id, person_id, request_id) values (%s, %s, %s)", values),
        ("select * from privacy_hours.copy_leave", None),
    ):
        with psycopg.connect(urls.app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode(), with_values)
    with psycopg.connect(urls.privacy) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(office.tenant.tenant_id)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                "insert into privacy_hours.copy_leave (tenant_id, person_id, request_id) values (%s, %s, %s)", values
            )
