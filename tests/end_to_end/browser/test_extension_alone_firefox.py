"""The extension in a real Firefox ESR without an agent, enrolled by its fleet's policy, against the real server."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.lab.firefox import Firefox, firefox
from tests.lab.providers import Providers, providers

from toktra.agent.browser.identity import FIREFOX_ID
from toktra.server.database.pool import Database
from toktra.server.devices.service import create_enrolment_code

if TYPE_CHECKING:
    from tests.end_to_end.browser.conftest import Organisation, Site

ROOT = Path(__file__).parents[3]
PROGRAM = shutil.which("firefox-esr")
WITHIN_S = 60.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="firefox-esr is not installed"),
]


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.05)


@pytest.fixture
def organisation(site: Site) -> Organisation:
    return site.organisation("foxes", "Fox Example Ltd")


@pytest.fixture
def served() -> Iterator[Providers]:
    with providers() as running:
        yield running


@pytest.fixture
def browser(organisation: Organisation, served: Providers, tmp_path: Path) -> Iterator[Firefox]:
    home = tmp_path / "home"
    policy = home / ".mozilla" / "managed-storage" / f"{FIREFOX_ID}.json"
    policy.parent.mkdir(parents=True)
    terms = {"server": organisation.address, "code": fleet_code(organisation)}
    manifest = {"name": FIREFOX_ID, "description": "The fleet's", "type": "storage", "data": terms}
    policy.write_text(json.dumps(manifest))
    package, unpacked = tmp_path / "package.zip", tmp_path / "extension"
    build = [sys.executable, str(ROOT / "scripts/build_extension.py"), "--pack", "firefox", str(package)]
    subprocess.run(build, check=True)
    with zipfile.ZipFile(package) as whole:
        whole.extractall(unpacked)
    assert PROGRAM is not None
    with firefox(PROGRAM, home, tls_to=served.port) as running:
        running.install(unpacked)
        yield running


def fleet_code(organisation: Organisation) -> str:
    async def make() -> str:
        async with Database(organisation.app_url, connections=1) as database:
            return str(await create_enrolment_code(database, organisation.tenant, uses=10))

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, make()).result()


def asked(organisation: Organisation, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(organisation.superuser_url) as connection:
        return connection.execute(query.encode(), [organisation.tenant.tenant_id]).fetchall()


def post(browser: Firefox, url: str, size: int = 10) -> None:
    body = "return (await (await fetch(args[0], {method: 'POST', body: 'x'.repeat(args[1])})).text()).length"
    answered = browser.run(body, url, size)
    assert isinstance(answered, int), answered


def test_a_fleets_browser_enrols_itself_and_its_uses_reach_the_ledger(
    organisation: Organisation, served: Providers, browser: Firefox
) -> None:
    devices = "select hostname, platform, agent_version from device where tenant_id = %s"
    until(lambda: asked(organisation, devices), "the enrolment")
    [(hostname, platform, version)] = asked(organisation, devices)
    assert str(hostname).startswith("firefox-linux-")
    assert (platform, version) == ("linux", "extension-0.1.0")

    browser.go("https://chatgpt.com/")
    post(browser, "/backend-api/conversation?stream=1", 500)
    post(browser, "https://api.openai.com/v1/responses", 20_000)
    post(browser, "/ces/v1/telemetry")
    post(browser, "https://news.example/comments")
    browser.go("https://shop.example/")
    events = "select provider_host, response_bytes, estimated_input_tokens from usage_event where tenant_id = %s"
    until(lambda: len(asked(organisation, events)) >= 2, "the two uses")
    told = {str(host): (received, tokens) for host, received, tokens in asked(organisation, events)}
    assert told.keys() == {"chatgpt.com", "api.openai.com"}
    [api] = served.of("api.openai.com")
    assert api.response_bytes <= int(str(told["api.openai.com"][0])) <= api.response_bytes + 600
    assert all(int(str(tokens)) >= 1 for _, tokens in told.values())
