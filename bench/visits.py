"""A running site as one browser meets it: the server in a process of its own, and what each answer takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import httpx
from bench.other_servers import free_port, wait_for

from toktra.server.first_start import DEFAULT_SLUG, create_owner_link

RUNS: Final = int(os.environ.get("TOKTRA_BENCH_RUNS", "40"))

Visit = Callable[[], httpx.Response]


@contextmanager
def running(app_url: str) -> Iterator[tuple[str, int]]:
    """The address of a server over this database, and its process; it does no jobs meanwhile."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "TOKTRA_DATABASE_URL": app_url, "TOKTRA_RUN_JOBS": "false"}
    command = [sys.executable, "-m", "toktra", "server", "run", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            with httpx.Client(base_url=address) as client:
                wait_for(client, "/readyz")
            yield address, server.pid
        finally:
            server.terminate()


@contextmanager
def owner_at(address: str, app_url: str, slug: str = DEFAULT_SLUG) -> Iterator[httpx.Client]:
    """A browser in which the owner of an organisation is signed in."""
    with httpx.Client(base_url=address, timeout=60) as browser:
        browser.post(create_owner_link(app_url, slug=slug))
        yield browser


def timed(visit: Visit, server: int, postmaster: int) -> dict[str, float]:
    """Milliseconds on the clock and of CPU. The first visit stands apart: it may count what is then remembered."""
    first = _visit_ms(visit)
    cpu = _cpu_s(server), _cpu_s(postmaster)
    times = sorted(_visit_ms(visit) for _ in range(RUNS))
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


def _visit_ms(visit: Visit) -> float:
    began = time.perf_counter()
    answer = visit()
    took_ms = (time.perf_counter() - began) * 1000
    if answer.status_code not in (200, 303):
        raise RuntimeError(f"{answer.request.url.path} answered {answer.status_code}")
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
