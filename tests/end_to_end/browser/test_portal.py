"""The employee's pages and the audit trail in a real Chromium: whole ways, accessibility, narrow screens, no script."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.lab.axe import violations

from toktra.server.web.access import Role

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"
OWN_PAGES = ["/me?period=30d", "/me/as-others-see-it", "/me/events", "/me/devices", "/me/who-looked", "/me/notices"]

pytestmark = pytest.mark.browser

PICTURES = pytest.mark.skipif(
    "TOKTRA_PICTURES" not in os.environ, reason="takes the pictures of docs/images when TOKTRA_PICTURES is set"
)


@dataclass(frozen=True, slots=True)
class Firm:
    """An organisation with one employee who uses AI, one who does not, and one who audits."""

    organisation: Any
    kim: UUID
    nobody: UUID
    auditor: UUID

    @property
    def address(self) -> str:
        return str(self.organisation.address)


@pytest.fixture(scope="module")
def firm(site: Any) -> Firm:
    organisation = site.organisation("portal", "Example organisation")
    kim = organisation.add_person("Kim Example")
    device = organisation.enrol(kim, account="kim")
    events = some_use(random.Random(5))
    for first in range(0, len(events), 500):
        device.report(events[first : first + 500])
    organisation.change(
        "update device set enrolled_at = now() - interval '70 days', hostname = 'kims-laptop' where device_id = %s",
        [device.enrolled.device],
    )
    return Firm(
        organisation, kim, organisation.add_person("Lee Example"), organisation.add_person("Ada Example", Role.AUDITOR)
    )


def some_use(chance: random.Random) -> list[dict[str, Any]]:
    """Two months: weekdays busy, weekends not."""
    now = datetime.now(UTC).replace(microsecond=0)
    hosts = {"api.anthropic.com": 8, "chatgpt.com": 4, "api.mistral.ai": 1}
    events = []
    for back in range(62, -1, -1):
        day = now - timedelta(days=back)
        for place in range(1 if day.weekday() >= 5 else chance.randint(4, 12)):
            tokens_in, tokens_out = int(chance.lognormvariate(8.3, 0.9)), int(chance.lognormvariate(6.4, 0.8))
            events.append(
                {
                    "provider_host": chance.choices(list(hosts), list(hosts.values()))[0],
                    "request_bytes": tokens_in * 4 + 900,
                    "response_bytes": tokens_out * 90 + 2200,
                    "estimated_input_tokens": tokens_in,
                    "estimated_output_tokens": tokens_out,
                    "at": day - timedelta(seconds=place * 97),
                    "user": "kim",
                }
            )
    return events


@contextmanager
def browsing(
    chromium: Browser, address: str, *, scheme: str = "light", width: int = 1440, script: bool = True
) -> Iterator[Page]:
    """A page that fails the test on any console error, script error, policy breach or request to another host."""
    context = chromium.new_context(
        viewport={"width": width, "height": 1000},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        java_script_enabled=script,
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(address) else wrong.append(request.url))
    try:
        yield page
        assert wrong == []
    finally:
        context.close()


def sign_in(page: Page, firm: Firm, person: UUID | None = None, path: str = "") -> None:
    """Signs someone in, the owner without a name, and goes to a page."""
    page.goto(firm.organisation.sign_in_link(person))
    page.get_by_role("button", name="Sign in as").click()
    page.wait_for_url(re.compile(r"/(me)?$"))
    if path:
        page.goto(firm.address + path)


def look_up(page: Page, firm: Firm, reason: str) -> None:
    page.goto(f"{firm.address}/people/{firm.kim}/usage")
    page.get_by_label("Purpose").fill(reason)
    page.get_by_role("button", name="Open and log it").click()
    expect(page.get_by_text("This look is recorded")).to_be_visible()


def findings(page: Page) -> list[str]:
    """What axe-core finds, and what does not fit."""
    return [*violations(page), *misfits(page)]


def misfits(page: Page) -> list[str]:
    """Controls under 24 px, and sideways scrolling."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input, select, summary')].filter(element => {
            const box = element.getBoundingClientRect();
            return box.width && (box.height < 24 || box.width < 24) && getComputedStyle(element).display !== 'inline'
                && !element.matches('[type=radio], .check input, .vh, .skip');
        }).map(element => 'small: ' + element.outerHTML.slice(0, 100))"""
    )
    if over := page.evaluate("document.documentElement.scrollWidth - window.innerWidth"):
        found.append(f"scrolls sideways by {over} px")
    return found


def looked_over(page: Page) -> dict[str, list[str]]:
    """What is wrong with a page, light on a large screen and dark on a phone, and what does not fit the smallest one.

    A theme changes only colours, and a width only places, so each is looked at once. The page is left as it was.
    """
    wrong = {"light, 1440 px": findings(page)}
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 1000})
    wrong["dark, 390 px"] = findings(page)
    page.set_viewport_size({"width": 320, "height": 1000})
    wrong["dark, 320 px"] = misfits(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 1000})
    return {how: found for how, found in wrong.items() if found}


def test_every_page_is_accessible_and_fits(chromium: Browser, firm: Firm) -> None:
    wrong: dict[str, dict[str, list[str]]] = {}
    with browsing(chromium, firm.address) as page:

        def look(what: str) -> None:
            if found := looked_over(page):
                wrong[what] = found

        sign_in(page, firm, firm.auditor)
        look_up(page, firm, "Checking that pages can be read")
        look("figures of a person")
        page.goto(f"{firm.address}/people/{firm.kim}/usage")
        look("asking why")
        page.goto(f"{firm.address}/audit")
        look("audit trail")
        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_text("The trail holds")).to_be_visible()
        look("audit trail, checked")
        page.goto(f"{firm.address}/audit?q=nothing+at+all")
        look("audit trail, nothing found")
        sign_in(page, firm, firm.kim)
        for path in [*OWN_PAGES, "/what-is-collected"]:
            page.goto(firm.address + path)
            look(path)
        page.goto(f"{firm.address}/me")
        page.get_by_label("Table", exact=True).check(force=True)
        look("my usage with the table")
        page.get_by_role("button", name="How this figure came about: tokens").click()
        look("my usage with the layer")
        sign_in(page, firm, firm.nobody)
        for path in OWN_PAGES:
            page.goto(firm.address + path)
            look(f"{path} of someone without data")
        page.goto(f"{firm.address}/me/devices")
        page.get_by_role("button", name="Make a code").click()
        look("a code")
    assert wrong == {}


@pytest.mark.parametrize("script", [True, False])
def test_a_look_up_from_the_reason_to_who_looked(chromium: Browser, firm: Firm, script: bool) -> None:
    reason = f"Budget review {'with' if script else 'without'} script"
    with browsing(chromium, firm.address, script=script) as page:
        sign_in(page, firm, firm.auditor)
        look_up(page, firm, reason)
        theirs = page.locator(".figures").inner_html()
        page.get_by_role("button", name="30 days").click()
        expect(page.get_by_role("button", name="30 days")).to_have_attribute("aria-current", "true")
        page.goto(f"{firm.address}/audit?q={reason.replace(' ', '+')}")
        expect(page.locator("tbody tr")).to_have_count(2)

        sign_in(page, firm, firm.kim)
        expect(page).to_have_url(f"{firm.address}/me")
        expect(page.get_by_role("listitem").filter(has_text=reason).first).to_contain_text("Audit opened your figures")
        page.get_by_role("link", name="See their page about me").click()
        assert page.locator(".figures").inner_html() == theirs
        page.get_by_role("link", name="Who looked").click()
        expect(page.get_by_role("listitem").filter(has_text=reason)).to_have_count(2)
        expect(page.get_by_text("Ada Example")).to_have_count(0)


@pytest.mark.parametrize("script", [True, False])
def test_an_employee_leafs_through_their_events_and_takes_them_along(
    chromium: Browser, firm: Firm, script: bool
) -> None:
    with browsing(chromium, firm.address, script=script) as page:
        sign_in(page, firm, firm.kim, "/me")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Every event").click()
        first = page.locator("tbody th").first.inner_text()
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", first)
        page.get_by_role("link", name="Next page").click()
        expect(page.locator("tbody tr")).to_have_count(50)
        assert page.locator("tbody th").first.inner_text() < first
        with page.expect_download() as download:
            page.get_by_role("button", name="All my records, JSON").click()
        events = json.loads(download.value.path().read_text())["events"]
        foot = page.locator(".table__foot").inner_text()
        assert f"of {len(events)} events" in foot
        with page.expect_download() as download:
            page.get_by_role("button", name="All my records, CSV").click()
        assert len(download.value.path().read_text().splitlines()) == len(events) + 1


def test_the_keyboard_gets_a_reason_in_and_the_figures_out(chromium: Browser, firm: Firm) -> None:
    with browsing(chromium, firm.address) as page:
        sign_in(page, firm, firm.auditor, f"/people/{firm.kim}/usage")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # skip to content
        for _ in range(3):  # past the two links back to the directory
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == "reason"
        page.keyboard.type("By keyboard")
        page.keyboard.press("Enter")
        expect(page.get_by_text("This look is recorded")).to_be_visible()


def test_an_administrator_without_data_is_shown_how_to_begin(chromium: Browser, firm: Firm) -> None:
    with browsing(chromium, firm.address) as page:
        sign_in(page, firm)
        page.get_by_role("link", name="My usage").click()
        expect(page.get_by_role("heading", name="No device of yours is enrolled")).to_be_visible()
        page.get_by_role("button", name="Make a code").click()
        expect(page.get_by_text("toktra agent enrol portal-")).to_be_visible()
        page.get_by_role("link", name="Overview").click()
        expect(page).to_have_url(f"{firm.address}/")


@PICTURES
@pytest.mark.parametrize(
    ("name", "path", "scheme", "width"),
    [
        ("portal", "/me?period=30d", "light", 1440),
        ("portal-dark", "/me?period=30d", "dark", 1440),
        ("portal-phone", "/me?period=30d", "light", 390),
        ("portal-look-up", "", "light", 1440),
        ("portal-audit", "/audit", "light", 1440),
    ],
)
def test_pictures_for_the_documentation(
    chromium: Browser, firm: Firm, name: str, path: str, scheme: str, width: int
) -> None:
    with browsing(chromium, firm.address, scheme=scheme, width=width) as page:
        sign_in(page, firm, firm.auditor)
        look_up(page, firm, "November budget review")
        if path:
            sign_in(page, firm, firm.kim if path.startswith("/me") else firm.auditor, path)
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": min(height, 2400) if width > 800 else 1700})
        (IMAGES / f"{name}.png").write_bytes(page.screenshot())
