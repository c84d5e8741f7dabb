"""Budgets and webhooks in a real Chromium: from none to a change of one, with axe on every page."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.end_to_end.browser.conftest import await_elsewhere
from tests.end_to_end.browser.test_portal import browsing
from tests.end_to_end.browser.test_rights import Walk

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.budgets.checking import check_budgets
from toktra.server.database.pool import Database
from toktra.server.web.access import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DEPARTMENTS = {"Engineering": 3_000_000, "Sales": 700_000, "Customer service": 400_000}


@pytest.fixture
def firm(site: Any) -> Any:
    """Three departments of six people each, and ten weeks of their use."""
    firm = site.organisation("budgets", "Example organisation")
    today = datetime.now(UTC).date()
    tenant_id = firm.tenant.tenant_id
    firm.change("update person set department = 'Sales' where tenant_id = %s", [tenant_id])
    for department, tokens in DEPARTMENTS.items():
        for place in range(6):
            person = firm.add_person(f"{department} {place}")
            firm.change("update person set department = %s where person_id = %s", [department, person])
            firm.change(
                "insert into usage_daily select %(t)s, day, %(person)s, 'api.openai.com', %(version)s, amount / 2000,"
                " amount * 4, amount * 4, amount, amount / 6 from generate_series(0, 69) back,"
                " lateral (select %(today)s::date - back) d (day),"
                " lateral (select case when extract(isodow from day) > 5 then %(tokens)s / 5"
                " else %(tokens)s + back * 1000 end) a (amount)",
                {"t": tenant_id, "person": person, "version": ESTIMATOR_VERSION, "today": today, "tokens": tokens},
            )
    firm.change(
        "insert into usage_hourly select tenant_id, %s::time + day, provider_host, estimator_version, sum(exchanges), "
        "sum(request_bytes), sum(response_bytes), sum(input_tokens), sum(output_tokens) from usage_daily "
        "where tenant_id = %s group by 1, 2, 3, 4",
        [time(12, tzinfo=UTC).replace(tzinfo=None), tenant_id],
    )
    firm.change(
        "update department_period h set department = p.department from person p "
        "where h.tenant_id = %s and p.tenant_id = h.tenant_id and p.person_id = h.person_id",
        [tenant_id],
    )
    return firm


def test_from_no_budget_to_its_message_and_a_webhook(
    chromium: Browser, firm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKTRA_SECRET_KEY", "A" * 43 + "=")  # read by the server in this process
    finance, administrator = (
        firm.add_person("Kim Example", Role.FINANCE),
        firm.add_person("Lee Example", Role.ADMINISTRATOR),
    )
    firm.change("update person set department = 'Sales', email = 'kim@north.example' where person_id = %s", [finance])
    firm.change("update person set department = 'Sales' where person_id = %s", [administrator])
    firm.change(
        "update department_period set department = 'Sales' where person_id = any(%s)", [[finance, administrator]]
    )
    with browsing(chromium, firm.address) as page:
        walk = Walk(page, firm)
        walk.sign_in(finance, "/budgets")
        walk.look("no budget yet")
        page.get_by_role("link", name="New budget").click()
        walk.look("new budget")
        for subject, amount in (("organisation", "2000"), ("department:Engineering", "1200"),
                                ("department:Sales", "600"), ("provider:openai", "1600")):  # fmt: skip
            walk.go("/budgets/new")
            page.get_by_label("For", exact=True).select_option(subject)
            page.get_by_label("Amount").fill(amount)
            page.get_by_label("Owner’s e-mail").fill("kim@north.example")
            page.get_by_role("button", name="Make budget").click()
            expect(page.get_by_role("button", name="Change budget")).to_be_visible()
        page.get_by_label("Amount").fill("1700")
        page.get_by_role("button", name="Change budget").click()
        expect(page.get_by_role("table").last).to_contain_text("1 700")
        walk.look("one budget")
        tenant_id, today = firm.tenant.tenant_id, datetime.now(UTC).date()

        async def look_at_budgets() -> None:
            async with Database(firm.app_url, connections=1) as database:
                await check_budgets(database, tenant_id, today)

        await_elsewhere(look_at_budgets())
        walk.go("/budgets")
        expect(page.locator(".timeline")).to_contain_text("may have reached")
        walk.look("budgets", "budgets")
        walk.go("/budgets/what-if")
        page.get_by_label("Amount").fill("1700")
        page.get_by_role("button", name="Try it").click()
        expect(page.get_by_role("link", name="Make this budget")).to_be_visible()
        walk.look("what if", "budget-what-if")
        walk.sign_in(administrator, "/webhooks")
        page.get_by_label("New endpoint").fill("https://93.184.216.34/hook")
        page.get_by_role("button", name="Add endpoint").click()
        expect(page.get_by_text("whsec_")).to_be_visible()
        walk.look("webhooks")
        page.get_by_role("button", name="Take away").click()
        expect(page.get_by_text("None yet.")).to_be_visible()
    assert walk.wrong == {}
