"""The privacy officer's page says how things stand, and names nobody it need not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.conftest import Urls
    from tests.server.portal.conftest import Browsers, Office


async def test_it_says_what_is_due_proven_and_missing(office: Office, browsers: Browsers, urls: Urls) -> None:
    person = await office.person("Ina Beispiel")
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    await (await office.desk(person, "inas-laptop")).use(days_ago=300)
    browser = await browsers.of(office, person)
    await browser.post("/me/rights/new", data={"kind": "erasure"})
    await officer.post("/retention/change", data={"kind": "events", "days": "100"})
    page = (await officer.get("/privacy-office")).text
    for said in ("1 open, 0 of them overdue", "R-001", "Art. 17", "No notice is published", "older data is there",
                 "Every entry is as it was written", "fewer than five people", "Where data is", "this machine",
                 "No exports are sent anywhere", "no month is over yet"):  # fmt: skip
        assert said in page
    for unsaid in ("Ina Beispiel", "inas-laptop"):
        assert unsaid not in page
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update audit_entry set reason = 'something else' where number = 2")
    assert "The trail does not hold" in (await officer.get("/privacy-office")).text


async def test_it_shows_sums_of_token_perks_in_steps_and_where_exports_go(
    office: Office, browsers: Browsers, urls: Urls
) -> None:
    officer = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    with psycopg.connect(urls.superuser) as connection:
        of = {"t": office.tenant.tenant_id}
        connection.execute("insert into perks_counted values (%(t)s, '2026-10-01', 'all', 57)", of)
        connection.execute(
            "insert into export_schedule (tenant_id, schedule_id, dataset, format, rhythm, wait_days, starts_on, "
            "target, folder) values (%(t)s, %(t)s, 'daily', 'csv', 'daily', 3, '2026-11-01', 'folder', 'finance')",
            of,
        )
    page = (await officer.get("/privacy-office")).text.replace("\xa0", " ")
    for said in ("50 to 59 people at the end of 2026-10", "Exports are sent to: folder finance."):
        assert said in page
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update perks_counted set people = 9")
    assert "fewer than 10 people" in (await officer.get("/privacy-office")).text
