"""Usage, statements, budgets and exports in a real Chromium: every page, of a full and of an empty organisation.

Each page is looked at wide and light, and narrow and dark, with axe, and in both other pairs for sideways scrolling.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.end_to_end.browser.test_portal import IMAGES, browsing, findings

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.statements.month import newest
from toktra.server.web.access import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TODAY = datetime.now(UTC).date()
MONTH = newest(TODAY)
ONE = f"/statements/{MONTH.key}/one?for="
EVERYWHERE = [
    "/usage",
    "/cost",
    f"/statements/{MONTH.key}",
    f"{ONE}organisation",
    "/statements/cost-centres",
    "/budgets",
    "/exports",
    "/exports/scheduled",
    "/reconciliation",
    "/settings/api",
]
ONLY_FULL = [
    "/usage?by=department&measure=cost",
    "/budgets/new",
    "/budgets/what-if",
    f"{ONE}department:Engineering",
    f"{ONE}centre:4711",
    f"{ONE}others",
]


class Looking:
    """One browser, and what it finds wrong."""

    def __init__(self, page: Page, organisation: Any, what: str) -> None:
        self.page = page
        self.organisation = organisation
        self.what = what
        self.wrong: dict[str, list[str]] = {}

    def go(self, path: str) -> None:
        answer = self.page.goto(self.organisation.address + path)
        assert answer is not None
        assert answer.status == 200, path

    def look(self, path: str, picture: str = "") -> None:
        self.go(path)
        for scheme, width in (("light", 1440), ("dark", 390), ("light", 390), ("dark", 1440)):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.set_viewport_size({"width": width, "height": 1000})
            is_whole = (scheme, width) in {("light", 1440), ("dark", 390)}
            over = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if found := findings(self.page) if is_whole else [f"{over} px too wide"] if over > 0 else []:
                self.wrong[f"{self.what}: {path}, {scheme}, {width} px"] = found
            folder = os.environ.get("TOKTRA_LOOK")
            if folder and is_whole:
                name = re.sub(r"\W+", "-", f"{self.what}{path}-{scheme}-{width}")
                self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, timeout=90_000)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": 1440, "height": 1000})
        if picture and os.environ.get("TOKTRA_PICTURES"):
            (IMAGES / f"{picture}.png").write_bytes(self.page.screenshot())


@contextmanager
def looking(chromium: Browser, organisation: Any, what: str) -> Iterator[Looking]:
    with browsing(chromium, organisation.address) as page:
        page.goto(organisation.sign_in_link())
        page.get_by_role("button", name="Sign in as").click()
        page.wait_for_url(re.compile(r"/(me)?$"))
        looking = Looking(page, organisation, what)
        yield looking
    assert looking.wrong == {}


@pytest.fixture
def firm(site: Any) -> Any:
    """Two departments of six people who may be shown, one of two and one that hides it, and ten weeks of use."""
    firm = site.organisation("figures", "Example organisation")
    tenant_id = firm.tenant.tenant_id
    of = {"t": tenant_id, "version": ESTIMATOR_VERSION, "today": TODAY}
    firm.change(
        "with department (name, people) as (values ('Engineering', 6), ('Customer service', 6), ('Legal', 5),"
        " ('Sales', 2)) insert into person (tenant_id, display_name, department) select %(t)s, name || ' ' || n, name"
        " from department, generate_series(1, people) n",
        of,
    )
    firm.change(
        "insert into usage_daily select %(t)s, %(today)s::date - back, p.person_id, host, %(version)s, tokens / 1000,"
        " tokens * 4, tokens * 9, tokens, tokens / 6 from person p, generate_series(0, 70) back,"
        " (values ('api.openai.com', 90000), ('chatgpt.com', 40000), ('api.anthropic.com', 60000)) u (host, tokens)"
        " where p.tenant_id = %(t)s and p.department is not null",
        of,
    )
    firm.change(
        "insert into usage_hourly select tenant_id, day + interval '12 hours', provider_host, estimator_version,"
        " sum(exchanges), sum(request_bytes), sum(response_bytes), sum(input_tokens), sum(output_tokens)"
        " from usage_daily where tenant_id = %(t)s group by 1, 2, 3, 4",
        of,
    )
    connect_providers(firm, of)
    return firm


def connect_providers(firm: Any, of: dict[str, Any]) -> None:
    """OpenAI billed two fifths more than devices saw; of Anthropic a seventh is billed, and its last fetch failed."""
    firm.change(
        "insert into usage_api (tenant_id, provider_id, sealed_key, key_hint, organisation, connected_by, fetched_at,"
        " fault) select %(t)s, provider_id, '', 'wxyz', organisation, %(by)s, now(), fault from (values"
        " ('openai', 'org-example', null),"
        " ('anthropic', null, 'Anthropic asks to wait 90 s before the next question. Try again then.'))"
        " a (provider_id, organisation, fault)",
        {**of, "by": firm.owner_id},
    )
    firm.change(
        "insert into reported_day (tenant_id, provider_id, day, input_tokens, output_tokens, requests)"
        " select %(t)s, provider_id, %(today)s::date - back, tokens * people, tokens * people / 6, calls * people"
        " from generate_series(1, 70) back, (select count(*) as people from person where tenant_id = %(t)s"
        " and department is not null) p, (values ('openai', 126000, 126), ('anthropic', 9000, null))"
        " a (provider_id, tokens, calls)",
        of,
    )


def test_every_page_of_figures_full(chromium: Browser, firm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKTRA_SECRET_KEY", "A" * 43 + "=")  # read by the server in this process
    with looking(chromium, firm, "full") as here:
        page = here.page
        here.go("/statements/cost-centres")
        for department, code in (("Engineering", "4711"), ("Sales", "4711"), ("Legal", "9")):
            page.get_by_label("Department", exact=True).select_option(department)
            page.get_by_label("Code").fill(code)
            page.get_by_label("From month").fill(MONTH.key)
            page.get_by_role("button", name="Book it there").click()
            expect(page.get_by_text("What was said before")).to_be_visible()
        here.go("/budgets/new")
        page.get_by_label("Amount").fill("900")
        page.get_by_role("button", name="Make budget").click()
        expect(page.get_by_role("heading", name="Spent so far")).to_be_visible()
        budget = page.url.removeprefix(firm.address)
        here.go("/exports/scheduled")
        page.get_by_label("Beginning with the period of").fill((TODAY + timedelta(days=60)).isoformat())
        page.get_by_label("A folder of the server").check()
        page.get_by_label("Folder", exact=True).fill("finance")
        page.get_by_role("button", name="Set up").click()
        expect(page.get_by_text("No period is due yet.")).to_be_visible()
        schedule = page.url.removeprefix(firm.address)
        page.get_by_role("link", name="Change", exact=True).click()
        page.get_by_label("Format").select_option("parquet")
        page.get_by_role("button", name="Change", exact=True).click()
        expect(page.get_by_role("heading", name="Cost (FOCUS 1.2), PARQUET")).to_be_visible()
        firm.change(
            "update export_schedule set target = 's3', folder = null, region = 'eu-central-1', bucket = 'of-north',"
            " prefix = 'toktra/costs/', access_key_hint = '…MPLE', sealed_credentials = '' where tenant_id = %(t)s",
            {"t": firm.tenant.tenant_id},
        )
        for back, state, fault in ((1, "failed", "refused"), (2, "waiting", "unreachable"), (3, "delivered", None)):
            firm.change(
                "insert into export_run (tenant_id, schedule_id, first_day, last_day, state, attempts, attempted_at,"
                " size_bytes, sent_bytes, fault, fault_detail, delivered_at, schema_version, estimator_versions,"
                " devices_reported, devices_enrolled) values (%(t)s, %(s)s, %(day)s, %(day)s, %(state)s, 2, now(),"
                " 90000000, 16777216, %(fault)s, %(word)s, case when %(state)s = 'delivered' then now() end, '1',"
                " '{e1}', 800, 930)",
                {
                    "t": firm.tenant.tenant_id,
                    "s": schedule.rpartition("/")[2],
                    "day": TODAY - timedelta(days=back),
                    "state": state,
                    "fault": fault,
                    "word": "AccessDenied" if fault == "refused" else None,
                },
            )
        firm.change(
            "update export_run set begun_as = %(as)s where tenant_id = %(t)s and state = 'delivered'",
            {"as": json.dumps({"dataset": "costs", "format": "csv", "target": "folder", "folder": "finance"}),
             "t": firm.tenant.tenant_id},
        )  # fmt: skip
        here.go("/settings/api")
        page.get_by_label("Name", exact=True).fill("nightly report")
        page.get_by_label("exports:write").check()
        page.get_by_role("button", name="Let it in").click()
        expect(page.get_by_text("nightly report").first).to_be_visible()
        for path in [schedule, f"{schedule}/edit", *EVERYWHERE, *ONLY_FULL, budget]:
            here.look(path, "statements" if path == f"/statements/{MONTH.key}" else "")
        here.go(schedule)
        expect(page.get_by_role("button", name="Send again")).to_be_visible()
        here.go("/reconciliation")
        openai = page.get_by_role("region", name="OpenAI", exact=True)
        expect(openai.get_by_text("use is missing")).to_be_visible()
        expect(openai.get_by_text("Input factor").locator("..")).to_contain_text("×")
        anthropic = page.get_by_role("region", name="Anthropic", exact=True)
        expect(anthropic.get_by_text("Devices saw more than this account was billed")).to_be_visible()
        expect(anthropic.get_by_text("The last fetch failed")).to_be_visible()
        here.go(f"/statements/{MONTH.key}")
        main = page.locator("main")
        expect(main.get_by_role("link", name="Engineering", exact=True)).to_be_visible()
        expect(main.get_by_role("link", name="Sales", exact=True)).to_have_count(0)
        with page.expect_download() as taken:
            page.get_by_role("link", name="PDF of Engineering").click()
        assert Path(taken.value.path()).read_bytes().startswith(b"%PDF")


def test_every_page_of_figures_empty(chromium: Browser, site: Any) -> None:
    empty = site.organisation("no-figures", "Example organisation")
    finance = empty.add_person("Kim Example", Role.FINANCE)
    with looking(chromium, empty, "empty") as here:
        for path in EVERYWHERE:
            here.look(path)
        here.page.goto(empty.sign_in_link(finance))
        here.page.get_by_role("button", name="Sign in as").click()
        here.page.wait_for_url(re.compile(r"/(me)?$"))
        here.look("/exports/scheduled")
        here.go("/reconciliation")
        expect(here.page.get_by_role("button", name="Try and connect")).to_have_count(0)
        here.go("/exports/scheduled")
        expect(here.page.get_by_role("button", name="Set up")).to_have_count(0)
