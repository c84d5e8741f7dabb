"""The copy of someone's data: complete, sealed to its person, and nobody else's to open."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

import httpx
import psycopg
import pyrage  # type: ignore[import-untyped]
import pytest
from pyrage import x25519
from tests.server.conftest import Urls
from tests.server.portal.conftest import Browsers, Office

from toktra.server.rights.copies.sealing import (
    NotARecipient,
    lock_of,
    opened,
    sealed,
)
from toktra.server.rights.copies.zipping import File, zipped
from toktra.server.web.access import Role

PASSPHRASE = "a long sample passphrase"
Work = Callable[[], Awaitable[None]]


async def ask(browser: httpx.AsyncClient, kind: str, **fields: str) -> httpx.Response:
    return await browser.post("/me/rights/new", data={"kind": kind, **fields})


async def ask_for_copy(browser: httpx.AsyncClient, kind: str = "access") -> str:
    """The address of the request."""
    answer = await ask(browser, kind, sealed_by="passphrase", passphrase=PASSPHRASE, again=PASSPHRASE)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


async def test_a_copy_holds_everything_and_opens_with_the_passphrase_alone(
    office: Office, browsers: Browsers, work: Work
) -> None:
    person = await office.person("Ina Beispiel")
    officer = await office.person("Kim Sample", Role.PRIVACY_OFFICER)
    desk = await office.desk(person, "laptop-17")
    await desk.use(days_ago=3, times=5)
    await desk.use(days_ago=1, times=2, provider_host="api.openai.com")
    theirs = await browsers.of(office, officer)
    await theirs.post(f"/people/{person}/usage", data={"reason": "Budget of the team"})
    browser = await browsers.of(office, person)
    here = await ask_for_copy(browser)
    assert "Being done" in (await browser.get(here)).text
    await work()
    assert "Your copy" in (await browser.get(here)).text

    wrong = await browser.post(f"{here}/copy.zip", data={"passphrase": "another passphrase"})
    assert wrong.status_code == 422
    answer = await browser.post(f"{here}/copy.zip", data={"passphrase": PASSPHRASE})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        held = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    assert set(held) == {
        "index.html", "about-your-data.md", "about-you.json", "events.csv", "events.json", "days.csv", "costs.csv",
        "who-looked.csv",
    }  # fmt: skip
    assert len(json.loads(held["events.json"])["events"]) == 7
    assert len(list(csv.DictReader(io.StringIO(held["events.csv"])))) == 7
    about = json.loads(held["about-you.json"])
    no_ways: dict[str, object] = {
        "passkeys": [],
        "password_set_on": None,
        "recovery_codes_left": 0,
        "work_account": None,
    }
    assert about["ways_in"] == no_ways
    assert about["person"]["name"] == "Ina Beispiel"
    assert about["devices"][0]["hostname"] == "laptop-17"
    assert "Budget of the team" in [one["purpose"] for one in about["who_looked"]]
    assert "Kim Sample" not in "".join(held.values())  # staff by their role
    assert [row["provider"] for row in csv.DictReader(io.StringIO(held["costs.csv"]))] == [
        "Anthropic API",
        "OpenAI API",
    ]
    assert about["token_perks"] is None
    assert about["estimators"]
    events = next(one for one in about["kept_until"] if one["kind"] == "events")
    assert date.fromisoformat(events["gone_by"]) - date.fromisoformat(events["oldest"]) == timedelta(days=402)
    assert "Art. 15(1)" in held["about-your-data.md"]
    for said in (
        "Estimated tokens by provider",
        "You do not take part",
        "When it is deleted",
        "<svg",
        "Budget of the team",
        "laptop-17",
        "age -d",
        "privacy-hours show",
        "How cost came about",
    ):
        assert said in held["index.html"]
    for reaching in ("href", "src=", "url(", "<script"):
        assert reaching not in held["index.html"]

    closed = (await theirs.get("/rights?show=closed")).text
    assert "R-001" in closed
    again = await browser.post(f"{here}/copy.zip", data={"passphrase": PASSPHRASE})
    assert again.status_code == 200  # until it expires


async def test_a_copy_is_in_its_readers_language_with_messages_and_token_perks(
    office: Office, browsers: Browsers, work: Work, urls: Urls
) -> None:
    person = await office.person("Ina Beispiel")
    with psycopg.connect(urls.superuser) as connection:
        of = {"t": office.tenant.tenant_id, "p": person}
        for statement in (
            "insert into perks_programme (tenant_id, is_on) values (%(t)s, false)",
            (
                "insert into perks_tier (tenant_id, tier, name, tokens_per_ticket, tickets) "
                "values (%(t)s, 'all', 'Alle', 50000, 10)"
            ),
            "insert into perks_enrolment values (%(t)s, %(p)s, 'all', 1, date_trunc('month', now())::date)",
            "insert into perks_drawn values (%(t)s, %(p)s, date_trunc('month', now())::date, 7)",
            (
                "insert into budget (tenant_id, budget_id, subject_kind, subject, person_id, unit, period, starts_on) "
                "values (%(t)s, %(p)s, 'person', '', %(p)s, 'tokens', 'month', '2026-11-01')"
            ),
            (
                "insert into budget_version (tenant_id, budget_id, valid_from, amount, thresholds, tells_of_forecast) "
                "values (%(t)s, %(p)s, '2026-11-01', 5000, '{80}', true)"
            ),
            (
                "insert into budget_alert (tenant_id, budget_id, period_first, threshold, is_certain, amount, low, "
                "high) values (%(t)s, %(p)s, '2026-11-01', 80, true, 5000, 4100, 4400)"
            ),
        ):
            connection.execute(statement, of)
    await (await office.desk(person)).use(times=2)
    browser = await browsers.of(office, person)
    browser.headers["accept-language"] = "de"
    here = await ask_for_copy(browser)
    await work()
    answer = await browser.post(f"{here}/copy.zip", data={"passphrase": PASSPHRASE})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        held = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    page = held["index.html"].replace("\xa0", " ")
    for said in ('<html lang="de">', "Wann es gelöscht wird", "80 % von", "Stufe „Alle“", "haben in diesem Monat 7"):
        assert said in page
    assert "Angaben zu den Daten" in held["about-your-data.md"] or "DSGVO" in held["about-your-data.md"]
    about = json.loads(held["about-you.json"])
    assert [one["threshold_percent"] for one in about["budget_messages"]] == [80]
    assert about["token_perks"]["tickets_drawn_this_month"] == 7


async def test_an_own_age_key_opens_it_with_the_age_tool_and_portability_is_for_programs(
    office: Office, browsers: Browsers, work: Work
) -> None:
    identity = x25519.Identity.generate()
    person = await office.person("Ina Beispiel")
    await (await office.desk(person)).use(times=3)
    browser = await browsers.of(office, person)
    bad = await ask(browser, "portability", sealed_by="recipient", recipient="age1nonsense")
    assert bad.status_code == 422
    assert "age1" in bad.text
    answer = await ask(browser, "portability", sealed_by="recipient", recipient=str(identity.to_public()))
    here = answer.headers["location"].partition("?")[0]
    await work()
    found = await browser.post(f"{here}/copy.zip.age")
    archive = zipfile.ZipFile(io.BytesIO(pyrage.decrypt(found.content, [identity])))
    assert "events.json" in archive.namelist()
    assert "index.html" not in archive.namelist()
    assert (await browser.post(f"{here}/copy.zip", data={"passphrase": ""})).status_code == 404


async def test_nobody_else_gets_it_and_the_database_does_not_hold_it_open(
    office: Office, browsers: Browsers, work: Work, urls: Urls
) -> None:
    person = await office.person("Ina Beispiel")
    owner = await office.person("Kim Sample", Role.OWNER)
    await (await office.desk(person, "secret-laptop")).use(times=3)
    browser, other = await browsers.of(office, person), await browsers.of(office, owner)
    here = await ask_for_copy(browser)
    await work()
    assert (await other.get(here)).status_code == 404
    assert (await other.post(f"{here}/copy.zip", data={"passphrase": PASSPHRASE})).status_code == 404
    assert (await other.post(f"{here}/copy.zip.age")).status_code == 404
    page = (await other.get(f"/rights/{here.rpartition('/')[2]}")).text
    assert "secret-laptop" not in page
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute("select content from rights_bundle_part").fetchall()
        locks = connection.execute("select sealed_identity from rights_bundle").fetchall()
    held = b"".join(bytes(row[0]) for row in rows)
    assert held.startswith(b"age-encryption.org/v1")
    assert b"events" not in held
    assert b"AGE-SECRET-KEY" not in bytes(locks[0][0])


async def test_a_copy_expires(office: Office, browsers: Browsers, work: Work, urls: Urls) -> None:
    person = await office.person("Ina Beispiel")
    browser = await browsers.of(office, person)
    here = await ask_for_copy(browser)
    await work()
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update rights_bundle set expires_at = now() - interval '1 second'")
    assert (await browser.post(f"{here}/copy.zip", data={"passphrase": PASSPHRASE})).status_code == 404
    assert "Open and download" not in (await browser.get(here)).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"passphrase": "short", "again": "short"}, "12 characters or more"),
        ({"passphrase": PASSPHRASE, "again": PASSPHRASE + "!"}, "typed differently"),
        ({}, "12 characters or more"),
    ],
)
async def test_how_it_is_sealed_is_checked_before_anything_is_asked(
    office: Office, browsers: Browsers, fields: dict[str, str], said: str
) -> None:
    browser = await browsers.of(office, await office.person("Ina Beispiel"))
    answer = await ask(browser, "access", **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert PASSPHRASE not in answer.text
    assert "R-001" not in (await browser.get("/me/rights")).text


async def _parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def _joined(parts: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in parts])


async def test_sealing_streams_both_ways() -> None:
    identity = x25519.Identity.generate()
    content = [bytes([number]) * 30_000 for number in range(40)]
    sealed_file = await _joined(sealed(_parts(*content), str(identity.to_public())))
    assert pyrage.decrypt(sealed_file, [identity]) == b"".join(content)
    assert await _joined(opened(_parts(sealed_file[:100], sealed_file[100:]), identity)) == b"".join(content)


async def test_a_reader_who_leaves_ends_the_work() -> None:
    stream = sealed(_parts(*[bytes(60_000)] * 200), str(x25519.Identity.generate().to_public()))
    assert await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_fault_in_what_is_sealed_is_not_hidden() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield bytes(10)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        await _joined(sealed(failing(), str(x25519.Identity.generate().to_public())))


def test_what_is_no_age_recipient_is_refused() -> None:
    for text in ("", "age1", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1QQ"):
        with pytest.raises(NotARecipient):
            lock_of(text)


async def test_an_archive_is_made_while_it_is_read() -> None:
    async def files() -> AsyncIterator[File]:
        yield File("a.txt", _parts(b"one", b"two"))
        yield File("empty.txt", _parts())

    whole = await _joined(zipped(files(), datetime(2026, 11, 22, tzinfo=UTC)))
    archive = zipfile.ZipFile(io.BytesIO(whole))
    assert archive.read("a.txt") == b"onetwo"
    assert archive.read("empty.txt") == b""
