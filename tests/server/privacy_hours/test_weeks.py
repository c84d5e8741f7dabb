"""A person's week: saved for them, told to the devices they chose, and found by nobody else."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import sql
from tests.server.privacy_hours.conftest import WEEK, Office, chooses

from toktra.server.web.access import Role
from toktra.wire.portal import (
    MOST_A_DAY,
    MOST_DATES,
    QUESTION_BYTES,
    AccountStanding,
    WeeksQuestion,
    answer_bytes,
    filled,
)
from toktra.wire.schedule import Schedule, WeeklyWindow

if TYPE_CHECKING:
    from tests.server.conftest import Urls

MONDAY = Schedule(zone="Europe/Berlin", windows=(WeeklyWindow(days=("mon",), start_minute=720, end_minute=780),))


def words(answer: httpx.Response) -> str:
    """What a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


async def test_a_week_reaches_the_device_its_owner_chose_and_no_other(office: Office) -> None:
    kim = await office.person("Kim")
    chosen, other = await office.desk(kim=kim), await office.desk(kim=kim)
    browser = await office.browser(kim)
    saved = await browser.post("/me/privacy-hours", data=WEEK)
    assert (saved.status_code, saved.headers["location"]) == (303, "/me/privacy-hours?said=saved")
    assert (await chosen.asks()).weeks == ()
    assert (await chooses(browser, chosen)).status_code == 303
    [week] = (await chosen.asks()).weeks
    assert (week.account, week.version, week.schedule) == ("kim", 1, MONDAY)
    assert (await other.asks()).weeks == ()
    page = words(await browser.get("/me/privacy-hours"))
    assert "Takes in your week when it next asks" in page
    await chosen.asks(standings=(AccountStanding(account="kim", version=1, standing="applied"),))
    assert "In force" in words(await browser.get("/me/privacy-hours"))
    await chosen.asks(standings=(AccountStanding(account="kim", version=1, standing="waits"),))
    assert "waits for confirmation on desk" in words(await browser.get("/me/privacy-hours"))
    await chooses(browser, chosen, "stop")
    assert (await chosen.asks()).weeks == ()


async def test_naming_an_account_as_someones_does_not_show_their_week(office: Office) -> None:
    """An administrator may say whose an account is; the week goes only where its owner sent it."""
    kim, boss = await office.person("Kim"), await office.person("Boss", Role.OWNER)
    own, decoy = await office.desk(kim=kim), await office.desk(kim=boss)
    browser = await office.browser(kim)
    await browser.post("/me/privacy-hours", data=WEEK)
    await chooses(browser, own)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update account set person_id = %s where device_id = %s", [kim, decoy.key.device])
    assert (await decoy.asks()).weeks == ()
    other = await office.browser(boss)
    assert (await chooses(other, own)).status_code == 404  # it is not the administrator's device
    assert (await decoy.asks()).weeks == ()


async def test_everyone_sees_their_own_week_alone(office: Office) -> None:
    kim, lee = await office.person("Kim"), await office.person("Lee")
    of_kim, of_lee = await office.browser(kim), await office.browser(lee)
    await of_kim.post("/me/privacy-hours", data=WEEK)
    assert "Added Mon 12:00–13:00" in words(await of_kim.get("/me/privacy-hours"))
    page = await of_lee.get("/me/privacy-hours")
    assert "You have not saved a week here." in words(page)
    assert "12:00" not in page.text


async def test_all_that_is_kept_comes_as_a_file(office: Office) -> None:
    kim = await office.person("Kim")
    browser, desk = await office.browser(kim), await office.desk(kim=kim)
    await browser.post("/me/privacy-hours", data=WEEK)
    await chooses(browser, desk)
    kept = (await browser.post("/me/privacy-hours.json")).json()
    assert (kept["version"], kept["schedule"]["zone"], len(kept["changes"])) == (1, "Europe/Berlin", 1)
    assert kept["deliveries"] == {str(desk.key.device): {"version": 0, "standing": "nothing"}}


