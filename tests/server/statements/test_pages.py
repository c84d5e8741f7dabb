"""Statements over the whole application: figures equal to those of the usage page, nothing told of a small group."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, time, timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from toktra.server.people.service import add_person, create_sign_in_link
from toktra.server.statements.month import newest
from toktra.server.statements.service import showback
from toktra.server.usage.breakdown.service import breakdown
from toktra.server.usage.breakdown.view import View
from toktra.server.web.access import Role

NOW = datetime.now(UTC)
MONTH = newest(NOW.date())
DEPARTMENTS = ["Engineering"] * 7 + ["R&D"] * 6 + ["Legal"] * 5 + ["Sales"] * 2
CHAT, API = "chatgpt.com", "api.anthropic.com"


async def used(office: Any) -> None:
    """Twenty people in four departments, of which one is too small to be shown, and hides another."""
    for number, department in enumerate(DEPARTMENTS):
        desk = await office.desk(enrolled_days_ago=80)
        async with office.database.tenant(office.tenant.tenant_id) as connection:
            of = [office.tenant.tenant_id, desk.key.device]
            cursor = await connection.execute(
                "select person_id from account where tenant_id = %s and device_id = %s", of
            )
            (person,) = await cursor.fetchone()
            await connection.execute("update person set department = %s where person_id = %s", [department, person])
            await connection.execute("delete from department_period where person_id = %s", [person])
            await connection.execute(
                "insert into department_period (tenant_id, person_id, since, department)"
                " values (%s, %s, '2020-01-01', %s)",
                [office.tenant.tenant_id, person, department],
            )
        day = MONTH.first + timedelta(days=number % 20)
        at = datetime.combine(day, time(9), UTC)
        await desk.use(at=at, times=2, host=API, request_bytes=1000 + number)
        await desk.use(at=at, host=CHAT)


async def say(browser: httpx.AsyncClient, department: str, code: str, **more: str) -> httpx.Response:
    fields = {"department": department, "code": code, "name": "Product", "month": MONTH.key, "do": "say", **more}
    return await browser.post("/statements/cost-centres", data=fields)


async def page(browser: httpx.AsyncClient, address: str) -> str:
    answer = await browser.get(address)
    assert answer.status_code == 200, answer.text[:500]
    return unescape(answer.text).replace("\xa0", " ")


async def test_a_month_is_stated_department_by_department(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    for department in ("Engineering", "R&D", "Sales"):
        assert (await say(owner_api, department, "4711")).status_code == 303
    assert (await say(owner_api, "Legal", "9")).status_code == 303

    answer = await owner_api.get("/statements")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/statements/{MONTH.key}")
    listed = await page(owner_api, f"/statements/{MONTH.key}")
    assert ">Engineering</a>" in listed
    assert ">All others together</a>" in listed
    assert ">Sales</a>" not in listed
    assert ">Legal</a>" not in listed
    assert "4711 Product" in listed
    assert "may be shown by itself: 9." in listed
    assert "of device-days have a report" in listed

    links = [unescape(link) for link in re.findall(r'href="(/statements/[^"]*/one\?for=[^"]*)"', listed)]
    assert len(links) == 5
    for link in links:
        one = await page(owner_api, link)
        assert "How the figures came about" in one
        assert "genai-prices" in one
        assert "cannot be seen and are not in it" in one
    centre = await page(owner_api, f"/statements/{MONTH.key}/one?for=centre:4711")
    assert "The sum of: Engineering, R&D." in centre
    assert "that are not in it: Sales." in centre

    # The same figures as on the usage page, and nothing lost or counted twice.
    found = await showback(office.database, office.tenant.tenant_id, MONTH, NOW)
    view = View.read(
        {"from": str(MONTH.first), "to": str(MONTH.last), "by": "department", "against": "nothing"}, NOW.date()
    )
    beside = await breakdown(office.database, office.tenant.tenant_id, view, NOW)
    lines = {line.key: line.now for line in beside.lines}
    for part in [*found.departments, found.others]:
        assert part is not None
        assert part.projection.cost == lines[part.subject.key].cost
        assert part.projection.exchanges == lines[part.subject.key].exchanges
        assert part.projection.tokens == lines[part.subject.key].tokens
    assert found.whole.projection.cost == beside.total.cost
    assert [part.projection.exchanges for part in found.departments] == [7 * 3, 6 * 3]
    assert found.others is not None
    assert found.others.projection.exchanges == 7 * 3
    (product,) = found.centres
    assert product.projection.exchanges == 13 * 3


async def test_seats_are_divided_by_counted_exchanges(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    seats = {"price": "31", "seats": "10", "currency": "USD", "valid_from": MONTH.first.isoformat()}
    for provider in ("anthropic", "mistral"):
        assert (await owner_api.post(f"/prices/{provider}/seats", data=seats)).status_code == 303
    found = await showback(office.database, office.tenant.tenant_id, MONTH, NOW)
    assert found.whole.seats_amount == pytest.approx(620)
    parts = [*found.departments, found.others]
    assert sum(one.seats_amount for one in parts if one) == pytest.approx(310)
    engineering = found.find("department:Engineering")
    assert engineering is not None
    assert engineering.seats_amount == pytest.approx(310 * 7 / 20)
    text = await page(owner_api, f"/statements/{MONTH.key}/one?for=department:Engineering")
    assert "14 of 40 exchanges" in text
    assert "$ 108.50" in text
    assert "Nobody used it" in await page(owner_api, f"/statements/{MONTH.key}/one?for=organisation")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not here")
async def test_the_document_says_what_the_page_says(office: Any, owner_api: httpx.AsyncClient, tmp_path: Any) -> None:
    await used(office)
    answer = await owner_api.get(f"/statements/{MONTH.key}.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"].endswith(f'"toktra-north-statements-{MONTH.key}.pdf"')
    file = tmp_path / "all.pdf"
    file.write_bytes(answer.content)
    text = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout
    for said in ("Engineering", "R&D", "All others together", "How the figures came about", "genai-prices"):
        assert said in text
    assert "Sales" not in text
    found = await showback(office.database, office.tenant.tenant_id, MONTH, NOW)
    assert f"/statements/{MONTH.key}/one?for=department" in text.replace("\n", "")
    assert len(found.all) == len(re.findall("What is left out, and why", text))
    one = await owner_api.get(f"/statements/{MONTH.key}/one.pdf?for=department:R%26D")
    assert one.content.startswith(b"%PDF")


async def test_an_empty_month_says_so(office: Any, owner_api: httpx.AsyncClient) -> None:
    text = await page(owner_api, f"/statements/{MONTH.key}")
    assert "nothing to state" in text
    assert "Nobody is in a department yet" in await page(owner_api, "/statements/cost-centres")


async def test_what_is_not_there_is_not_found(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    for address in (
        "/statements?month=2019-13",
        "/statements/never",
        "/statements/2999-01.pdf",
        f"/statements/{MONTH.key}/one",
        f"/statements/{MONTH.key}/one?for=department:Sales",
        f"/statements/{MONTH.key}/one.pdf?for=department:Legal",
        f"/statements/{MONTH.key}/one?for=centre:4711",
    ):
        assert (await owner_api.get(address)).status_code == 404, address


async def test_a_wrong_field_is_named_and_changes_nothing(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    answer = await say(owner_api, "Engineering", "<b>")
    assert answer.status_code == 422
    assert 'id="cc-code-e"' in answer.text
    assert "&lt;b&gt;" in answer.text
    assert "What was said before" not in answer.text
    assert (await owner_api.post("/statements/cost-centres", content=b"%ff")).status_code == 400


async def test_who_may(office: Any, api: httpx.AsyncClient) -> None:
    for role in (Role.ADMINISTRATOR, Role.FINANCE, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.EMPLOYEE):
        person = await add_person(office.database, office.tenant.tenant_id, display_name=f"A {role}", role=role)
        api.cookies.clear()
        await api.post(await create_sign_in_link(office.database, office.tenant, person))
        may = role in (Role.ADMINISTRATOR, Role.FINANCE)
        for address in (f"/statements/{MONTH.key}", "/statements/cost-centres", f"/statements/{MONTH.key}/one.pdf"):
            expected = {200, 404} if may else {403}
            assert (await api.get(address)).status_code in expected, (role, address)
        assert (await say(api, "Nowhere", "1")).status_code == (422 if may else 403)
