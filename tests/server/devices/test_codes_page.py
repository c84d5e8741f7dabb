"""Enrolment codes on their page: shown once, for a person or a fleet, and ended before their time."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Rows = Callable[..., list[tuple[object, ...]]]
Enrolment = Callable[..., Awaitable[httpx.Response]]


def person(**changes: str) -> dict[str, str]:
    return {"kind": "person", "email": "robin@example.org", "days": "7", **changes}


def fleet(**changes: str) -> dict[str, str]:
    return {"kind": "fleet", "purpose": "Second group", "uses": "2", "days": "3", **changes}


async def make(site: httpx.AsyncClient, terms: dict[str, str]) -> str:
    answer = await site.post("/devices/codes", data=terms)
    assert answer.status_code == 200
    found = re.search(r"north(-[0-9a-hjkmnp-tv-z]{4}){3}", answer.text)
    assert found, "the code is shown"
    return found[0]


async def test_a_code_for_a_person_enrols_one_device_and_its_account_is_theirs(
    site: httpx.AsyncClient, owner_id: UUID, enrolment: Enrolment, rows: Rows
) -> None:
    code = await make(site, person())
    assert "Robin Example" in (await site.get("/devices/codes")).text
    assert (await enrolment(code, Ed25519PrivateKey.generate())).status_code == 200
    assert (await enrolment(code, Ed25519PrivateKey.generate())).status_code == 403
    assert rows("select person_id, name from account") == [(owner_id, "ada")]
    assert "There is none." in (await site.get("/devices/codes")).text


async def test_a_code_for_a_fleet_enrols_as_many_as_said(
    site: httpx.AsyncClient, enrolment: Enrolment, rows: Rows
) -> None:
    code = await make(site, fleet())
    answers = [(await enrolment(code, Ed25519PrivateKey.generate())).status_code for _ in range(3)]
    assert answers == [200, 200, 403]
    assert rows("select count(*) from account") == [(0,)]
    assert rows("select uses, expires_at - created_at from enrolment_code") == [(2, timedelta(days=3))]


async def test_the_code_is_shown_once_and_kept_nowhere(site: httpx.AsyncClient, rows: Rows) -> None:
    code = await make(site, fleet())
    page = (await site.get("/devices/codes")).text
    assert "Second group" in page
    assert "2 of 2" in page
    assert code not in page
    ((kept,),) = rows("select row_to_json(enrolment_code)::text from enrolment_code")
    assert code not in str(kept)
    assert rows("select after from audit_entry where tag = 'enrolment-code:created'")[0][0]["uses"] == 2  # type: ignore[index]
    assert code not in str(rows("select * from audit_entry"))


async def test_an_ended_code_enrols_nothing_and_what_it_enrolled_stays(
    site: httpx.AsyncClient, enrolment: Enrolment, rows: Rows
) -> None:
    code = await make(site, fleet(uses="5"))
    key = Ed25519PrivateKey.generate()
    assert (await enrolment(code, key)).status_code == 200
    place = re.search(r'action="(/devices/codes/[^"]+/end)"', (await site.get("/devices/codes")).text)
    assert place
    assert (await site.post(place[1], headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await site.post(place[1])).status_code == 303
    refused = await enrolment(code, Ed25519PrivateKey.generate())
    assert refused.status_code == 403
    assert (await enrolment(code, key)).status_code == 200, "the answer to the first request may have been lost"
    assert "There is none." in (await site.get("/devices/codes")).text
    assert (await site.post(place[1])).status_code == 303, "safe to repeat"
    assert rows("select count(*) from device where status = 'active'") == [(1,)]
    assert rows("select count(*) from audit_entry where tag = 'enrolment-code:ended'") == [(1,)]


@pytest.mark.parametrize(
    ("terms", "field", "words"),
    [
        (person(email="nobody@example.org"), "email", "Nobody here has the e-mail"),
        (person(email=""), "email", "Nobody here has the e-mail"),
        (person(days="0"), "days", "from 1 to 90"),
        (person(days="91"), "days", "from 1 to 90"),
        (person(days="٣"), "days", "from 1 to 90"),
        (fleet(uses="0"), "uses", "from 1 to 10000"),
        (fleet(uses="10001"), "uses", "from 1 to 10000"),
        (fleet(uses="1e3"), "uses", "from 1 to 10000"),
        (fleet(purpose="x" * 101), "purpose", "up to 100"),
        ({"kind": "planet", "days": "1"}, "", "for one person or for a fleet"),
        ({}, "", "for one person or for a fleet"),
    ],
)
async def test_terms_that_make_no_sense_name_the_field_and_make_no_code(
    site: httpx.AsyncClient, rows: Rows, terms: dict[str, str], field: str, words: str
) -> None:
    answer = await site.post("/devices/codes", data=terms or {"x": "y"})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text or not field
    assert rows("select count(*) from enrolment_code") == [(0,)]


async def test_nobody_who_has_left_gets_a_code(site: httpx.AsyncClient, rows: Rows) -> None:
    rows("insert into person (tenant_id, display_name, email, status) "
         "select tenant_id, 'Gone', 'gone@example.org', 'inactive' from tenant where slug = 'north'")  # fmt: skip
    assert (await site.post("/devices/codes", data=person(email="gone@example.org"))).status_code == 422
    assert (await site.post(f"/devices/codes/{uuid4()}/end")).status_code == 303
    assert (await site.post("/devices/codes/nonsense/end")).status_code == 404
