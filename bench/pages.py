"""How long pages take over real HTTP: 10,000 people, 12,000 devices, a year of daily sums, the embedded PostgreSQL.

Each page is fetched one after another, as one browser does, from a server in a process of its own. `python -m
bench.pages` prints JSON: for each page the median and the 95th percentile in milliseconds. TOKTRA_BENCH_SCALE=0.1 makes
everything a tenth, for a look while working.
"""

from __future__ import annotations

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

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.database.source import DatabaseUrls, prepare
from toktra.server.first_start import create_owner_link, ensure_default_tenant

LIMIT_MS: Final = 150.0
SCALE: Final = float(os.environ.get("TOKTRA_BENCH_SCALE", "1"))
PEOPLE: Final = round(10_000 * SCALE)
DEVICES: Final = round(12_000 * SCALE)
DAYS: Final = 365
REPORTED_DAYS: Final = 62
"""So far back coverage is asked for."""
RUNS: Final = 30
PAGES: Final = (
    "/",
    "/?period=30d",
    "/overview/figures",
    "/usage",
    "/cost",
    "/people",
    "/people?sort=manager&q=an",
    "/devices",
    "/devices?sort=person",
    "/attribution",
    "/audit",
    "/me",
    "/me/events",
)


_FILL: Final = """
insert into person (tenant_id, person_id, display_name, email, department)
    select %(t)s, md5('p' || n)::uuid, 'Person ' || md5(n::text), 'p' || n || '@example.org',
    'Department ' || n %% 40 from generate_series(1, %(people)s) n;
update person set manager_id = md5('p' || 1 + length(display_name) %% 9)::uuid where email is not null
    and person_id <> md5('p' || 1 + length(display_name) %% 9)::uuid;
insert into device (tenant_id, device_id, public_key, hostname, platform, agent_version, enrolled_at,
    last_report_on, previous_report_on) select %(t)s, md5('d' || n)::uuid,
    decode(md5('k' || n) || md5('l' || n), 'hex'), 'desk-' || n, 'linux', '1.0', now() - interval '400 days',
    current_date, current_date - 1 from generate_series(1, %(devices)s) n;
insert into account select %(t)s, md5('d' || n)::uuid, 'account', md5('p' || 1 + n %% %(people)s)::uuid
    from generate_series(1, %(devices)s) n;
insert into device_day select %(t)s, current_date - d, md5('d' || n)::uuid
    from generate_series(0, %(reported)s) d, generate_series(1, %(devices)s) n where (n + d) %% 10 > 0;
insert into usage_daily select %(t)s, current_date - d, md5('p' || n)::uuid, h, %(version)s,
    5, 40000, 90000, 10000, 2000 from generate_series(0, %(days)s - 1) d, generate_series(1, %(people)s) n,
    (values (0, 'api.openai.com'), (1, 'api.anthropic.com')) hosts (k, h) where (n + d + k) %% 7 < 5;
insert into usage_hourly select tenant_id, day::timestamp at time zone 'UTC' + make_interval(hours => hour),
    provider_host, estimator_version, exchanges / 9, request_bytes / 9, response_bytes / 9, input_tokens / 9,
    output_tokens / 9 from generate_series(8, 16) hour, (
        select tenant_id, day, provider_host, estimator_version, sum(exchanges) as exchanges,
            sum(request_bytes) as request_bytes, sum(response_bytes) as response_bytes,
            sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens
        from usage_daily where tenant_id = %(t)s group by 1, 2, 3, 4) days;
select create_usage_event_month(current_date);
insert into usage_event select %(t)s, date_trunc('day', now()) + n * interval '1 second',
    md5('d' || 1 + n %% %(devices)s)::uuid, 1, n, md5('p' || 1 + n %% %(people)s)::uuid, 'api.openai.com',
    8000, 18000, 2000, 400, %(version)s from generate_series(1, 60000) n
"""
"""Statements, in order. Everyone has a device, some two; on each day nine devices of ten report."""


def measure() -> dict[str, object]:
    """Milliseconds for each page."""
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    try:
        with prepare(base / "data") as urls:
            founded = ensure_default_tenant(urls.needed_owner)
            _fill(urls, founded.tenant.tenant_id)
            return _measure(urls)
    finally:
        shutil.rmtree(base)


def _measure(urls: DatabaseUrls) -> dict[str, object]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "TOKTRA_DATABASE_URL": urls.app, "TOKTRA_RUN_JOBS": "false"}
    command = [sys.executable, "-m", "toktra", "server", "run", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as browser:
                _wait_for(browser)
                browser.post(create_owner_link(urls.app))
                pages = {page: _timed(browser, page) for page in PAGES}
        finally:
            server.terminate()
    return {
        "people": PEOPLE,
        "devices": DEVICES,
        "days": DAYS,
        "pages_ms": pages,
        "limit_p95_ms": LIMIT_MS,
        "holds": all(times["p95"] <= LIMIT_MS for times in pages.values()),
    }


def _timed(browser: httpx.Client, page: str) -> dict[str, float]:
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        answer = browser.get(page)
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{page} answered {answer.status_code}")
    return {"median": round(median(times), 1), "p95": round(quantiles(times, n=20)[-1], 1)}


def _wait_for(browser: httpx.Client) -> None:
    for _ in range(600):
        try:
            if browser.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _fill(urls: DatabaseUrls, tenant_id: UUID) -> None:
    of = {
        "t": tenant_id,
        "people": PEOPLE,
        "devices": DEVICES,
        "days": DAYS,
        "reported": REPORTED_DAYS,
        "version": ESTIMATOR_VERSION,
    }
    with psycopg.connect(urls.app) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
        for statement in _FILL.split(";"):
            connection.execute(statement.encode(), of)
    with psycopg.connect(urls.needed_owner, autocommit=True) as connection:
        connection.execute("vacuum analyze")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
