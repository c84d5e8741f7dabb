"""The browser extension's worker at work in a headless Chromium with an agent: CPU for each use, memory, and its sleep.

A page makes requests to a provider's name, on a server of this machine: steadily, one every 50 ms, and as fast as the
page can. The extension hands them to an agent's own parts over native messaging. The extension's process is told by its
command line; the kernel says what CPU it took, and Chromium's other processes are measured beside it, with the
extension and without. The same requests to a path that is no use say what the worker takes where it is not woken, and
an extension with the same permissions that does nothing says what Chromium takes to tell a worker of them.

Nothing looks into the browser with its own tools: a worker that is looked into is not put to sleep.
`python -m bench.extension` prints JSON. It takes about two minutes, for a browser waits half a minute before it sleeps.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, Final
from urllib.parse import unquote

import trustme
from tests.agent import device as device_module
from tests.agent.device import Device
from tests.agent.privacy_hours.machine import Machine

from toktra.agent.browser import merge
from toktra.agent.browser.identity import NATIVE_HOST
from toktra.agent.browser.install import install, of_account
from toktra.agent.privacy_hours.clock import Reading

EXTENSION: Final = Path(__file__).parents[1] / "extension"
CHROMIUM: Final = "/usr/bin/chromium"
USE: Final = "/backend-api/conversation"
NO_USE: Final = "/ces/v1/telemetry"
STEADY: Final = 200
FLOOD: Final = 800
LIMIT_MS: Final = 1.0
ASLEEP_WITHIN_S: Final = 90.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_IDLE_WORKER: Final = """import { USES } from "./hosts.js";
const { onBeforeRequest, onCompleted, onErrorOccurred } = chrome.webRequest;
onBeforeRequest.addListener(() => {}, { urls: USES });
onCompleted.addListener(() => {}, { urls: USES }, ["responseHeaders"]);
onErrorOccurred.addListener(() => {}, { urls: USES });
"""
# The page asks what to do, does it, and tells how many of its requests were answered and how long that took.
_PAGE: Final = b"""<!doctype html><meta charset=utf-8><title>page</title><link rel=icon href=data:,><script>
(async () => {
  const one = (path) => fetch(path, {method: "POST", body: "x"}).then((answer) => answer.text());
  for (let result = "ready";;) {
    const { path, count, apartMs, atOnce } = await (await fetch("/next?" + encodeURIComponent(result))).json();
    const began = performance.now();
    let answered = 0;
    for (let left = count; left > 0; left -= atOnce) {
      const over = await Promise.allSettled(Array.from({length: Math.min(left, atOnce)}, () => one(path)));
      answered += over.filter(({status}) => status === "fulfilled").length;
      if (apartMs) await new Promise((later) => setTimeout(later, apartMs));
    }
    result = JSON.stringify({ answered, ms: performance.now() - began });
  }
})();
</script>"""


def measure() -> dict[str, Any]:
    """Milliseconds of CPU for each use, megabytes (PSS) of the worker's process, and when it slept; or why not."""
    if not Path(CHROMIUM).exists():
        return {"skipped": f"{CHROMIUM} is not installed"}
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-"))
    try:
        with _device(base) as device, _Site() as site:
            with_it = _with_extension(base, site, device)
        with _Site() as site:  # another: the page of the first browser still waits there for what to do
            idle = _with_idle_listeners(base, site)
        with _Site() as site:
            without = _without(base, site)
    finally:
        shutil.rmtree(base)
    return {
        "limit_ms": LIMIT_MS,
        **with_it,
        "worker_that_does_nothing_cpu_ms_a_use": idle,
        "whole_browser_cpu_ms_a_request": {
            name: {"with": figures["browser_cpu_ms_a_use"], "without": without[name]}
            for name, figures in with_it["cpu"].items()
            if name in without
        },
    }


def _with_extension(base: Path, site: _Site, device: Device) -> dict[str, Any]:
    written = install(of_account(base / "home"), state=device.path)
    profile = base / "with"
    target = profile / "NativeMessagingHosts" / f"{NATIVE_HOST}.json"
    target.parent.mkdir(parents=True)
    target.write_text(written["Chromium"].read_text())
    found: dict[str, Any] = {"cpu": {}}
    with _chromium(profile, site.port, extension=EXTENSION) as browser:
        site.ready()
        time.sleep(3)  # what starting takes is over
        for name, path, count, apart_ms, at_once in (
            ("woken_by_nothing", NO_USE, STEADY, 50, 1),
            ("steady", USE, STEADY, 50, 1),
            ("flood", USE, FLOOD, 0, 100),
        ):
            print(f"extension: {name} …", file=sys.stderr)
            found["cpu"][name] = _round(browser.pid, site, device, path, count, apart_ms, at_once)
        slept = _until_asleep(browser.pid)
        found["asleep_after_s"] = slept
        if slept is not None:
            before = _recorded(device)
            site.order(path=USE, count=1, apart_ms=0, at_once=1)
            _wait(lambda: _recorded(device) == before + 1, "a worker that slept did not wake for a use")
            found["woken_for_the_next_use"] = True
    return found


