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
from psycopg.types.json import Jsonb
from tests.agent import device as device_module
from tests.agent.device import Device
from tests.agent.privacy_hours.machine import Machine
from tests.lab.extended import extended
from tests.lab.providers import Providers, providers

from toktra.agent.browser import merge
from toktra.agent.browser.identity import NATIVE_HOST, chrome_id
from toktra.agent.browser.install import install, of_account
from toktra.agent.control_client import ask
from toktra.agent.control_messages import Show
from toktra.agent.privacy_hours.clock import Reading
from toktra.server.database.pool import Database
from toktra.server.devices.service import create_enrolment_code

if TYPE_CHECKING:
    from tests.end_to_end.browser.conftest import Organisation, Site

ROOT = Path(__file__).parents[3]
AXE = (ROOT / "tests" / "data" / "axe" / "axe.min.js").read_text()
WITHIN_S = 40.0
POPUP = f"chrome-extension://{chrome_id()}/popup.html"

pytestmark = pytest.mark.browser


class MachineNow(Machine):
    """By the clocks that a browser sees too."""

    def read(self) -> Reading:
        return Reading(wall_s=time.time(), monotonic_s=time.monotonic(), boot="first")


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
        context = extended(
            playwright,
            profile,
            "--disable-quic",
            "--ignore-certificate-errors",
            f"--host-resolver-rules=MAP *:443 127.0.0.1:{served.port}",
            locale="en-GB",
        )
        yield Alone(context, profile, served, organisation)
        context.close()


def code(organisation: Organisation, person_id: UUID | None = None) -> str:
    async def make() -> str:
        async with Database(organisation.app_url, connections=1) as database:
            return str(await create_enrolment_code(database, organisation.tenant, person_id=person_id))

    with ThreadPoolExecutor(1) as executor:  # the browser's driver runs a loop in this thread
        return executor.submit(asyncio.run, make()).result()


def enrol(alone: Alone, popup: Page, person_id: UUID | None = None) -> None:
    popup.fill("#server", alone.organisation.address)
    popup.fill("#code", code(alone.organisation, person_id))
    popup.press("#code", "Enter")
    popup.wait_for_selector("#alone:not([hidden])")


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
    enrol(alone, popup, alone.organisation.owner_id)
    assert "Alone Example Ltd" in popup.inner_text("#sentence")
    alone.served.asked.clear()

    post(page, "/backend-api/conversation?stream=1", 500)
    post(page, "https://api.openai.com/v1/responses", 2_000_000)
    page.evaluate(
        "new Promise((over) => { new WebSocket('wss://api.openai.com/v1/realtime').onclose = over }).then(() => 1)"
    )
    post(page, "/ces/v1/telemetry")  # the same site, and no use
    post(page, "https://news.example/comments")
    page.evaluate("fetch('/backend-api/conversation')")
    page.goto("https://shop.example/")
    until(lambda: len(alone.told()) >= 3, "the three uses")
    [api] = [one for one in alone.served.of("api.openai.com") if one.path == "/v1/responses"]
    told = alone.told()
    assert sorted((host, received) for host, received, _, _ in told) == [
        ("api.openai.com", 0),  # the WebSocket: no size is told, and none made up
        ("api.openai.com", api.response_bytes),
        ("chatgpt.com", 0),
    ]
    assert all(tokens_in >= 1 for _, _, tokens_in, _ in told)

    popup.reload()
    popup.wait_for_selector("[data-state=observed]")
    assert popup.inner_text("#exchanges") == "3"
    assert "–" in popup.inner_text("#tokens")
    assert popup.locator("#left li").count() == 3
    assert violations(popup) == []
    identity = alone.popup_once(
        "const { Database } = await import('/alone/database.js');"
        "const { privateKey, ...rest } = await new Database().get('identity');"
        "const out = await crypto.subtle.exportKey('pkcs8', privateKey).catch((error) => error.name);"
        "return { ...rest, out, extractable: privateKey.extractable, usages: privateKey.usages }"
    )
    assert (identity["out"], identity["extractable"], identity["usages"]) == ("InvalidAccessError", False, ["sign"])
    worker = alone.context.service_workers[0]
    assert worker.evaluate("chrome.storage.local.get()") == {}
    assert worker.evaluate("chrome.storage.session.get()")["waiting"] == []


