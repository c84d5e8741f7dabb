"""Requests from being made to being answered, by the employee and by the privacy officer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.server.conftest import Urls
from tests.server.portal.conftest import Browsers, Office

from toktra.compliance.deadlines import Regulation, deadline
from toktra.server.web.access import Role

Work = Callable[[], Awaitable[None]]
GROUNDS = "The accounts of 2026 must be kept by law."


def today() -> str:
    return datetime.now(UTC).date().isoformat()


async def test_objecting_stops_recording_at_once_and_refusing_lets_it_go_on(
    office: Office, browsers: Browsers, urls: Urls
) -> None:
    person, officer = await office.person("Ina Beispiel"), await office.person("Kim Sample", Role.PRIVACY_OFFICER)
    colleague = await office.person("Max Placeholder")
    desk, other_desk = await office.desk(person), await office.desk(colleague)
    await desk.use(times=2)
    browser, theirs = await browsers.of(office, person), await browsers.of(office, officer)
    made = await browser.post("/me/rights/new", data={"kind": "objection", "details": "My work is confidential."})
    assert made.status_code == 303
    await desk.use(times=3)
    await other_desk.use(times=1)
    assert events(urls) == {person: 2, colleague: 1}
    again = await browser.post("/me/rights/new", data={"kind": "objection", "details": "My work is confidential."})
    assert again.status_code == 422
    assert "R-001" in again.text

    queue = (await theirs.get("/rights")).text
    assert "Ina Beispiel" in queue
    assert "Art. 21" in queue
    here = made.headers["location"].partition("?")[0].replace("/me", "")
    page = (await theirs.get(here)).text
    assert "My work is confidential." in page
    too_short = await theirs.post(f"{here}/refuse", data={"reason": "no"})
    assert too_short.status_code == 422
    assert (await theirs.post(f"{here}/refuse", data={"reason": GROUNDS})).status_code == 303
    await desk.use(times=1)
    assert events(urls) == {person: 3, colleague: 1}
    told = (await browser.get(f"/me{here}")).text
    assert GROUNDS in told
    assert "complain to a supervisory authority" in told
    assert (await theirs.post(f"{here}/grant", data={"reason": ""})).status_code == 422  # closed


async def test_a_restriction_that_is_granted_stands(office: Office, browsers: Browsers, urls: Urls) -> None:
    person, officer = await office.person("Ina Beispiel"), await office.person("Kim Sample", Role.PRIVACY_OFFICER)
    desk = await office.desk(person)
    browser, theirs = await browsers.of(office, person), await browsers.of(office, officer)
    made = await browser.post("/me/rights/new", data={"kind": "restriction"})
    here = made.headers["location"].partition("?")[0].replace("/me", "")
    assert (await theirs.post(f"{here}/grant", data={"reason": ""})).status_code == 303
    await desk.use(times=1)
    assert events(urls) == {}
    assert desk.sequence == 1  # the device is told that its records are dealt with
    for answer in (
        await theirs.get(f"/people/{person}/usage"),
        await theirs.post(f"/people/{person}/usage", data={"reason": "Budget of the team"}),
    ):
        assert "What is recorded stays, and nobody opens it." in answer.text
    assert "Budget of the team" not in (await browser.get("/me/who-looked")).text
    assert (await browser.get("/me")).status_code == 200  # their own page is theirs


async def test_an_officer_records_what_came_by_letter_and_extends_it(office: Office, browsers: Browsers) -> None:
    person = await office.person("Ina Beispiel")
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    received = datetime.now(UTC).date() - timedelta(days=20)
    form = {"person": "ina beispiel", "kind": "access", "regulation": "ccpa", "received": received.isoformat()}
    made = await theirs.post("/rights/new", data=form)
    assert made.status_code == 303, made.text
    here = made.headers["location"]
    page = (await theirs.get(here)).text
    assert "Waits for the person to sign in" in page
    assert "25 days left" in page
    assert "Confirm by" in page
    assert (
        await theirs.post(f"{here}/extend", data={"reason": "Records of a former system are searched."})
    ).status_code == 303
    page = (await theirs.get(here)).text
    assert "70 days left" in page
    assert "extended" in page
    twice = await theirs.post(f"{here}/extend", data={"reason": "Records of a former system are searched."})
    assert twice.status_code == 422
    browser = await browsers.of(office, person)
    assert "Records of a former system" in (await browser.get(f"/me{here}")).text
    sealed = await browser.post(
        f"/me{here}/seal", data={"passphrase": "a long sample passphrase", "again": "a long sample passphrase"}
    )
    assert sealed.status_code == 303


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"person": "Nobody"}, "one person, in full"),
        ({"kind": "everything"}, "choose one of the list"),
        ({"regulation": "lgpd"}, "choose one of the list"),
        ({"received": "yesterday"}, "2027-01-31"),
        ({"received": "2019-01-01"}, "within the last year"),
        ({"received": "9999-12-31"}, "within the last year"),
        ({"kind": "rectification", "details": "wrong"}, "10 to 2000"),
    ],
)
async def test_what_cannot_be_recorded_is_refused_by_name(
    office: Office, browsers: Browsers, change: dict[str, str], said: str
) -> None:
    await office.person("Ina Beispiel")
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    form = {"person": "Ina Beispiel", "kind": "access", "regulation": "gdpr", "received": today(), **change}
    answer = await theirs.post("/rights/new", data=form)
    assert answer.status_code == 422
    assert said in answer.text
    assert "R-001" not in (await theirs.get("/rights")).text


async def test_the_queue_is_by_due_day_and_says_what_is_overdue(office: Office, browsers: Browsers, urls: Urls) -> None:
    first, second = await office.person("Ina Beispiel"), await office.person("Max Placeholder")
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.OWNER))
    for person in (first, second):
        browser = await browsers.of(office, person)
        assert (await browser.post("/me/rights/new", data={"kind": "erasure"})).status_code == 303
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(
            "update rights_request set received_on = current_date - 32, due_on = current_date - 2 where number = 2"
        )
    page = (await theirs.get("/rights")).text
    assert page.index("R-002") < page.index("R-001")
    assert "2 days overdue" in page
    assert "R-002 is overdue." in page
    assert "due--late" in page
    due = deadline(Regulation.GDPR, datetime.now(UTC).date()).due
    assert f"{due.day}\u00a0" in page


async def test_finance_and_administrators_do_not_see_requests(office: Office, browsers: Browsers) -> None:
    for role in (Role.FINANCE, Role.ADMINISTRATOR, Role.EMPLOYEE):
        browser = await browsers.of(office, await office.person(role.value, role))
        assert (await browser.get("/rights")).status_code == 403


def events(urls: Urls) -> dict[object, int]:
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute("select person_id, count(*) from usage_event group by 1").fetchall()
        sums = connection.execute("select person_id, sum(exchanges) from usage_daily group by 1").fetchall()
    assert {row[0]: row[1] for row in rows} == {row[0]: int(row[1]) for row in sums}
    return {row[0]: row[1] for row in rows}
