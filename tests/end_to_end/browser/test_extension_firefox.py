"""The extension in a real Firefox ESR, between local servers under providers' names and an agent's own parts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from aioquic.quic.packet import QuicProtocolVersion
from tests.agent import device as device_module
from tests.agent.device import Device
from tests.agent.privacy_hours.machine import Machine
from tests.lab.firefox import Firefox, firefox
from tests.lab.providers import Providers, providers
from tests.lab.quic_server import CountingQuicServer
from tests.lab.server import TlsServer

from toktra.agent.browser import merge
from toktra.agent.browser.install import install, of_account
from toktra.agent.control_client import ask
from toktra.agent.control_messages import PauseFor, Resume
from toktra.agent.privacy_hours.clock import Reading
from toktra.wire.events import UsageEvent

ROOT = Path(__file__).parents[3]
PROGRAM = shutil.which("firefox-esr")
WITHIN_S = 30.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="firefox-esr is not installed"),
]


class MachineNow(Machine):
    """By the clocks that a browser sees too."""

    def read(self) -> Reading:
        return Reading(wall_s=time.time(), monotonic_s=time.monotonic(), boot="first")


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.02)


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    monkeypatch.setattr(device_module, "Machine", MachineNow)
    monkeypatch.setattr(merge, "HOLD_S", 0.5)
    (tmp_path / "state").mkdir()
    running = Device(tmp_path / "state")
    yield running
    running.close()


MOST_HEADERS = 600
"""Bytes of the headers of an answer here, its chunks' lengths among them."""


@pytest.fixture
def served() -> Iterator[Providers]:
    with providers() as running:
        yield running


@pytest.fixture
def http2() -> Iterator[TlsServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    with TlsServer(listener, trustme.CA(), ["localhost"], alpn=["h2"]) as running:
        yield running


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def http3(authority: trustme.CA, tmp_path: Path) -> Iterator[CountingQuicServer]:
    certificate = authority.issue_cert("api.mistral.ai")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        version = QuicProtocolVersion.VERSION_1
        with CountingQuicServer(
            listener, tmp_path / "certificate.pem", tmp_path / "key.pem", version=version
        ) as running:
            yield running


@pytest.fixture
def browser(
    device: Device,
    served: Providers,
    http2: TlsServer,
    http3: CountingQuicServer,
    authority: trustme.CA,
    tmp_path: Path,
) -> Iterator[Firefox]:
    home = tmp_path / "home"
    install(of_account(home), state=device.path)
    package, unpacked = tmp_path / "package.zip", tmp_path / "extension"
    build = [sys.executable, str(ROOT / "scripts/build_extension.py"), "--pack", "firefox", str(package)]
    subprocess.run(build, check=True)
    with zipfile.ZipFile(package) as whole:
        whole.extractall(unpacked)
    assert PROGRAM is not None
    of_host, quic_to = {"api.anthropic.com": http2.port}, {"api.mistral.ai": http3.port}
    with firefox(PROGRAM, home, tls_to=served.port, of_host=of_host, quic_to=quic_to) as running:
        running.trust(authority.cert_pem.bytes())
        running.install(unpacked)
        yield running


def events(device: Device) -> list[UsageEvent]:
    return device.order(lambda: device._spool.next_batch(100).events)


def post(browser: Firefox, url: str, size: int = 10) -> None:
    body = "return (await (await fetch(args[0], {method: 'POST', body: 'x'.repeat(args[1])})).text()).length"
    answered = browser.run(body, url, size)
    assert isinstance(answered, int), answered


def test_uses_become_events_and_private_time_none(
    device: Device, served: Providers, http2: TlsServer, http3: CountingQuicServer, browser: Firefox
) -> None:
    browser.go("https://chatgpt.com/")
    post(browser, "/backend-api/conversation?stream=1", 500)
    post(browser, "https://api.openai.com/v1/responses", 20_000)
    post(browser, "/ces/v1/telemetry")
    post(browser, "https://news.example/comments")
    until(lambda: len(events(device)) >= 2, "the two uses")
    told = {one.provider_host: one for one in events(device)}
    assert told.keys() == {"chatgpt.com", "api.openai.com"}
    # Firefox tells a request's size with its headers, or tells 0: then it is the length that the answer names, and of a
    # streamed answer, which names none, nothing is made up.
    [asked] = served.of("api.openai.com")
    assert asked.response_bytes <= told["api.openai.com"].response_bytes <= asked.response_bytes + MOST_HEADERS
    [streamed] = [one for one in served.of("chatgpt.com") if one.streamed]
    of_streamed = told["chatgpt.com"].response_bytes
    assert of_streamed == 0 or streamed.response_bytes <= of_streamed <= streamed.response_bytes + MOST_HEADERS

    ask(device.control_path, PauseFor(minutes=30))
    post(browser, "/backend-api/conversation")
    post(browser, "https://api.openai.com/v1/responses")
    ask(device.control_path, Resume())
    post(browser, "https://claude.ai/api/organizations/o/chat_conversations/c/completion")
    browser.go("https://shop.example/")
    until(lambda: "claude.ai" in {one.provider_host for one in events(device)}, "the use after the pause")
    assert len(events(device)) == 3

    browser.go("https://chatgpt.com/")
    post(browser, "https://api.groq.com/openai/v1/audio/transcriptions", 2_000_000)
    browser.run("await new Promise((over) => { new WebSocket('wss://api.x.ai/v1/realtime').onclose = over }); return 1")
    ask_for = "return fetch(args[0], {mode: 'no-cors'}).then(() => 1)"
    until(lambda: browser.run(ask_for, "https://api.mistral.ai/v1/models/10") == 1, "HTTP/3, once Firefox is ready")
    no_cors = "await fetch(args[0], {method: 'POST', mode: 'no-cors', body: 'x'.repeat(5000)}); return 1"
    answered = [
        browser.run(no_cors, url)
        for url in ("https://api.anthropic.com/bytes/1000", "https://api.mistral.ai/v1/chat/completions/70000")
    ]
    assert answered == [1, 1]
    more = {"api.groq.com", "api.x.ai", "api.anthropic.com", "api.mistral.ai"}  # upload, WebSocket, HTTP/2, HTTP/3
    for host in more:
        until(lambda: host in {one.provider_host for one in events(device)}, host)  # noqa: B023
    told = {one.provider_host: one for one in events(device)[3:]}
    assert told.keys() == more
    [upload] = served.of("api.groq.com")
    assert (upload.request_bytes, upload.response_bytes) == (2_000_000, 1000)
    assert 1000 <= told["api.groq.com"].response_bytes <= 1000 + MOST_HEADERS
    assert [one.requests for one in http2.connections if one.requests] == [["/bytes/1000"]]
    assert {(path, size) for _, path, size in http3.answers} == {
        ("/v1/models/10", 10),  # no use
        ("/v1/chat/completions/70000", 70_000),
    }
    assert 70_000 <= told["api.mistral.ai"].response_bytes <= 70_000 + MOST_HEADERS
    assert {one.user for one in events(device)} == {device._recorder._accounts.name(os.geteuid())}
