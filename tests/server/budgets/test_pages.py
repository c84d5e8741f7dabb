"""The pages of budgets over the whole application, for each role."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING

import httpx
import pytest

from toktra.server.budgets.budget import Subject, SubjectKind
from toktra.server.budgets.checking import check_budgets
from toktra.server.budgets.periods import Every, Rhythm
from toktra.server.people.service import create_sign_in_link
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.budgets.conftest import Firm, SignIn

NEW = {"for": "organisation", "unit": "tokens", "currency": "USD", "period": "month", "amount": "1 M",
       "thresholds": "50, 100", "forecast": "on", "owner": "", "rolling_days": ""}  # fmt: skip


def text_of(answer: httpx.Response, status: int = 200) -> str:
    assert answer.status_code == status, answer.text[:800]
    return unescape(answer.text).replace("\xa0", " ")


async def test_a_budget_from_the_form_to_its_end(firm: Firm, sign_in: SignIn) -> None:
    browser = await sign_in(Role.FINANCE)
    assert "No budget yet" in text_of(await browser.get("/budgets"))
    assert "Make budget" in text_of(await browser.get("/budgets/new"))
    refused = text_of(await browser.post("/budgets/new", data={**NEW, "amount": "much", "thresholds": "77"}), 422)
    assert "Give an amount above 0" in refused
    assert 'value="77"' in refused
    made = await browser.post("/budgets/new", data=NEW)
    assert made.status_code == 303
    page = made.headers["location"]
    today = datetime.now(UTC).date()
    await firm.use(firm.owner, today, 600_000)
    await check_budgets(firm.database, firm.tenant.tenant_id, today)
    listed = text_of(await browser.get("/budgets"))
    assert "Whole organisation has reached 50 %" in listed or "Whole organisation may have reached 50 %" in listed
    assert "1 000 000 tokens a month" in listed
    assert "Give today or a day" in text_of(
        await browser.post(page, data={**NEW, "valid_from": (today - timedelta(days=1)).isoformat()}), 422
    )
    assert (await browser.post(page, data={**NEW, "amount": "2 M"})).status_code == 303
    one = text_of(await browser.get(page))
    assert one.index("2 000 000 tokens</td>") < one.index("1 000 000 tokens</td>")
    for _ in range(2):
        assert (await browser.post(f"{page}/end")).status_code == 303
    assert "Ended on" in text_of(await browser.get(page))
    assert "1 000 000 tokens a month" not in text_of(await browser.get("/budgets"))


async def test_what_if_says_on_which_day_and_keeps_nothing(firm: Firm, sign_in: SignIn) -> None:
    browser = await sign_in(Role.AUDITOR)
    today = datetime.now(UTC).date()
    for back in range(60):
        await firm.use(firm.owner, today - timedelta(days=back), 100_000)
    asked = {**NEW, "period": "rolling", "rolling_days": "20", "thresholds": "50, 1000"}
    page = text_of(await browser.get("/budgets/what-if", params=asked))
    assert "Whole organisation: 1 000 000 tokens in any 20 days" in page
    assert "1000 %: never" in page
    assert "50 %: " in page
    assert await firm.rows("select * from budget") == []
    assert "Choose what the budget is for" in text_of(await browser.get("/budgets/what-if?for=person"), 422)


async def test_finance_knows_of_no_persons_budget(firm: Firm, sign_in: SignIn) -> None:
    await firm.hire("Engineering", 1)
    (person,) = firm.people["Engineering"]
    today = datetime.now(UTC).date()
    budget_id = await firm.budget(Subject(SubjectKind.PERSON, person_id=person), thresholds=(50,))
    await firm.use(person, today, 900_000)
    await check_budgets(firm.database, firm.tenant.tenant_id, today)
    browser = await sign_in(Role.FINANCE)
    assert "Engineering 0" not in text_of(await browser.get("/budgets"))
    assert (await browser.get(f"/budgets/{budget_id}")).status_code == 404
    assert (await browser.post(f"/budgets/{budget_id}/end")).status_code == 404
    assert "e-mail below" not in text_of(await browser.get("/budgets/new"))
    browser = await sign_in(Role.ADMINISTRATOR)
    listed = text_of(await browser.get("/budgets"))
    assert "Engineering 0" in listed
    assert "opened with a reason" in listed
    for page in (listed, text_of(await browser.get(f"/budgets/{budget_id}"))):
        assert "Spent</dt>" not in page


async def test_the_course_of_a_period_is_drawn_and_its_history_is_a_file(firm: Firm, sign_in: SignIn) -> None:
    today = datetime.now(UTC).date()
    last_month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    budget_id = await firm.budget(rhythm=Rhythm(Every.ROLLING, 20), valid_from=last_month, amount=Decimal(1_000_000))
    for back in range(12):
        await firm.use(firm.owner, today - timedelta(days=back), 50_000)
    browser = await sign_in(Role.FINANCE)
    page = text_of(await browser.get(f"/budgets/{budget_id}"))
    table = page.partition('class="chart__table')[2].partition("</table>")[0]
    assert table.count("<tr>") == 21
    spent = re.search(r"Spent</dt><dd>([^<]*)</dd>", page)
    assert spent is not None
    assert f'<td class="num">{spent[1]}</td>' in table  # the chart ends with the figure above it
    assert 'aria-label="Spent since' in page

    monthly = await firm.budget(valid_from=last_month)
    await firm.use(firm.owner, last_month, 300_000)
    await check_budgets(firm.database, firm.tenant.tenant_id, today + timedelta(days=40))
    answer = await browser.get(f"/budgets/{monthly}.csv")
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    first = next(row for row in rows if row["period_first"] == last_month.isoformat())
    assert (first["unit"], first["budget"], first["not_shown"]) == ("tokens", "1000000", "")
    assert int(first["spent_low"]) <= 300_000 <= int(first["spent_high"])


async def test_ones_own_budget_is_on_ones_own_page_and_nobody_elses(firm: Firm, sign_in: SignIn) -> None:
    await firm.hire("Engineering", 2)
    person, colleague = firm.people["Engineering"]
    today = datetime.now(UTC).date()
    budget_id = await firm.budget(Subject(SubjectKind.PERSON, person_id=person), thresholds=(50,))
    await firm.use(person, today, 900_000)
    for who, sees in ((person, True), (colleague, False)):
        browser = await sign_in(Role.FINANCE)
        browser.cookies.clear()
        await browser.post(await create_sign_in_link(firm.database, firm.tenant, who))
        page = text_of(await browser.get("/me"))
        assert ("A budget that was set for you" in page) is sees
        assert ("Spent</dt>" in page) is sees
        assert "/budgets/" not in page
    browser = await sign_in(Role.OWNER)
    content = (await browser.get(f"/budgets/{budget_id}.csv")).text
    assert "900" not in content
    browser = await sign_in(Role.FINANCE)
    assert (await browser.get(f"/budgets/{budget_id}.csv")).status_code == 404


@pytest.mark.parametrize("path", ["not-a-number", "00000000-0000-4000-8000-000000000000"])
async def test_a_budget_that_is_not_there(sign_in: SignIn, path: str) -> None:
    browser = await sign_in(Role.OWNER)
    assert (await browser.get(f"/budgets/{path}")).status_code == 404


async def test_a_webhook_is_added_with_its_secret_shown_once(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKTRA_SECRET_KEY", "A" * 43 + "=")
    browser = await sign_in(Role.ADMINISTRATOR)
    refused = text_of(await browser.post("/webhooks", data={"url": "https://127.0.0.1/"}), 422)
    assert "inside a private network or on this machine" in refused
    assert "whsec_" in text_of(await browser.post("/webhooks", data={"url": "https://93.184.216.34/hook"}))
    page = text_of(await browser.get("/webhooks"))
    assert "https://93.184.216.34/hook" in page
    assert "whsec_" not in page
