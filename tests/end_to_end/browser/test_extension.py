"""The extension in a real Chromium, between local servers under providers' names and an agent's own parts."""

from __future__ import annotations

import os
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest
import trustme
from aioquic.quic.packet import QuicProtocolVersion
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import BrowserContext, Page, sync_playwright
from tests.agent import device as device_module
from tests.agent.device import Device
from tests.agent.privacy_hours.machine import Machine
from tests.lab.extended import extended
from tests.lab.providers import Providers, providers
from tests.lab.quic_server import CountingQuicServer
from tests.lab.server import TlsServer

from toktra.agent.browser import merge
from toktra.agent.browser.identity import NATIVE_HOST, chrome_id
from toktra.agent.browser.install import install, of_account
from toktra.agent.capture.observed import Exchange, ObservedExchange
from toktra.agent.control_client import ask
from toktra.agent.control_messages import PauseFor, Resume, Show
from toktra.agent.privacy_hours.clock import Reading
from toktra.wire.events import UsageEvent

ME = os.geteuid()
WITHIN_S = 30.0

pytestmark = pytest.mark.browser


class MachineNow(Machine):
    """As the machine in little, by the clocks that a browser sees too."""

    def read(self) -> Reading:
        return Reading(wall_s=time.time(), monotonic_s=time.monotonic(), boot="first")


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_module, "Machine", MachineNow)
        patch.setattr(merge, "HOLD_S", 0.5)
        running = Device(tmp_path_factory.mktemp("state"))
        yield running
        running.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Providers]:
    with providers() as running:
        yield running


@pytest.fixture(scope="module")
def http2() -> Iterator[TlsServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    with TlsServer(listener, trustme.CA(), ["localhost"], alpn=["h2"]) as running:
        yield running


@pytest.fixture(scope="module")
def http3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountingQuicServer]:
    files = tmp_path_factory.mktemp("quic")
    certificate = trustme.CA().issue_cert("api.mistral.ai")
    certificate.private_key_pem.write_to_path(files / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(files / "certificate.pem")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        version = QuicProtocolVersion.VERSION_1
        with CountingQuicServer(listener, files / "certificate.pem", files / "key.pem", version=version) as running:
            yield running


def key_digest(server: CountingQuicServer) -> str:
    """By which Chromium takes a certificate over QUIC, where it takes nobody's word but this."""
    public = server.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(public).digest()).decode()


@pytest.fixture(scope="module")
def running(
    device: Device,
    served: Providers,
    http2: TlsServer,
    http3: CountingQuicServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserContext]:
    tmp_path = tmp_path_factory.mktemp("browser")
    profile = tmp_path / "profile"
    written = install(of_account(tmp_path / "home"), state=device.path)
    target = profile / "NativeMessagingHosts" / f"{NATIVE_HOST}.json"
    target.parent.mkdir(parents=True)
    target.write_text(written["Chromium"].read_text())
    rules = [
        f"MAP api.anthropic.com:443 127.0.0.1:{http2.port}",
        f"MAP api.mistral.ai:443 127.0.0.1:{http3.port}",
        f"MAP *:443 127.0.0.1:{served.port}",
    ]
    with sync_playwright() as playwright:
        context = extended(
            playwright,
            profile,
            "--enable-quic",
            "--origin-to-force-quic-on=api.mistral.ai:443",
            f"--ignore-certificate-errors-spki-list={key_digest(http3)}",
            "--ignore-certificate-errors",
            f"--host-resolver-rules={', '.join(rules)}",
        )
        yield context
        context.close()


@pytest.fixture
def chromium(running: BrowserContext, device: Device, served: Providers) -> BrowserContext:
    """The one browser of this file, with nothing recorded or asked yet."""
    device.order(lambda: device._spool.acknowledge(len(device._spool.next_batch().events)))
    device.order(device._spool.begin_epoch)
    served.asked.clear()
    return running


def events(device: Device) -> list[UsageEvent]:
    """What was recorded since the test began."""
    return device.order(lambda: device._spool.next_batch(100).events)


