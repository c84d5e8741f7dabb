"""Whose an account is: what moves along, what stays, and that the sums agree with the events whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice

Person = Callable[..., Awaitable[UUID]]
Rows = Callable[..., list[tuple[object, ...]]]

FROM_EVENTS = """
    select tenant_id, (at at time zone 'UTC')::date as day, person_id, provider_host, estimator_version,
        count(*) filter (where estimated_input_tokens > 0), sum(request_bytes)::bigint, sum(response_bytes)::bigint,
        sum(estimated_input_tokens)::bigint, sum(estimated_output_tokens)::bigint
    from usage_event group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
"""
AS_KEPT = "select * from usage_daily order by 1, 2, 3, 4, 5"


@pytest.fixture
async def ada(person: Person) -> UUID:
    return await person("Ada Example", "ada@example.org")


async def use(device: SignedDevice, first: int, user: str) -> None:
    """Three days of two providers."""
    now = datetime.now(UTC).replace(microsecond=0)
    for place in range(6):
        at = now - timedelta(days=place % 3)
        host = ("api.openai.com", "api.anthropic.com")[place % 2]
        batch = device.batch(first + place, 1, user=user, at=at, provider_host=host)
        assert (await device.send(batch)).status_code == 200


async def give(site: httpx.AsyncClient, device: SignedDevice, account: str, email: str) -> httpx.Response:
    return await site.post(f"/devices/{device.enrolled.device}/accounts", data={"account": account, "email": email})


async def test_what_an_unnamed_account_reported_goes_along_and_sums_still_agree(
    site: httpx.AsyncClient, ada: UUID, device: SignedDevice, other_device: SignedDevice, rows: Rows
) -> None:
    await use(device, 1, "ada")
    await use(other_device, 1, "ada.e")
    assert rows("select count(*) from person where from_account") == [(2,)]
    hourly = rows("select * from usage_hourly order by hour, provider_host")
    for one, account in ((device, "ada"), (other_device, "ada.e")):
        assert (await give(site, one, account, "ADA@example.org")).status_code == 303
        assert rows(AS_KEPT) == rows(FROM_EVENTS)
    assert rows("select distinct person_id from usage_event") == [(ada,)], "the second was added to the same days"
    assert rows("select distinct person_id from usage_daily") == [(ada,)]
    assert rows("select * from usage_hourly order by hour, provider_host") == hourly
    assert rows("select count(*) from person where from_account") == [(0,)], "nobody is left who never was"
    await use(device, 7, "ada")
    assert rows(AS_KEPT) == rows(FROM_EVENTS)
    assert rows("select distinct person_id from usage_daily") == [(ada,)]
    assert rows("select after ->> 'records_moved' from audit_entry where tag = 'account:assigned'") == [
        ("true",),
        ("true",),
    ]


async def test_what_a_real_person_did_stays_theirs(
    site: httpx.AsyncClient, ada: UUID, person: Person, device: SignedDevice, rows: Rows
) -> None:
    bob = await person("Bob Example", "bob@example.org")
    await use(device, 1, "pool")
    await give(site, device, "pool", "bob@example.org")
    assert (await give(site, device, "pool", "ada@example.org")).status_code == 303
    await use(device, 7, "pool")
    assert sorted(rows("select person_id, count(*) from usage_event group by 1"), key=str) == sorted(
        [(ada, 6), (bob, 6)], key=str
    )
    assert rows(AS_KEPT) == rows(FROM_EVENTS)
    page = (await site.get(f"/devices/{device.enrolled.device}")).text
    assert "What was recorded for Ada Example stays" in page


async def test_naming_an_account_while_its_device_uploads_loses_and_doubles_nothing(
    site: httpx.AsyncClient, ada: UUID, device: SignedDevice, other_device: SignedDevice, rows: Rows
) -> None:
    await asyncio.gather(use(device, 1, "ada"), use(other_device, 1, "ada"))
    answers = await asyncio.gather(
        use(device, 7, "ada"),
        give(site, device, "ada", "ada@example.org"),
        use(other_device, 7, "ada"),
        give(site, other_device, "ada", "ada@example.org"),
    )
    assert [answer.status_code for answer in answers if answer is not None] == [303, 303]
    assert rows("select person_id, count(*) from usage_event group by 1") == [(ada, 24)]
    assert rows(AS_KEPT) == rows(FROM_EVENTS)


async def test_a_name_makes_a_person_of_an_unnamed_account(
    site: httpx.AsyncClient, device: SignedDevice, rows: Rows
) -> None:
    await use(device, 1, "ada")
    ((made_up,),) = rows("select person_id from person where from_account")
    assert "1 account reports and nobody is named for it" in (await site.get("/people")).text
    assert "ada on desk-1" in (await site.get("/people?show=accounts")).text
    answer = await site.post(f"/people/{made_up}", data={"name": "Ada Example", "email": "ada@example.org"})
    assert answer.status_code == 303
    assert rows("select display_name, from_account from person where person_id = %s", made_up) == [
        ("Ada Example", False)
    ]
    assert rows(AS_KEPT) == rows(FROM_EVENTS)


@pytest.mark.parametrize(
    ("account", "email", "status", "words"),
    [
        ("ada", "nobody@example.org", 422, "Nobody here has the e-mail"),
        ("ada", "", 422, "Nobody here has the e-mail"),
        ("ada", "gone@example.org", 422, "Nobody here has the e-mail"),
        ("root", "ada@example.org", 404, "no such page"),
    ],
)
async def test_a_wrong_person_or_account_changes_nothing(
    site: httpx.AsyncClient,
    ada: UUID,
    person: Person,
    device: SignedDevice,
    rows: Rows,
    account: str,
    email: str,
    status: int,
    words: str,
) -> None:
    del ada
    gone = await person("Gone", "gone@example.org")
    await site.post(f"/people/{gone}/leave")
    await use(device, 1, "ada")
    before = rows("select * from account"), rows(AS_KEPT)
    answer = await give(site, device, account, email)
    assert answer.status_code == status
    assert words in answer.text
    assert (rows("select * from account"), rows(AS_KEPT)) == before


async def test_nobody_gives_themself_what_an_unnamed_account_reported(
    site: httpx.AsyncClient, admin_site: httpx.AsyncClient, device: SignedDevice, rows: Rows
) -> None:
    await use(device, 1, "ada")
    refused = await admin_site.post(
        f"/devices/{device.enrolled.device}/accounts", data={"account": "ada", "email": "sam@example.org"}
    )
    assert "Someone else must say that it is yours" in refused.text
    assert rows("select count(*) from account join person using (tenant_id, person_id) where from_account") == [(1,)]
    assert (await give(site, device, "ada", "sam@example.org")).status_code == 303


async def test_opening_someones_entry_is_told_to_them_once_an_hour(
    admin_site: httpx.AsyncClient, browser: Callable[..., Awaitable[httpx.AsyncClient]], ada: UUID, rows: Rows
) -> None:
    for _ in range(2):
        assert (await admin_site.get(f"/people/{ada}")).status_code == 200
    assert rows("select count(*) from audit_entry where tag = 'person:viewed' and subject_id = %s", ada) == [(1,)]
    assert "opened your entry in the directory" in (await (await browser(ada)).get("/me/who-looked")).text
