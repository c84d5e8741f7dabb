"""The site in a real Chromium: signing in, live figures, accessibility, narrow screens, and no request elsewhere."""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.end_to_end.browser.test_portal import PICTURES, looked_over
from tests.lab.axe import AXE, violations

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def quiet(site: Any) -> Any:
    """An organisation without any device."""
    return site.organisation("quiet", "Example organisation")


@pytest.fixture(scope="module")
def busy(site: Any) -> Any:
    """Seven people who have used AI for two months; every event came in through the device API."""
    organisation = site.organisation("busy", "Example organisation")
    chance = random.Random(11)
    for number in range(7):
        person = organisation.owner_id if number == 0 else organisation.add_person(f"Person {number}")
        device = organisation.enrol(person)
        events = some_use(chance, days=62)
        for first in range(0, len(events), 500):
            device.report(events[first : first + 500])
        organisation.change(
            "update device set enrolled_at = now() - interval '70 days' where device_id = %s", [device.enrolled.device]
        )
        # Reporting days of the past: only time itself could make them through the API.
        organisation.change(
            "insert into device_day (tenant_id, day, device_id) "
            "select %s, (now() at time zone 'UTC')::date - back, %s from generate_series(1, 62) back "
            "where not (back between 8 and 9 and %s) on conflict do nothing",
            [organisation.tenant.tenant_id, device.enrolled.device, number < 3],
        )
    return organisation


def some_use(chance: random.Random, days: int) -> list[dict[str, Any]]:
    """Weekdays busy, weekends not, a few providers; byte and token counts as such exchanges have them."""
    now = datetime.now(UTC).replace(microsecond=0)
    hosts = {"api.anthropic.com": 38, "chatgpt.com": 26, "api.openai.com": 20, "claude.ai": 10, "api.mistral.ai": 6}
    events = []
    for back in range(days, -1, -1):
        day = now - timedelta(days=back)
        many = chance.randint(0, 2) if day.weekday() >= 5 and back else chance.randint(6, 14)
        for place in range(many):
            tokens_in, tokens_out = int(chance.lognormvariate(8.3, 0.9)), int(chance.lognormvariate(6.4, 0.8))
            events.append(
                {
                    "provider_host": chance.choices(list(hosts), list(hosts.values()))[0],
                    "request_bytes": tokens_in * 4 + 900,
                    "response_bytes": tokens_out * 90 + 2200,
                    "estimated_input_tokens": tokens_in,
                    "estimated_output_tokens": tokens_out,
                    "at": day - timedelta(seconds=(many - place) * 97),
                    "user": "ada",
                }
            )
    return events


def use(**changes: Any) -> dict[str, Any]:
    return {
        "provider_host": "api.anthropic.com",
        "request_bytes": 16_000,
        "response_bytes": 80_000,
        "estimated_input_tokens": 4_000,
        "estimated_output_tokens": 800,
        "at": datetime.now(UTC).replace(microsecond=0),
        "user": "ada",
        **changes,
    }


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


def sign_in(page: Page, organisation: Any, path: str = "/") -> None:
    page.goto(organisation.sign_in_link())
    page.get_by_role("button", name="Sign in as Robin Example").click()
    page.wait_for_url(f"{organisation.address}/")
    if path != "/":
        page.goto(organisation.address + path)


def scrolls_sideways(page: Page) -> int:
    over: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return over


def small_targets(page: Page) -> list[str]:
    """Controls under 24 px (WCAG 2.2, 2.5.8); links within a sentence are exempt."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input, select, summary')].filter(element => {
            const box = element.getBoundingClientRect();
            return box.width && (box.height < 24 || box.width < 24) && getComputedStyle(element).display !== 'inline'
                && !element.matches('[type=radio], .vh, .skip');
        }).map(element => element.outerHTML.slice(0, 100))"""
    )
    return found


def test_the_rules_are_the_ones_in_the_manifest() -> None:
    manifest = tomllib.loads((AXE.parent / "manifest.toml").read_text())
    assert AXE.name == manifest["path"]
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == manifest["sha256"]


def test_every_page_is_accessible_and_fits(chromium: Browser, busy: Any, quiet: Any) -> None:
    wrong: dict[str, object] = {}
    with browsing(chromium, busy.address) as page:

        def look(what: str) -> None:
            if found := looked_over(page):
                wrong[what] = found

        page.goto(busy.sign_in_link())
        look("sign-in link")
        sign_in(page, busy, "/?period=30d")
        look("overview")
        page.get_by_label("Table", exact=True).check(force=True)
        look("overview with the table")
        for layer in page.evaluate(
            "[...document.querySelectorAll('[popover]')].filter(e => !e.checkVisibility()).map(e => e.id)"
        ):
            page.evaluate("id => document.getElementById(id).showPopover()", layer)
            look(f"overview with #{layer} open")
            page.evaluate("id => document.getElementById(id).hidePopover()", layer)
        page.goto(f"{busy.address}/what-is-collected")
        look("what is collected")
        sign_in(page, quiet)
        look("overview without a device")
        page.goto(f"{busy.address}/sign-in")
        look("not signed in")
    assert wrong == {}