def test_a_worker_killed_in_the_middle_and_a_page_that_asks_too_much_lose_and_invent_nothing(alone: Alone) -> None:
    before = len(alone.told())
    page = alone.page()
    page.evaluate(
        "window.over = fetch('/backend-api/conversation?stream=slow', {method: 'POST', body: 'x'})"
        ".then((answer) => answer.text()).then((text) => text.length); 1"
    )
    popup = alone.popup()
    devtools = alone.context.new_cdp_session(popup)
    devtools.send("ServiceWorker.enable")
    kept = "chrome.storage.session.get('open').then(({ open }) => open.length)"
    until(lambda: popup.evaluate(kept) == 1, "what the next worker finds")
    devtools.send("ServiceWorker.stopAllWorkers")
    assert page.evaluate("window.over") == 4000
    until(lambda: len(alone.told()) == before + 1, "the use that outlived its worker")

    alone.served.asked.clear()
    script = """
      (async () => {
        const path = '/backend-api/conversation';
        const one = () => fetch(path, {method: 'POST', body: 'x'}).then((answer) => answer.text());
        let done = 0;
        for (let round = 0; round < 3; round++) {
          const over = await Promise.allSettled(Array.from({length: 100}, one));
          done += over.filter(({status}) => status === 'fulfilled').length;
        }
        return done;
      })()
    """
    asked = page.evaluate(script)
    assert asked == len(alone.served.of("chatgpt.com")) == 300
    until(lambda: len(alone.told()) >= before + 1 + asked, "all of them")
    devtools.send("ServiceWorker.stopAllWorkers")
    popup.reload()
    popup.wait_for_selector("[data-state=observed]")
    assert len(alone.told()) == before + 1 + asked
    assert popup.inner_text("#trouble") == ""


def test_private_and_personal_time_leave_nothing_anywhere(alone: Alone) -> None:
    before = len(alone.told())
    page = alone.page()
    popup = alone.popup()

    def use() -> None:
        post(page, "/backend-api/conversation")

    def settled() -> None:
        """A use after it came through, so what came before it had its time."""
        known = len(alone.told())
        post(page, "https://api.openai.com/v1/responses")
        until(lambda: len(alone.told()) > known, "the use after it")

    popup.keyboard.press("Tab")
    popup.focus("#half-hour")
    popup.keyboard.press("Enter")
    popup.wait_for_selector("[data-state=private]")
    assert "Private until" in popup.inner_text("#headline")
    assert popup.evaluate("document.activeElement.id") == "resume"  # what was pressed is gone
    assert violations(popup) == []
    use()
    popup.keyboard.press("Enter")
    popup.wait_for_selector("[data-state=observed]")
    settled()
    assert [host for host, *_ in alone.told()[before:]] == ["api.openai.com"]

    popup.click("#personal-on")
    popup.wait_for_selector("[data-state=personal]")
    assert "recorded nowhere" in popup.inner_text("#sentence")
    assert "not to your personal ledger" in popup.inner_text("#personal-means")
    assert violations(popup) == []
    use()
    popup.click("#personal-off")
    popup.wait_for_selector("[data-state=observed]")
    settled()

    popup.click("#more-hours summary")
    popup.click("#window button")
    popup.fill("#from", "0:00")
    popup.fill("#to", "24:00")
    popup.press("#to", "Enter")
    until(lambda: "at least one day" in popup.inner_text("#window-error"), "the missing day")
    for box in popup.locator("#days input").all():
        box.check()
    popup.press("#to", "Enter")
    popup.wait_for_selector("[data-state=private]")
    assert popup.locator("#windows li").count() == 1
    assert violations(popup) == []
    use()
    worker = alone.context.service_workers[0]
    assert worker.evaluate("chrome.storage.session.get()").get("open", []) == []
    popup.click("#windows button")
    popup.wait_for_selector("[data-state=observed]")
    settled()
    assert {host for host, *_ in alone.told()[before:]} == {"api.openai.com"}
    assert len(alone.told()) == before + 3


