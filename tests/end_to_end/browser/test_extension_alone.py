"""The extension in a real Chromium on a machine without an agent, against the real server and local providers.

What the server's ledger holds is compared with what the providers counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright
from tests.lab.providers import Providers, providers

from toktra.agent.browser.identity import chrome_id
from toktra.server.database.pool import Database
from toktra.server.devices.service import create_enrolment_code

if TYPE_CHECKING:
    from tests.end_to_end.browser.conftest import Organisation, Site

ROOT = Path(__file__).parents[3]
CHROMIUM = Path("/usr/bin/chromium")
AXE = (ROOT / "tests" / "data" / "axe" / "axe.min.js").read_text()
WITHIN_S = 40.0
POPUP = f"chrome-extension://{chrome_id()}/popup.html"

pytestmark = pytest.mark.browser


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.05)


@dataclass
class Alone:
    """A browser on a machine without an agent."""

    context: BrowserContext
    profile: Path
    served: Providers
    organisation: Organisation

    def page(self, host: str = "chatgpt.com") -> Page:
        page = self.context.new_page()
        page.goto(f"https://{host}/")
        return page

    def popup(self) -> Page:
        popup = self.context.new_page()
        popup.set_viewport_size({"width": 360, "height": 900})
        popup.goto(POPUP)
        popup.wait_for_selector(".now:not([data-state=asking])")
        return popup

    def kept(self, name: str) -> Any:
        """What the extension keeps on the disk under a name."""
        return self.popup_once("return new (await import('/alone/database.js')).Database().get(args)", name)

    def popup_once(self, script: str, args: object = None) -> Any:
        popup = self.popup()
        try:
            return popup.evaluate(f"async (args) => {{ {script} }}", args)
        finally:
            popup.close()

    def told(self) -> list[tuple[str, int, int, int]]:
        """What the ledger holds: host, bytes of the answer, estimated tokens."""
        with psycopg.connect(self.organisation.superuser_url) as connection:
            rows = connection.execute(
                "select provider_host, response_bytes, estimated_input_tokens, estimated_output_tokens"
                " from usage_event where tenant_id = %s order by at, sequence",
                [self.organisation.tenant.tenant_id],
            )
            return [(host, received, tokens_in, tokens_out) for host, received, tokens_in, tokens_out in rows]


def post(page: Page, url: str, size: int = 10) -> None:
    page.evaluate(
        "([url, size]) => fetch(url, {method: 'POST', body: 'x'.repeat(size)}).then((answer) => answer.text())",
        [url, size],
    )


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found]


@pytest.fixture(scope="module")
def organisation(site: Site) -> Organisation:
    return site.organisation("alone", "Alone Example Ltd")


@pytest.fixture(scope="module")
def alone(organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    profile = tmp_path_factory.mktemp("alone") / "profile"
    with providers() as served, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=False,
            locale="en-GB",
            ignore_default_args=["--disable-extensions"],
            args=[
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--ignore-certificate-errors",
                f"--host-resolver-rules=MAP *:443 127.0.0.1:{served.port}",
                f"--disable-extensions-except={ROOT / 'extension'}",
                f"--load-extension={ROOT / 'extension'}",
            ],
        )
        if not context.service_workers:
            context.wait_for_event("serviceworker", timeout=20_000)
        yield Alone(context, profile, served, organisation)
        context.close()


def code(organisation: Organisation, person_id: UUID | None = None) -> str:
    async def make() -> str:
        async with Database(organisation.app_url, connections=1) as database:
            return str(await create_enrolment_code(database, organisation.tenant, person_id=person_id))

    with ThreadPoolExecutor(1) as executor:  # the browser's driver runs a loop in this thread
        return executor.submit(asyncio.run, make()).result()


def test_an_employee_enrols_the_browser_and_its_uses_reach_the_ledger(alone: Alone) -> None:
    page = alone.page()
    post(page, "/backend-api/conversation")  # before: nobody's business
    popup = alone.popup()
    assert "not enrolled" in popup.inner_text("#sentence")
    popup.click("#enrolment summary")
    assert violations(popup) == []
    for server, wrong, said in [
        ("http://toktra.example.org", "alone-aaaa-bbbb-cccc", "Server: write its address"),
        (alone.organisation.address, "short", "Enrolment code: write it"),
        (alone.organisation.address, "alone-aaaa-bbbb-cccc", "not known here"),
        ("https://chatgpt.com", "alone-aaaa-bbbb-cccc", "not a Toktra server"),
        ("http://127.0.0.1:9", "alone-aaaa-bbbb-cccc", "cannot be reached"),
    ]:
        popup.fill("#server", server)
        popup.fill("#code", wrong)
        popup.press("#code", "Enter")
        until(lambda: said in popup.inner_text("#enrol-error"), said)  # noqa: B023
    popup.fill("#server", alone.organisation.address)
    popup.fill("#code", code(alone.organisation, alone.organisation.owner_id))
    popup.press("#code", "Enter")
    popup.wait_for_selector("[data-state=observed]")
    assert "Alone Example Ltd" in popup.inner_text("#sentence")
    post(page, "/backend-api/conversation?stream=1", 500)
    post(page, "https://api.openai.com/v1/responses", 2000)
    post(page, "/ces/v1/telemetry")
    page.goto("https://shop.example/")
    until(lambda: len(alone.told()) >= 2, "the two uses")
    assert sorted(host for host, *_ in alone.told()) == ["api.openai.com", "chatgpt.com"]