async def test_who_is_erased_takes_their_week_along(office: Office, urls: Urls) -> None:
    kim = await office.person("Kim")
    browser, desk = await office.browser(kim), await office.desk(kim=kim)
    await browser.post("/me/privacy-hours", data=WEEK)
    await chooses(browser, desk)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("delete from account where person_id = %s", [kim])
        await connection.execute("delete from person where person_id = %s", [kim])
    with psycopg.connect(urls.superuser) as connection:
        for table in ("week", "change", "delivery"):
            statement = sql.SQL("select count(*) from {}").format(sql.Identifier("privacy_hours", table))
            assert connection.execute(statement).fetchone() == (0,)


async def test_a_device_of_two_people_is_told_both_weeks_at_one_size(office: Office) -> None:
    kim, lee = await office.person("Kim"), await office.person("Lee")
    desk = await office.desk(kim=kim, lee=lee)
    sizes = set()
    for person in (kim, lee):
        browser = await office.browser(person)
        await browser.post("/me/privacy-hours", data=WEEK)
        await chooses(browser, desk)
        sizes.add(len((await desk.post(_question())).content))
    assert [week.account for week in (await desk.asks()).weeks] == ["kim", "lee"]
    assert sizes == {answer_bytes(2)}


def _question() -> bytes:
    return filled(WeeksQuestion(agent_version="1.0", in_use=False), QUESTION_BYTES)


async def test_what_was_saved_elsewhere_is_not_overwritten(office: Office) -> None:
    browser = await office.browser(await office.person("Kim"))
    await browser.post("/me/privacy-hours", data=WEEK)
    late = await browser.post("/me/privacy-hours", data={**WEEK, "mon-1-to": "14:00"})
    assert late.status_code == 422
    assert "saved in another window since this page was opened" in words(late)
    assert 'value="14:00"' in late.text  # what was typed is kept
    same = await browser.post("/me/privacy-hours", data={**WEEK, "version": "1"})
    assert same.headers["location"] == "/me/privacy-hours?said=same"


async def test_a_device_that_knows_a_newer_week_than_a_restored_database_is_told_a_newer_one(office: Office) -> None:
    kim = await office.person("Kim")
    desk, browser = await office.desk(kim=kim), await office.browser(kim)
    await browser.post("/me/privacy-hours", data=WEEK)
    await chooses(browser, desk)
    await desk.asks(standings=(AccountStanding(account="kim", version=41, standing="applied"),))
    await desk.asks(standings=(AccountStanding(account="kim", version=2**53, standing="applied"),))  # not believed
    await browser.post("/me/privacy-hours", data={**WEEK, "version": "1", "mon-1-to": "14:00"})
    [week] = (await desk.asks()).weeks
    assert week.version == 42


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"zone": ""}, "Time zone: give one like Europe/Berlin"),
        ({"zone": "Mars/Olympus"}, "Time zone"),
        ({"zone": "../etc/passwd"}, "Time zone"),
        ({"zone": "posix/Europe/Berlin"}, "Time zone"),
        ({"mon-1-to": "12:00"}, "Monday, window 1 begins and ends at the same time"),
        ({"mon-1-to": ""}, "Monday, window 1: give an end"),
        ({"mon-1-to": "25:00"}, "Monday, window 1: give an end"),
        ({"mon-1-from": "24:00"}, "Monday, window 1: give a beginning"),
        ({"mon-1-from": "noon"}, "Monday, window 1: give a beginning"),
        ({"date-1-on": "2027-02-30", "date-1-from": "0", "date-1-to": "24"}, "Date 1: give a day"),
        ({"date-1-on": "3027-02-03", "date-1-from": "0", "date-1-to": "24"}, "Date 1: give a day"),
    ],
)
async def test_what_cannot_be_meant_is_named_and_nothing_is_changed(
    office: Office, changes: dict[str, str], sentence: str
) -> None:
    browser = await office.browser(await office.person("Kim"))
    answer = await browser.post("/me/privacy-hours", data={**WEEK, **changes})
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert "You have not saved a week here." in words(await browser.get("/me/privacy-hours"))