def test_a_works_agreement_adds_private_time_that_only_its_owner_lets_go(alone: Alone) -> None:
    before = len(alone.told())
    popup = alone.popup()

    def agree(version: int, windows: list[dict[str, object]]) -> None:
        alone.organisation.change(
            "insert into works_agreement (tenant_id, version, title, schedule) values (%s, %s, 'Always', %s)",
            [alone.organisation.tenant.tenant_id, version, Jsonb({"zone": "Europe/Berlin", "windows": windows})],
        )
        devtools = alone.context.new_cdp_session(popup)
        devtools.send("ServiceWorker.enable")
        devtools.send("ServiceWorker.stopAllWorkers")  # the next one asks at once
        popup.evaluate("chrome.alarms.create('upload', { when: Date.now() })")

    def shows(selector: str) -> bool:
        popup.reload()
        popup.wait_for_selector("#alone:not([hidden])")
        return popup.is_visible(selector)

    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    agree(1, [{"every": "week", "days": days, "start_minute": 0, "end_minute": 1440}])
    until(lambda: shows("[data-state=private]"), "the agreement's time")
    assert "works agreement" in popup.inner_text("#windows")
    assert popup.is_hidden("#resume")
    page = alone.page()
    post(page, "/backend-api/conversation")

    agree(2, [])
    until(lambda: shows("#changed"), "that it waits")
    assert popup.get_attribute("#now", "data-state") == "private"  # nobody else takes it away
    assert violations(popup) == []
    popup.click("#confirm-weeks")
    popup.wait_for_selector("[data-state=observed]")
    post(page, "https://api.openai.com/v1/responses")
    until(lambda: len(alone.told()) > before, "the use after it")
    assert [host for host, *_ in alone.told()[before:]] == ["api.openai.com"]


def test_a_revoked_browser_says_so_keeps_counting_and_goes_on_once_it_is_enrolled_anew(alone: Alone) -> None:
    before = len(alone.told())
    alone.organisation.change(
        "update device set status = 'revoked' where tenant_id = %s", [alone.organisation.tenant.tenant_id]
    )
    page = alone.page()
    post(page, "/backend-api/conversation")
    popup = alone.popup()

    def trouble() -> bool:
        popup.reload()
        popup.wait_for_selector("#alone:not([hidden])")
        return "has shut this browser out" in popup.inner_text("#trouble")

    until(trouble, "that it is shut out")
    assert "revoked" in popup.inner_text("#trouble")
    assert "Waiting to be sent: 1" in popup.inner_text("#waiting")
    assert violations(popup) == []
    popup.click("#enrolment summary")
    enrol(alone, popup)
    until(lambda: len(alone.told()) == before + 1, "what waited")
    until(lambda: popup.inner_text("#trouble") == "", "that all is well")
    assert popup.inner_text("#waiting") == ""


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """An agent's own parts, by the clocks that a browser sees too."""
    monkeypatch.setattr(device_module, "Machine", MachineNow)
    monkeypatch.setattr(merge, "HOLD_S", 0.5)
    (tmp_path / "state").mkdir()
    running = Device(tmp_path / "state")
    yield running
    running.close()


def test_an_agent_that_comes_later_counts_from_then_on_and_nothing_is_in_both(
    alone: Alone, device: Device, tmp_path: Path
) -> None:
    def of_agent() -> list[str]:
        return [one.provider_host for one in device.order(lambda: device._spool.next_batch(100).events)]

    page = alone.page()
    before = len(alone.told())
    post(page, "/backend-api/conversation")
    until(lambda: len(alone.told()) == before + 1, "the last use without it")
    written = install(of_account(tmp_path / "home"), state=device.path)
    target = alone.profile / "NativeMessagingHosts" / f"{NATIVE_HOST}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(written["Chromium"].read_text())

    post(page, "https://api.openai.com/v1/responses")
    post(page, "https://claude.ai/api/organizations/o/chat_conversations/c/completion")
    until(lambda: len(of_agent()) >= 2, "the uses with it")
    popup = alone.popup()
    popup.wait_for_selector("[data-state=observed]")
    assert popup.is_hidden("#alone")
    assert popup.is_hidden("#personal")  # this account takes no part in Token Perks
    popup.click("#half-hour")
    popup.wait_for_selector("[data-state=private]")
    assert ask(device.control_path, Show()).private
    post(page, "/backend-api/conversation")
    popup.click("#resume")
    popup.wait_for_selector("[data-state=observed]")
    assert sorted(of_agent()) == ["api.openai.com", "claude.ai"]
    assert len(alone.told()) == before + 1

    target.unlink()
    post(page, "/backend-api/conversation")
    until(lambda: len(alone.told()) == before + 2, "the use after it was removed")
    assert sorted(of_agent()) == ["api.openai.com", "claude.ai"]