def _round(pid: int, site: _Site, device: Device, path: str, count: int, apart_ms: int, at_once: int) -> dict[str, Any]:
    recorded = _recorded(device)
    workers = _workers(pid)
    before_worker, before_all = sum(map(_cpu_s, workers)), _family_cpu_s(pid)
    done = site.order(path=path, count=count, apart_ms=apart_ms, at_once=at_once)
    if path == USE:
        _wait(lambda: _recorded(device) - recorded == done["answered"], "not every use was told")
    else:
        time.sleep(3)
    assert _workers(pid) == workers, "the worker slept in between"
    worker, everything = sum(map(_cpu_s, workers)) - before_worker, _family_cpu_s(pid) - before_all
    return {
        "requests": done["answered"],
        "a_second": round(done["answered"] / (done["ms"] / 1e3)),
        "events": _recorded(device) - recorded,
        "worker_cpu_ms_a_use": round(worker / count * 1e3, 3),
        "browser_cpu_ms_a_use": round(everything / count * 1e3, 3),
        "worker_mb": round(sum(map(_pss_mb, workers)), 1),
    }


def _with_idle_listeners(base: Path, site: _Site) -> dict[str, float]:
    """What Chromium takes in the worker's process to tell it of a use's begin and end, with nothing done about them."""
    folder = base / "extension"
    shutil.copytree(EXTENSION, folder)
    (folder / "worker.js").write_text(_IDLE_WORKER)
    return _rounds(base / "idle", site, folder, lambda browser: sum(map(_cpu_s, _workers(browser))))


def _without(base: Path, site: _Site) -> dict[str, float]:
    return _rounds(base / "without", site, None, _family_cpu_s)


def _rounds(profile: Path, site: _Site, extension: Path | None, cpu_s: Callable[[int], float]) -> dict[str, float]:
    """Milliseconds of CPU for each use, steadily and in a flood, in the processes that `cpu_s` looks at."""
    found = {}
    with _chromium(profile, site.port, extension=extension) as browser:
        site.ready()
        time.sleep(3)
        for name, count, apart_ms, at_once in (("steady", STEADY, 50, 1), ("flood", FLOOD, 0, 100)):
            before = cpu_s(browser.pid)
            site.order(path=USE, count=count, apart_ms=apart_ms, at_once=at_once)
            time.sleep(3)
            found[name] = round((cpu_s(browser.pid) - before) / count * 1e3, 3)
    return found


def _until_asleep(pid: int) -> float | None:
    """How long it took until the extension had no process; None when it still has one."""
    began = time.monotonic()
    while _workers(pid):
        if time.monotonic() - began > ASLEEP_WITHIN_S:
            return None
        time.sleep(0.5)
    return round(time.monotonic() - began, 1)


class _Site:
    """Serves every name: the page, what it is to do next, and answers."""

    def __init__(self) -> None:
        self.orders: Queue[dict[str, Any]] = Queue()
        self.results: Queue[str] = Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if not self.path.startswith("/next?"):
                    self._answer(_PAGE, "text/html")
                    return
                site.results.put(self.path.partition("?")[2])
                self._answer(json.dumps(site.orders.get()).encode(), "application/json")

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self._answer(b"a" * 1000, "application/json")

            def _answer(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Browsers hang up as they like."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("localhost").configure_cert(context)
        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)

    def ready(self) -> None:
        """Waits for the page of a browser that was just started."""
        while "ready" not in self.results.get(timeout=60):
            pass

    def order(self, *, path: str, count: int, apart_ms: int, at_once: int) -> dict[str, float]:
        """Has the page do it: how many requests were answered, and in how many milliseconds."""
        self.orders.put({"path": path, "count": count, "apartMs": apart_ms, "atOnce": at_once})
        return dict(json.loads(unquote(self.results.get(timeout=300))))

    def __enter__(self) -> _Site:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _MachineNow(Machine):
    """By the clocks that a browser sees too."""

    def read(self) -> Reading:
        return Reading(wall_s=time.time(), monotonic_s=time.monotonic(), boot="bench")


@contextmanager
def _device(base: Path) -> Iterator[Device]:
    """An agent's own parts, that do not wait for a network nobody watches."""
    state = base / "state"
    state.mkdir()
    machine, hold_s = Machine, merge.HOLD_S
    device_module.Machine, merge.HOLD_S = _MachineNow, 0.2  # type: ignore[misc, attr-defined]
    device = Device(state)
    try:
        yield device
    finally:
        device.close()
        device_module.Machine, merge.HOLD_S = machine, hold_s  # type: ignore[misc, attr-defined]


@contextmanager
def _chromium(profile: Path, port: int, *, extension: Path | None) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--ignore-certificate-errors",
            f"--host-resolver-rules=MAP *:443 127.0.0.1:{port}",
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            *(
                [f"--disable-extensions-except={extension}", f"--load-extension={extension}"]
                if extension
                else ["--disable-extensions"]
            ),
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(3)  # the extension is there before the page is
        _open("https://chatgpt.com/", profile)
        yield running
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _open(url: str, profile: Path) -> None:
    """A page, by Chromium's own word on its debugging port; nothing attaches to it or to the worker."""
    named = profile / "DevToolsActivePort"
    _wait(named.exists, "Chromium did not start")
    port = int(named.read_text().split()[0])
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("PUT", f"/json/new?{url}")
    assert connection.getresponse().status == 200
    connection.close()


def _recorded(device: Device) -> int:
    return int(device.order(lambda: device._spool.counts().waiting))


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:  # it has ended
                continue
    return found


def _workers(pid: int) -> list[int]:
    return [one for one in _family(pid) if b"--extension-process" in _command_line(one)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _family_cpu_s(pid: int) -> float:
    """Of Chromium's processes alone: the agent's host program is started by it, and is none of it."""
    return sum(_cpu_s(one) for one in _family(pid) if b"chromium" in _command_line(one))


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
