"""The programme's settings, invitations, taking part and ending it: through the site."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.server.perks.conftest import TIER, switched_on

from toktra.server.perks.aggregates import count_months_before, step_of
from toktra.server.settings import ServerSettings
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.perks.conftest import Office, SecondLedger


async def test_what_is_offered_is_known_to_the_personal_service(office: Office, personal: SecondLedger) -> None:
    admin = await switched_on(office)
    page = (await admin.get("/token-perks")).text
    assert "It is on." in page
    assert "Everyone" in page
    with psycopg.connect(personal.superuser) as connection:
        offered = "select programme, tier, most_tickets, last_month from programme_tier"
        [(programme, tier, most, last)] = connection.execute(offered).fetchall()
        assert (tier, most, last) == ("everyone", 12, None)
        assert str(programme) not in (str(office.tenant.tenant_id), "")
        await admin.post("/token-perks/switch", data={"to": "off"})
        [(*_, last)] = connection.execute(offered).fetchall()
    assert last is not None
    tags = office.rows("select after from audit_entry where tag = 'token-perks:changed' order by number")
    assert [row[0]["done"] for row in tags] == ["tier set", "switched on", "invited", "switched off"]


async def test_without_the_personal_service_nothing_changes(office: Office, personal: SecondLedger) -> None:
    admin = await switched_on(office)
    away = ServerSettings(personal_url="http://127.0.0.1:9", personal_operator_secret=personal.secret)
    office.api._transport.app.state.settings = away  # type: ignore[attr-defined]
    answer = await admin.post("/token-perks/switch", data={"to": "off"})
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert office.rows("select is_on from perks_programme") == [(True,)]
    assert (await admin.get("/token-perks")).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "…", "A tier needs a name"),
        ("tickets", "0", "Tickets per month is a whole number"),
        ("tickets", "1001", "Tickets per month is a whole number"),
        ("tokens_per_ticket", "99", "Tokens per ticket is a whole number"),
        ("tokens_per_ticket", "many", "Tokens per ticket is a whole number"),
    ],
)
async def test_a_tier_that_cannot_be_says_which_field(office: Office, field: str, value: str, sentence: str) -> None:
    admin = await office.browser(await office.person("Adm", Role.ADMINISTRATOR))
    answer = await admin.post("/token-perks/tiers", data={**TIER, field: value})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert office.rows("select count(*) from perks_tier") == [(0,)]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"whom": "person", "email": "nobody@example.org", "tier": "everyone"}, "Nobody who is here now"),
        ({"whom": "department:Ghosts", "email": "", "tier": "everyone"}, "no such department"),
        ({"whom": "everybody", "email": "", "tier": "gone"}, "Choose a tier"),
        ({"whom": "", "email": "", "tier": "everyone"}, "Choose who"),
    ],
)
async def test_an_invitation_that_cannot_be_says_why(office: Office, fields: dict[str, str], sentence: str) -> None:
    admin = await switched_on(office)
    answer = await admin.post("/token-perks/invitations", data=fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert office.rows("select count(*) from perks_invitation") == [(1,)]


async def test_the_narrowest_invitation_counts(office: Office) -> None:
    admin = await switched_on(office)
    await admin.post("/token-perks/tiers", data={**TIER, "name": "Writers", "tickets": "40"})
    ada = await office.person("Ada", email="ada@example.org")
    await admin.post("/token-perks/invitations", data={"whom": "person", "email": "ADA@example.org", "tier": "writers"})
    browser = await office.browser(ada)
    assert "Writers" in (await browser.get("/me/token-perks")).text
    [(invitation,)] = office.rows("select invitation_id from perks_invitation where person_id is not null")
    await admin.post(f"/token-perks/invitations/{invitation}/withdraw")
    assert "Everyone" in (await browser.get("/me/token-perks")).text


async def test_taking_part_is_ones_own_word_and_leaves_no_day(office: Office) -> None:
    await switched_on(office)
    ada = await office.person("Ada")
    browser = await office.browser(ada)
    before = office.rows("select count(*) from audit_entry")
    page = (await browser.get("/me/token-perks")).text
    assert "What it does" in page
    assert "12 tickets" in page
    unread = await browser.post("/me/token-perks/join", data={"read": ""})
    assert unread.status_code == 422
    assert office.rows("select count(*) from perks_enrolment") == [(0,)]
    for _ in range(2):
        assert (await browser.post("/me/token-perks/join", data={"read": "yes"})).status_code == 303
    month = datetime.now(UTC).date().replace(day=1)
    assert office.rows("select person_id, tier, since from perks_enrolment") == [(ada, "everyone", month)]
    assert "You take part" in (await browser.get("/me/token-perks")).text
    assert (await browser.post("/me/token-perks/leave")).status_code == 303
    assert office.rows("select count(*) from perks_enrolment") == [(0,)]
    assert office.rows("select count(*) from audit_entry") == before, "the trail would say when"


async def test_nobody_else_can_have_somebody_take_part(office: Office) -> None:
    admin = await switched_on(office)
    ada = await office.person("Ada")
    await admin.post("/me/token-perks/join", data={"read": "yes", "person": str(ada), "person_id": str(ada)})
    assert ada not in [row[0] for row in office.rows("select person_id from perks_enrolment")]


async def test_who_is_not_invited_cannot_begin(office: Office) -> None:
    admin = await switched_on(office)
    [(invitation,)] = office.rows("select invitation_id from perks_invitation")
    browser = await office.browser(await office.person("Ada"))
    await admin.post(f"/token-perks/invitations/{invitation}/withdraw")
    assert (await browser.post("/me/token-perks/join", data={"read": "yes"})).status_code == 409
    assert office.rows("select count(*) from perks_enrolment") == [(0,)]


async def test_the_place_of_a_row_does_not_tell_who_came_when(office: Office) -> None:
    await switched_on(office)
    came = []
    for number in range(12):
        person = await office.person(f"P{number}")
        browser = await office.browser(person)
        await browser.post("/me/token-perks/join", data={"read": "yes"})
        came.append(person)
    rows = office.rows("select person_id, xmin::text from perks_enrolment order by ctid")
    assert len({row[1] for row in rows}) == 1, "all were written by one transaction"
    assert [row[0] for row in rows] != came  # 1 in 479 001 600 by chance


async def test_administrators_see_tens_of_months_that_are_over(office: Office) -> None:
    admin = await switched_on(office)
    tenant_id, people = office.tenant.tenant_id, 23
    with psycopg.connect(office.urls.superuser) as connection:
        connection.execute(
            "with p as (insert into person (tenant_id, display_name) select %s, 'P' || n from generate_series(1, %s) n "
            "returning tenant_id, person_id) insert into perks_enrolment select tenant_id, person_id, 'everyone', 1, "
            "'2026-10-01' from p",
            [tenant_id, people],
        )
    async with office.database.tenant(tenant_id) as connection:
        await count_months_before(connection, tenant_id, date(2026, 11, 1))
    page = (await admin.get("/token-perks")).text
    assert re.search(r"20 to 29 people at the end of October.2026", page)
    assert not re.search(r"\b23\b", page.split("What can be known")[1].split("Tiers")[0])
    with psycopg.connect(office.urls.superuser) as connection:
        connection.execute("delete from perks_enrolment")
    async with office.database.tenant(tenant_id) as connection:
        await count_months_before(connection, tenant_id, date(2026, 11, 1))
    assert "20 to 29 people" in (await admin.get("/token-perks")).text, "it does not move within a month"


@pytest.mark.parametrize(("people", "step"), [(0, None), (9, None), (10, (10, 19)), (57, (50, 59)), (60, (60, 69))])
def test_steps_of_ten(people: int, step: tuple[int, int] | None) -> None:
    assert step_of(people) == step