async def test_windows_over_midnight_whole_days_and_overlaps_are_kept_as_typed(office: Office) -> None:
    browser = await office.browser(await office.person("Kim"))
    full = {
        **WEEK,
        "sat-1-from": "22:00",
        "sat-1-to": "6",
        "sun-1-from": "0",
        "sun-1-to": "24",
        "mon-2-from": "12:30",
        "mon-2-to": "14:00",
        **{f"date-{n}-{part}": value for n in range(1, MOST_DATES + 1) for part, value in _whole_day(n).items()},
    }
    await browser.post("/me/privacy-hours", data=full)
    page = words(await browser.get("/me/privacy-hours"))
    for window in ("Sat 22:00–06:00", "Sun all day", "Mon 12:00–13:00", "Mon 12:30–14:00", "12 Dec 2027 all day"):
        assert f"Added {window}" in page


def _whole_day(n: int) -> dict[str, str]:
    return {"on": f"2027-12-{n:02}", "from": "00:00", "to": "24:00"}


async def test_a_thousand_windows_are_refused_whole(office: Office) -> None:
    browser = await office.browser(await office.person("Kim"))
    many = {f"mon-{n}-{part}": "12:00" for n in range(1, 1001) for part in ("from", "to")}
    answer = await browser.post("/me/privacy-hours", data={**WEEK, **many})
    assert answer.status_code == 400
    assert "could not be read" in words(answer)
    beyond = await browser.post(
        "/me/privacy-hours", data={**WEEK, **{f"mon-{n}-{p}": "09:00" for n in (5, 6) for p in ("from", "to")}}
    )
    assert beyond.status_code == 303  # rows that the form does not have say nothing
    assert f"Monday, window {MOST_A_DAY + 1}" not in (await browser.get("/me/privacy-hours")).text


async def test_the_buttons_of_the_form_change_rows_and_save_nothing(office: Office) -> None:
    browser = await office.browser(await office.person("Kim"))
    for do, there in (("add-tue", "tue-1-from"), ("copy", "fri-1-from"), ("add-date", "date-1-on")):
        answer = await browser.post("/me/privacy-hours", data={**WEEK, "do": do})
        assert f'name="{there}"' in answer.text
        assert "Not saved yet." in words(answer)
    dropped = await browser.post("/me/privacy-hours", data={**WEEK, "do": "drop-mon-1"})
    assert 'name="mon-1-from"' not in dropped.text
    for odd in ("add-someday", "drop-mon-x", "rm -rf", "drop-date-99"):
        assert (await browser.post("/me/privacy-hours", data={**WEEK, "do": odd})).status_code == 200
    assert "You have not saved a week here." in words(await browser.get("/me/privacy-hours"))


@pytest.mark.parametrize("body", [b"{}", b"\xff" * 4096, b"{}".ljust(4096), b"." * 5000])
async def test_a_question_that_is_none_is_refused(office: Office, body: bytes) -> None:
    desk = await office.desk()
    assert (await desk.post(body)).status_code in {400, 413}


async def test_a_question_that_is_not_signed_by_a_device_of_ours_is_refused(office: Office) -> None:
    desk = await office.desk()
    assert (await desk.post(_question(), private_key=Ed25519PrivateKey.generate())).status_code == 401
    assert (await desk.post(_question(), url="https://server/ingest/v1/batches")).status_code == 401
    unknown = f"{office.tenant.tenant_id}/{uuid4()}"
    assert (await desk.post(_question(), key_id=unknown)).status_code == 401
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update device set status = 'revoked'")
    revoked = await desk.post(_question())
    assert (revoked.status_code, "revoked" in revoked.text) == (403, True)
