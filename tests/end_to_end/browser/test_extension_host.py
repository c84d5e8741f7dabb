"""The extension in a real Chromium beside host programs that are missing, old, broken or silent, then a good one.

What was used meanwhile waits, and is told once, however often and however badly it was answered before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from tests.agent import device as device_module
from tests.agent.device import Device
from tests.agent.privacy_hours.machine import Machine
from tests.lab.extended import extended
from tests.lab.providers import providers

from toktra.agent.browser import merge
from toktra.agent.browser.identity import NATIVE_HOST, chrome_id
from toktra.agent.browser.install import install, of_account
from toktra.agent.privacy_hours.clock import Reading

AXE = (Path(__file__).parents[2] / "data" / "axe" / "axe.min.js").read_text()
WITHIN_S = 150.0
"""The worker may have asked the silent program too, for a minute, and asks again a while later."""
USE = "https://api.openai.com/v1/responses"
BAD: dict[str, tuple[str, bool]] = {
    "it is not there": ("", False),
    "it ends at once": ("sys.exit(3)", True),
    "it reads and ends": ("read(); sys.exit(0)", True),
    "no message": ("read(); out(b'HTTP/1.1 200 OK\\r\\n\\r\\n')", True),
    "no JSON": ("read(); framed(b'{')", True),
    "an answer of the wrong shape": ("read(); framed(b'[1, 2]')", True),
    "a kind that is none": ("read(); framed(b'{\"kind\": 7}')", True),
    "more than a megabyte": ("read(); framed(b'\"' + b'x' * (1 << 20) + b'\"')", True),
    "it says it holds four gigabytes": ("read(); out(b'\\xff\\xff\\xff\\xff{}')", True),
    "it is old": ('read(); framed(b\'{"kind": "refused", "because": "unknown"}\')', True),
    "it answers what was not asked": ('read(); framed(b\'{"kind": "hello"}\')', True),
}
"""What a host program does, and whether the browser has one at all."""
HOST = """#!{python}
import struct, sys
def read():
    (length,) = struct.unpack("=I", sys.stdin.buffer.read(4))
    return sys.stdin.buffer.read(length)
def out(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
def framed(data):
    out(struct.pack("=I", len(data)) + data)
{behaviour}
"""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


class MachineNow(Machine):
    """By the clocks that a browser sees too."""

    def read(self) -> Reading:
        return Reading(wall_s=time.time(), monotonic_s=time.monotonic(), boot="first")


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.05)


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    monkeypatch.setattr(device_module, "Machine", MachineNow)
    monkeypatch.setattr(merge, "HOLD_S", 0.5)
    (tmp_path / "state").mkdir()
    running = Device(tmp_path / "state")
    yield running
    running.close()


def test_what_was_used_beside_a_bad_host_program_is_told_once_there_is_a_good_one(
    device: Device, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    written = install(of_account(tmp_path / "home"), state=device.path)["Chromium"].read_text()
    manifest = profile / "NativeMessagingHosts" / f"{NATIVE_HOST}.json"
    manifest.parent.mkdir(parents=True)
    program = tmp_path / "host"

    def becomes(behaviour: str, **changed: object) -> None:
        manifest.unlink(missing_ok=True)
        if not behaviour:
            return
        program.unlink(missing_ok=True)
        program.write_text(HOST.format(python=sys.executable, behaviour=behaviour))
        program.chmod(0o755)
        manifest.write_text(json.dumps({**json.loads(written), "path": str(program), **changed}))

    with providers() as served, sync_playwright() as playwright:
        context = extended(
            playwright,
            profile,
            "--disable-quic",
            "--ignore-certificate-errors",
            f"--host-resolver-rules=MAP *:443 127.0.0.1:{served.port}",
            "--lang=de",
            locale="de-DE",
        )
        page, inside = context.new_page(), context.new_page()
        page.goto("https://chatgpt.com/")
        inside.goto(f"chrome-extension://{chrome_id()}/popup.html")

        def asks(patience_ms: int = 30_000) -> Any:
            script = "(ms) => import('/agent.js').then(({ askAgent }) => askAgent({ kind: 'show' }, ms))"
            return inside.evaluate(script, patience_ms)

        def use() -> None:
            page.evaluate("(url) => fetch(url, {method: 'POST', body: 'x'}).then((answer) => answer.text())", USE)

        def waiting() -> list[dict[str, Any]]:
            return list(inside.evaluate("chrome.storage.session.get('waiting')").get("waiting", []))

        for name, (behaviour, is_installed) in BAD.items():
            becomes(behaviour)
            answer = asks()
            assert answer["kind"] != "state", name
            assert answer["isInstalled"] is is_installed, (name, answer)
            known = len(waiting())
            use()
            until(lambda: len(waiting()) == known + 1, name)  # noqa: B023
        becomes('read(); framed(b\'{"kind": "state"}\')', allowed_origins=["chrome-extension://" + "a" * 32 + "/"])
        assert (asks()["kind"], asks()["isInstalled"]) == ("absent", True)  # it is there for another extension
        becomes("read(); sys.stdin.buffer.read()")  # silent, for as long as the browser lets it
        silent = asks(300)
        assert (silent["kind"], silent["because"], silent["isInstalled"]) == ("absent", "no answer in time", True)

        manifest.write_text(written)
        use()
        until(lambda: len(device.order(lambda: device._spool.next_batch(100).events)) > len(BAD), "all that waited")
        until(lambda: waiting() == [], "that nothing waits")
        told = device.order(lambda: device._spool.next_batch(100).events)
        assert len(told) == len(served.of("api.openai.com")) == len(BAD) + 1
        assert {(one.provider_host, one.response_bytes) for one in told} == {("api.openai.com", 1000)}

        inside.reload()
        inside.wait_for_selector("[data-state=observed]")
        assert inside.get_attribute("html", "lang") == "de-DE"
        assert "Beobachtet" in inside.inner_text("#headline")
        for scheme in ("light", "dark"):
            inside.emulate_media(color_scheme=scheme)
            inside.evaluate(AXE)
            found = inside.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")
            assert found == [], scheme
        context.close()
