"""Notices, rights requests and retention in a real Chromium: one way through all of it, with axe on every page."""

from __future__ import annotations

import io
import os
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.end_to_end.browser.test_portal import IMAGES, browsing, findings

from toktra.server.web.access import Role

PASSPHRASE = "a long sample passphrase"

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]  # one long way, and axe on every page


class Walk:
    """One browser that looks at each page in dark and narrow, and at those with a picture in light and wide too."""

    def __init__(self, page: Page, organisation: Any) -> None:
        self.page = page
        self.organisation = organisation
        self.wrong: dict[str, list[str]] = {}

    def sign_in(self, person: Any, path: str) -> None:
        self.page.goto(self.organisation.sign_in_link(person))
        self.page.get_by_role("button", name="Sign in as").click()
        self.page.wait_for_url(re.compile(r"/(me)?$"))
        self.go(path)

    def go(self, path: str) -> None:
        self.page.goto(self.organisation.address + path)

    def look(self, what: str, picture: str = "") -> None:
        for scheme, width in (("dark", 390), ("light", 1440)) if picture else (("dark", 390),):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.set_viewport_size({"width": width, "height": 1000})
            if found := findings(self.page):
                self.wrong[f"{what}, {scheme}, {width} px"] = found
            if folder := os.environ.get("TOKTRA_LOOK"):
                name = re.sub(r"\W+", "-", f"{what}-{width}")
                self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        self.page.set_viewport_size({"width": 1440, "height": 1000})
        if picture and os.environ.get("TOKTRA_PICTURES"):
            height = self.page.evaluate("document.documentElement.scrollHeight")
            self.page.set_viewport_size({"width": 1440, "height": min(height, 1600)})
            (IMAGES / f"{picture}.png").write_bytes(self.page.screenshot())


def test_from_the_notice_to_the_copy_and_the_erasure(chromium: Browser, site: Any) -> None:
    firm = site.organisation("rights", "Example organisation")
    kim, officer = firm.add_person("Kim Example"), firm.add_person("Ada Example", Role.PRIVACY_OFFICER)
    late = firm.add_person("Lee Example")
    device = firm.enrol(kim, account="kim")
    with browsing(chromium, firm.address) as page:
        walk = Walk(page, firm)
        walk.sign_in(officer, "/notices")
        walk.look("notices, none yet")
        page.get_by_label("Postal address").fill("1 Example Street, Exampletown")
        page.get_by_label("Where people turn").fill("privacy@example.org")
        page.get_by_label("Data protection officer").fill("officer@example.org")
        page.get_by_label("Supervisory authority").fill("Example Authority")
        page.get_by_role("button", name="Save").first.click()
        page.get_by_role("button", name="Preview a new version").click()
        expect(page.get_by_text("Not ready to be published")).to_be_visible()
        walk.look("preview with a gap")
        walk.go("/notices")
        page.get_by_label("From when the notice holds").fill("2027-01-01")
        page.get_by_role("button", name="Save").first.click()
        page.get_by_label("after they confirmed").check()
        page.get_by_role("button", name="Save").nth(1).click()
        page.get_by_role("button", name="Preview a new version").click()
        page.get_by_role("button", name="Publish this version").click()
        expect(page.get_by_text("0 of 4 people have confirmed version 1")).to_be_visible()
        walk.look("notices", "notices")

        device.report([use() for _ in range(3)])  # before the notice was confirmed: not recorded
        walk.sign_in(kim, "/me/notices")
        walk.look("my notice")
        page.get_by_role("button", name="I have received this notice").click()
        expect(page.get_by_text("You confirmed it on")).to_be_visible()
        device.report([use(later_s=2) for _ in range(5)])
        walk.go("/me/rights")
        walk.look("my rights", "your-rights")
        page.get_by_role("link", name="Ask for it: Access").click()
        walk.look("asking for access")
        page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
        page.get_by_label("The same again").fill(PASSPHRASE)
        page.get_by_role("button", name="Ask for it now").click()
        expect(page.get_by_text("We have your request.")).to_be_visible()
        expect(page.get_by_role("button", name="Open and download")).to_be_visible(
            timeout=60_000
        )  # it keeps itself current
        walk.look("my copy is ready")
        page.locator("#open-with").fill(PASSPHRASE)
        with page.expect_download() as download:
            page.get_by_role("button", name="Open and download").click()
        archive = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes()))
        assert archive.read("events.csv").count(b"\n") == 1 + 5
        walk.go("/me/rights/new?kind=erasure")
        page.get_by_role("button", name="Ask for it now").click()
        read_copy(chromium, archive, walk.wrong)

        walk.sign_in(late, "/me/rights/new?kind=rectification")
        page.get_by_label("What is wrong").fill("My department is Finance and not Sales.")
        page.get_by_role("button", name="Ask for it now").click()
        firm.change(
            "update rights_request set received_on = received_on - 32, due_on = due_on - 32 where kind = %s",
            ["rectification"],
        )
        walk.sign_in(officer, "/rights")
        expect(page.get_by_text("R-003 is overdue.")).to_be_visible()
        walk.look("queue", "rights-queue")
        page.get_by_role("link", name="R-002").click()
        walk.look("a request")
        page.get_by_text("Erase this person…").click()
        page.get_by_role("button", name="Erase this person").click()
        expect(page.get_by_text("Erased: single uses, sums, devices, identity")).to_be_visible(timeout=60_000)
        walk.go("/rights/new")
        walk.look("recording a request")
        walk.go("/privacy-office")
        walk.look("privacy office", "privacy-office")
        walk.go("/retention")
        page.get_by_label("Days to keep: Single uses").fill("30")
        page.get_by_role("button", name="What would go?").first.click()
        expect(page.get_by_text("loses 0 rows")).to_be_visible()
        walk.look("retention", "retention")
        page.get_by_role("button", name="Keep it for 30 days").click()
        expect(page.get_by_text("What is older goes in the coming night.")).to_be_visible()
        assert walk.wrong == {}


def read_copy(chromium: Browser, archive: zipfile.ZipFile, wrong: dict[str, list[str]]) -> None:
    """The readable page of the copy, opened from nowhere: with no network and no other file."""
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.set_content(archive.read("index.html").decode())
    expect(page.get_by_role("heading", name="Your data at Example organisation")).to_be_visible()
    charts = page.get_by_role("img")
    expect(charts).to_have_count(2)  # tokens by day, and by provider
    for chart in charts.all():
        expect(chart).to_be_visible()
    if found := findings(page):
        wrong["the copy"] = found
    if folder := os.environ.get("TOKTRA_LOOK"):
        page.screenshot(path=Path(folder) / "copy.png", full_page=True)
    context.close()


def use(*, later_s: int = 0) -> dict[str, Any]:
    return {
        "provider_host": "api.anthropic.com",
        "request_bytes": 16_000,
        "response_bytes": 80_000,
        "estimated_input_tokens": 4_000,
        "estimated_output_tokens": 800,
        "at": datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=later_s),
        "user": "kim",
    }
