"""How long pages take over real HTTP, in an organisation of 10,000 people and 12,000 devices (see organisation.py).

Every page of both sites that needs no more than an address is fetched by the owner, one after another, as one browser
does, from a server in a process of its own beside the embedded PostgreSQL. `python -m bench pages` prints JSON: for
each page milliseconds on the clock (the first visit, the quickest, the median and the 95th percentile) and of CPU, of
the server and of its database.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import UUID

import httpx
import psycopg
from bench.organisation import DAYS, DEVICES, PEOPLE, fill

from toktra.server.database.source import DatabaseUrls, prepare
from toktra.server.first_start import create_owner_link, ensure_default_tenant
from toktra.server.web.site import site_pages

LIMIT_MS: Final = 150.0
RUNS: Final = int(os.environ.get("TOKTRA_BENCH_RUNS", "40"))
VIEWS: Final = (
    "/?period=30d",
    "/?period=month",
    "/usage?period=7d&grain=hour",
    "/usage?by=department",
    "/usage?measure=cost&against=year",
    "/people?sort=manager&q=an",
    "/people?department=Department+7",
    "/people/{person}",
    "/devices?sort=person",
    "/devices?reporting=silent&q=desk-1",
    "/devices/{device}",
    "/audit?q=bill",
    "/cost/openai",
    "/prices/openai",
    "/me/rights/new?kind=access",
    "/me/events?page=20",
)
"""Orders, filters and details of pages; the pages themselves are asked of the site."""
NO_PAGES: Final = frozenset(
    {"/usage.csv", "/devices.csv", "/people.csv", "/exports/file", "/confirm/sso", "/me/rights/new", "/notices/preview"}
)
"""Downloads, which may take as long as they are; a step of signing in elsewhere; pages that need more to be said."""


def measure() -> dict[str, object]:
    """Milliseconds for each page."""
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    try:
        with prepare(base / "data") as urls:
            tenant_id = ensure_default_tenant(urls.needed_owner).tenant.tenant_id
            reader = _owner(urls, tenant_id)
            began = time.perf_counter()
            fill(urls, tenant_id, reader)
            filled_s = time.perf_counter() - began
            postmaster = int(next(base.rglob("postmaster.pid")).read_text().split()[0])
            return {"filled_s": round(filled_s), **_measure(urls, postmaster)}
    finally:
        shutil.rmtree(base)


def addresses() -> list[str]:
    """Every page that needs no more than an address, and views of some."""
    pages = {page.path for page in site_pages() if "GET" in (page.methods or ()) and "{" not in page.path}
    own = {"person": _md5("p77"), "device": _md5("d77")}
    return sorted(pages - NO_PAGES) + [view.format_map(own) for view in VIEWS]


def _measure(urls: DatabaseUrls, postmaster: int) -> dict[str, object]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "TOKTRA_DATABASE_URL": urls.app, "TOKTRA_RUN_JOBS": "false"}
    command = [sys.executable, "-m", "toktra", "server", "run", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as browser:
                _wait_for(browser)
                browser.post(create_owner_link(urls.app))
                pages = {page: _timed(browser, page, server.pid, postmaster) for page in addresses()}
        finally:
            server.terminate()
    return {
        "people": PEOPLE,
        "devices": DEVICES,
        "days": DAYS,
        "runs": RUNS,
        "pages_ms": pages,
        "limit_p95_ms": LIMIT_MS,
        "over": [page for page, took in pages.items() if took["p95"] > LIMIT_MS],
        "holds": all(took["p95"] <= LIMIT_MS for took in pages.values()),
    }


def _timed(browser: httpx.Client, page: str, server: int, postmaster: int) -> dict[str, float]:
    """The first visit stands apart: it may be the one that counts what is then remembered."""
    first = _visit(browser, page)
    cpu = _cpu_s(server), _cpu_s(postmaster)
    times = sorted(_visit(browser, page) for _ in range(RUNS))
    server_ms, database_ms = (
        (after - before) * 1000 / RUNS for before, after in zip(cpu, (_cpu_s(server), _cpu_s(postmaster)), strict=True)
    )
    return {
        "first": round(first, 1),
        "quickest": round(times[0], 1),
        "median": round(median(times), 1),
        "p95": round(quantiles(times, n=20)[-1], 1),
        "cpu_server": round(server_ms, 1),
        "cpu_database": round(database_ms, 1),
    }


def _visit(browser: httpx.Client, page: str) -> float:
    began = time.perf_counter()
    answer = browser.get(page)
    took_ms = (time.perf_counter() - began) * 1000
    if answer.status_code not in (200, 303):
        raise RuntimeError(f"{page} answered {answer.status_code}")
    return took_ms


def _cpu_s(process: int) -> float:
    """Seconds of CPU that a process, its children and those that ended have used (Linux: proc(5), ticks of 10 ms)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if pid == process:
            ticks += sum(map(int, rest[11:15]))  # its own, and those of children that ended
        elif int(rest[1]) == process:
            ticks += sum(map(int, rest[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _md5(text: str) -> str:
    return str(UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()))


def _owner(urls: DatabaseUrls, tenant_id: UUID) -> UUID:
    with psycopg.connect(urls.needed_owner) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
        row = connection.execute("select person_id from person where role = 'owner'").fetchone()
    if row is None:
        raise RuntimeError("the organisation has no owner")
    owner: UUID = row[0]
    return owner


def _wait_for(browser: httpx.Client) -> None:
    for _ in range(600):
        try:
            if browser.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