def test_a_link_signs_in_and_signing_out_ends_it(chromium: Browser, quiet: Any) -> None:
    with browsing(chromium, quiet.address) as page:
        sign_in(page, quiet)
        expect(page.get_by_role("heading", name="No device is enrolled yet")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in**")
        expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


def test_new_use_appears_without_reloading_and_nothing_on_the_page_is_lost(chromium: Browser, site: Any) -> None:
    organisation = site.organisation("live", "Example organisation")
    device = organisation.enrol(organisation.owner_id)
    with browsing(chromium, site.address) as page:
        sign_in(page, organisation)
        expect(page.get_by_role("heading", name="No use so far")).to_be_visible()
        page.evaluate("window.stillHere = true")
        device.report([use(), use()])
        exchanges = page.locator(".stat", has_text="Exchanges").locator(".stat__value")
        expect(exchanges).to_have_text("2", timeout=15_000)
        expect(page.get_by_text("Newest record: under a minute ago")).to_be_visible()

        page.get_by_label("Table", exact=True).check(force=True)
        page.get_by_role("button", name="How this figure came about: cost").click()
        expect(page.locator("#why-cost")).to_be_visible()
        focused = page.evaluate("document.activeElement.outerHTML.slice(0, 60)")
        device.report([use()])
        expect(exchanges).to_have_text("3", timeout=15_000)
        expect(page.get_by_label("Table", exact=True)).to_be_checked()
        expect(page.locator("#days-figures")).to_be_visible()
        expect(page.locator("#why-cost")).to_be_visible()
        assert page.evaluate("document.activeElement.outerHTML.slice(0, 60)") == focused
        assert page.evaluate("window.stillHere"), "the page was reloaded"
        assert violations(page) == []


def test_a_page_that_nobody_sees_asks_for_nothing(chromium: Browser, busy: Any) -> None:
    with browsing(chromium, busy.address) as page:
        sign_in(page, busy)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/overview/" in request.url else None)
        poll = "document.querySelector('[data-live]').dispatchEvent(new CustomEvent('seen'))"
        page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
        page.evaluate(poll)
        page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        assert asked == []
        page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
        with page.expect_response("**/overview/figures*") as answer:
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        assert answer.value.status in {200, 204}


def test_when_the_server_is_gone_the_figures_stay_and_a_note_says_so(chromium: Browser, busy: Any) -> None:
    context = chromium.new_context()
    page = context.new_page()
    try:
        sign_in(page, busy)
        page.route("**/overview/figures*", lambda route: route.abort())
        expect(page.get_by_text("Not updating")).to_be_visible(timeout=15_000)
        expect(page.get_by_role("heading", name="Tokens a day")).to_be_visible()
        page.unroute("**/overview/figures*")
        expect(page.get_by_text("Not updating")).to_be_hidden(timeout=15_000)
    finally:
        context.close()


def test_everything_is_there_without_script(chromium: Browser, busy: Any) -> None:
    with browsing(chromium, busy.address, script=False) as page:
        sign_in(page, busy)
        expect(page.locator(".plot__svg")).to_be_visible()
        page.get_by_label("Table", exact=True).check(force=True)
        expect(page.locator("#days-figures")).to_be_visible()
        page.get_by_role("link", name="30 days").click()
        expect(page.get_by_role("heading", name="AI use in the last 30 days")).to_be_visible()
        page.get_by_role("button", name="How this figure came about: tokens").click()
        expect(page.get_by_text("Tokens cannot be read without reading text")).to_be_visible()


def test_the_keyboard_reaches_everything(chromium: Browser, busy: Any) -> None:
    with browsing(chromium, busy.address) as page:
        sign_in(page, busy)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        why = page.get_by_role("button", name="How this figure came about: cost")
        for _ in range(12):
            page.keyboard.press("Tab")
            if why.evaluate("element => element === document.activeElement"):
                break
        page.keyboard.press("Enter")
        expect(page.locator("#why-cost")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#why-cost")).to_be_hidden()
        assert why.evaluate("element => element === document.activeElement")


@PICTURES
@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [("overview", "light", 1440), ("overview-dark", "dark", 1440), ("overview-phone", "light", 390)],
)
def test_pictures_for_the_documentation(chromium: Browser, busy: Any, name: str, scheme: str, width: int) -> None:
    with browsing(chromium, busy.address, scheme=scheme, width=width) as page:
        sign_in(page, busy, "/?period=30d")
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": height if width > 800 else 1700})
        (IMAGES / f"{name}.png").write_bytes(page.screenshot())