def post(page: Page, url: str, size: int = 10) -> None:
    page.evaluate(
        "([url, size]) => fetch(url, {method: 'POST', body: 'x'.repeat(size)}).then((answer) => answer.text())",
        [url, size],
    )


def test_uses_in_a_page_become_events_and_nothing_else_does(
    device: Device, served: Providers, chromium: BrowserContext
) -> None:
    page = chromium.new_page()
    page.goto("https://chatgpt.com/")
    post(page, "/backend-api/conversation?stream=1", 500)
    post(page, "https://api.openai.com/v1/responses", 2000)
    post(page, "/ces/v1/telemetry")  # the same site, and no use
    post(page, "https://news.example/comments")  # no provider
    page.evaluate("fetch('/backend-api/conversation')")  # asks for nothing
    page.goto("https://shop.example/")
    until(lambda: len(events(device)) >= 2, "the two uses")

    told = events(device)
    assert sorted(one.provider_host for one in told) == ["api.openai.com", "chatgpt.com"]
    [api] = [one for one in told if one.provider_host == "api.openai.com"]
    assert api.response_bytes == served.of("api.openai.com")[0].response_bytes == 1000
    assert {one.user for one in told} == {device._recorder._accounts.name(ME)}
    worker = chromium.service_workers[0]
    kept = worker.evaluate("chrome.storage.session.get()")
    assert (kept["waiting"], kept["open"]) == ([], [])
    assert set(worker.evaluate("chrome.storage.local.get()")) == set()


def test_websockets_http2_and_a_worker_that_is_killed_in_the_middle(
    device: Device, served: Providers, http2: TlsServer, chromium: BrowserContext
) -> None:
    page = chromium.new_page()
    page.goto("https://chatgpt.com/")
    page.evaluate(
        "new Promise((over) => { new WebSocket('wss://api.openai.com/v1/realtime').onclose = over }).then(() => 1)"
    )
    page.evaluate("fetch('https://api.anthropic.com/bytes/1000', {method: 'POST', mode: 'no-cors', body: 'x'})")
    page.evaluate(
        "window.over = fetch('/backend-api/conversation?stream=slow', {method: 'POST', body: 'x'})"
        ".then((answer) => answer.text()).then((text) => text.length); 1"
    )
    popup = chromium.new_page()
    popup.goto(f"chrome-extension://{chrome_id()}/popup.html")
    devtools = chromium.new_cdp_session(popup)
    devtools.send("ServiceWorker.enable")
    worker = chromium.service_workers[0]
    kept = "chrome.storage.session.get('open').then(({ open }) => open.map(([, one]) => one.host))"
    until(lambda: worker.evaluate(kept) == ["chatgpt.com"], "what the next worker finds")
    devtools.send("ServiceWorker.stopAllWorkers")
    assert page.evaluate("window.over") == 4000
    until(lambda: len(events(device)) >= 3, "three uses")
    assert sorted(one.provider_host for one in events(device)) == ["api.anthropic.com", "api.openai.com", "chatgpt.com"]
    assert [one.requests for one in http2.connections if one.requests] == [["/bytes/1000"]]


def test_what_a_reader_stops_is_a_use_once_its_answer_began(
    device: Device, served: Providers, chromium: BrowserContext
) -> None:
    page = chromium.new_page()
    page.goto("https://chatgpt.com/")
    page.evaluate("""
      window.ask = (path) => {
        window.asked = new AbortController();
        return fetch(path, {method: 'POST', body: 'x', signal: window.asked.signal});
      };
    """)
    page.evaluate("""
      window.ask('/backend-api/conversation?stream=slow').then((answer) => answer.body.getReader().read())
        .then(() => window.asked.abort())
    """)
    page.evaluate("window.ask('/backend-api/conversation?never').catch(() => 0); 1")
    until(lambda: served.of("chatgpt.com"), "the request that is not answered")
    page.evaluate("window.asked.abort()")
    post(page, "https://claude.ai/api/organizations/o/chat_conversations/c/completion")
    until(lambda: len(events(device)) >= 2, "both uses")
    assert sorted(one.provider_host for one in events(device)) == ["chatgpt.com", "claude.ai"]


