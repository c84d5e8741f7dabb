"""Notices: what they say comes from the program, what was published stays, and nothing is recorded before them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from tests.server.conftest import Urls
from tests.server.portal.conftest import Browsers, Office

from toktra.server.web.access import Role

ABOUT = {
    "address": "1 Sample Street",
    "contact": "privacy@sample.example",
    "officer": "officer@sample.example",
    "authority": "Sample Authority",
    "effective_on": "2027-01-01",
}
EU = {"jurisdiction": "eu-gdpr", "language": "en"}


def recorded(urls: Urls) -> dict[UUID, int]:
    with psycopg.connect(urls.superuser) as connection:
        rows = connection.execute("select person_id, count(*) from usage_event group by 1").fetchall()
        hours = connection.execute("select coalesce(sum(exchanges), 0) from usage_hourly").fetchone()
    found = {row[0]: row[1] for row in rows}
    assert hours == (sum(found.values()),)
    return found


async def test_nothing_is_recorded_of_a_person_before_they_confirmed_also_when_it_is_sent_later(
    office: Office, browsers: Browsers, urls: Urls
) -> None:
    ina, max_ = await office.person("Ina Beispiel"), await office.person("Max Placeholder")
    desk, other = await office.desk(ina), await office.desk(max_)
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    await desk.use(times=1)  # before anybody decided anything, as on a single machine
    assert (await officer.post("/notices/first", data={"first": "acknowledgement"})).status_code == 303
    await desk.use(times=1)
    assert recorded(urls) == {ina: 1}
    assert (await officer.post("/notices/about", data=ABOUT)).status_code == 303
    assert (await officer.post("/notices/publish", data=EU)).status_code == 303
    await desk.use(times=1)
    assert recorded(urls) == {ina: 1}

    browser = await browsers.of(office, ina)
    assert "nothing is recorded of you" in (await browser.get("/me/notices")).text
    await browser.post("/me/notices/7/confirm")  # there is no such version
    await desk.use(times=1)
    assert recorded(urls) == {ina: 1}
    assert (await browser.post("/me/notices/1/confirm")).status_code == 303
    ahead = datetime.now(UTC) + timedelta(seconds=5)
    await desk.use(times=2, at=ahead)
    await desk.use(times=4, at=ahead - timedelta(hours=1))  # happened before, sent after
    await other.use(times=8, at=ahead)
    assert recorded(urls) == {ina: 3}
    assert desk.sequence == 10  # devices are not kept waiting with what will never be taken in

    assert (await officer.post("/notices/publish", data={**EU, "language": "de"})).status_code == 303
    await desk.use(times=1, at=ahead + timedelta(minutes=1))
    assert recorded(urls) == {ina: 3}
    page = (await officer.get("/notices")).text
    assert "0 of 3 people have confirmed version 2" in page


async def test_publication_alone_can_come_first(office: Office, browsers: Browsers, urls: Urls) -> None:
    ina = await office.person("Ina Beispiel")
    desk = await office.desk(ina)
    officer = await browsers.of(office, await office.person("Kim Sample", Role.OWNER))
    await officer.post("/notices/first", data={"first": "publication"})
    await desk.use(times=1)
    await officer.post("/notices/about", data=ABOUT)
    await officer.post("/notices/publish", data=EU)
    await desk.use(times=1, days_ago=1)
    await desk.use(times=3, at=datetime.now(UTC) + timedelta(seconds=5))
    assert recorded(urls) == {ina: 3}


async def test_a_notice_says_what_the_program_does_and_stays_as_it_was_published(
    office: Office, browsers: Browsers, urls: Urls
) -> None:
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    await officer.post("/retention/change", data={"kind": "events", "days": "37"})
    refused = await officer.post("/notices/publish", data=EU)
    assert refused.status_code == 422
    assert "Still to be filled in: effective_on, address" in refused.text
    await officer.post("/notices/about", data=ABOUT)
    page = (await officer.get("/notices/preview?jurisdiction=eu-gdpr&language=en")).text
    assert "37 days" in page
    assert "North" in page
    await officer.post("/notices/publish", data=EU)
    await officer.post("/retention/change", data={"kind": "events", "days": "38"})
    assert "37 days" in (await officer.get("/notices/1")).text
    browser = await browsers.of(office, await office.person("Ina Beispiel"))
    assert "37 days" in (await browser.get("/me/notices")).text
    with psycopg.connect(urls.superuser) as connection:
        tags = {row[0] for row in connection.execute("select tag from audit_entry")}
    assert {"notice:published", "policy:changed"} <= tags


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/notices/about", {"contact": "a\nb"}),
        ("/notices/about", {"effective_on": "soon"}),
        ("/notices/first", {"first": "never"}),
    ],
)
async def test_what_cannot_be_said_changes_nothing(
    office: Office, browsers: Browsers, path: str, form: dict[str, str]
) -> None:
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    answer = await officer.post(path, data=form)
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text


async def test_text_of_the_organisation_is_never_markup(office: Office, browsers: Browsers) -> None:
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    await officer.post("/notices/about", data={**ABOUT, "address": "<script>alert(1)</script> **x**"})
    page = (await officer.get("/notices/preview?jurisdiction=germany&language=de")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; **x**" in page