def test_what_goes_over_http3_is_told_as_its_server_counts_it(
    device: Device, http3: CountingQuicServer, chromium: BrowserContext
) -> None:
    page = chromium.new_page()
    page.goto("https://chatgpt.com/")
    paths = ["/v1/chat/completions/3000", "/v1/chat/completions/70000"]
    for path in paths:
        page.evaluate(
            "(url) => fetch(url, {method: 'POST', mode: 'no-cors', body: 'x'.repeat(5000)}).then(() => 1)",
            f"https://api.mistral.ai{path}",
        )
    page.evaluate("fetch('https://api.mistral.ai/v1/models/10', {mode: 'no-cors'}).then(() => 1)")  # no use
    until(lambda: len(events(device)) >= 2, "both uses")
    answers = [("api.mistral.ai", path, int(path.rpartition("/")[2])) for path in paths]
    assert http3.answers == [*answers, ("api.mistral.ai", "/v1/models/10", 10)]
    assert [(one.provider_host, one.response_bytes) for one in events(device)] == [
        (host, size) for host, _, size in answers
    ]


def test_what_the_network_saw_too_is_one(device: Device, served: Providers, chromium: BrowserContext) -> None:
    page = chromium.new_page()
    page.goto("https://chatgpt.com/")
    began = time.time()
    post(page, "/backend-api/conversation", 500)

    def network_sees() -> None:
        exchange = Exchange(
            request_bytes=3000,
            control_bytes=0,
            response_bytes=2400,
            segments_out=3,
            segments_in=2,
            first_on_connection=True,
            continued=False,
            started_at=began,
            first_byte_at=None,
            ended_at=time.time(),
        )
        device._spool.append(
            device._recorder.events(
                device._gate._source._merge.network(  # type: ignore[attr-defined]
                    [ObservedExchange(provider_host="chatgpt.com", uid=ME, exchange=exchange)], time.time()
                )
            )
        )

    device.order(network_sees)
    post(page, "https://claude.ai/api/organizations/o/chat_conversations/c/completion")
    until(lambda: len(events(device)) >= 2, "the use only the browser saw")
    told = {one.provider_host: one for one in events(device)}
    assert told.keys() == {"chatgpt.com", "claude.ai"}
    assert (told["chatgpt.com"].request_bytes, told["chatgpt.com"].response_bytes) == (3000, 2400)


def test_private_time_leaves_no_trace_and_the_popup_says_so(
    device: Device, served: Providers, chromium: BrowserContext
) -> None:
    page = chromium.new_page()
    page.goto("https://chatgpt.com/")
    ask(device.control_path, PauseFor(minutes=30))
    post(page, "/backend-api/conversation")
    worker = chromium.service_workers[0]
    until(
        lambda: worker.evaluate("chrome.storage.session.get()").get("privateUntil", 0) > time.time(),
        "word of the pause",
    )
    post(page, "/backend-api/conversation")
    popup = chromium.new_page()
    popup.goto(f"chrome-extension://{chrome_id()}/popup.html")
    popup.wait_for_selector("[data-state=private]")
    assert "Private until" in popup.inner_text("#headline")
    popup.click("#resume")
    popup.wait_for_selector("[data-state=observed]")
    assert not ask(device.control_path, Show()).private
    assert events(device) == []
    popup.keyboard.press("Tab")
    popup.click("#half-hour")
    popup.wait_for_selector("[data-state=private]")
    assert events(device) == []

    ask(device.control_path, Resume())  # elsewhere; the worker finds out
    worker.evaluate("chrome.storage.session.set({ askedAt: 0 })")
    post(page, "/backend-api/conversation")
    until(lambda: [one.provider_host for one in events(device)] == ["chatgpt.com"], "the use after private time")
