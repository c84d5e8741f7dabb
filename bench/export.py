"""The events of an organisation as one CSV file, as a browser downloads them: rows a second, and memory.

Ten million events of thirty days (TOKTRA_BENCH_SCALE=0.1 makes a tenth), made by the database itself. The export runs
in a process of its own, so that its peak of memory is its own; its limit is COPY of the same rows to nowhere, in the
same run. `python -m bench export` prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from toktra.server.database.pool import Database
from toktra.server.database.source import prepare
from toktra.server.exports.datasets import Dataset
from toktra.server.exports.formats import Format
from toktra.server.exports.service import Order, parts
from toktra.server.first_start import ensure_default_tenant

SCALE: Final = float(os.environ.get("TOKTRA_BENCH_SCALE", "1"))
EVENTS: Final = round(10_000_000 * SCALE)
DAYS: Final = 30
LIMIT_ROWS_PER_S: Final = 150_000
LIMIT_MIB: Final = 150.0

_FILL: Final = """
insert into usage_event select %(tenant)s, %(first)s::timestamp at time zone 'UTC'
        + n * (%(days)s * interval '1 day' / %(events)s), md5('d' || n %% 500)::uuid, 1, n, md5('p' || n %% 500)::uuid,
    (array['api.openai.com', 'claude.ai', 'chatgpt.com', 'api.anthropic.com'])[1 + n %% 4],
    900 + n %% 5000, 20000 + n %% 70000, 200 + n %% 900, 300 + n %% 700, '1'
from generate_series(0, %(events)s - 1) n
"""


@dataclass(frozen=True, slots=True)
class Export:
    """What one export took."""

    rows: int
    size_bytes: int
    seconds: float
    cpu_s: float
    peak_mib: float


def measure() -> dict[str, Any]:
    """Rows a second of the export and of bare COPY, and the export's memory."""
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    last = datetime.now(UTC).date() - timedelta(days=1)
    first = last - timedelta(days=DAYS - 1)
    try:
        with prepare(base / "data") as urls:
            tenant = ensure_default_tenant(urls.needed_owner).tenant
            of = {"tenant": tenant.tenant_id, "first": first, "days": DAYS, "events": EVENTS}
            with psycopg.connect(urls.needed_owner, autocommit=True) as connection:
                connection.execute("select set_config('toktra.tenant_id', %s, false)", [str(tenant.tenant_id)])
                for month in {first.replace(day=1), last.replace(day=1)}:
                    connection.execute("select create_usage_event_month(%s)", [month])
                connection.execute(_FILL, of)
                connection.execute("vacuum analyze usage_event")
            order = Order(tenant=tenant, dataset=Dataset.EVENTS, format=Format.CSV, first=first, last=last)
            with multiprocessing.get_context("spawn").Pool(1) as process:
                export = process.apply(_exported, (urls.app, order))
            bare_s = _bare_copy(urls.app, str(tenant.tenant_id))
    finally:
        shutil.rmtree(base)
    if export.rows != EVENTS:
        raise RuntimeError(f"{EVENTS} events were stored and {export.rows} exported")
    rows_per_s = export.rows / export.seconds
    return {
        "events": EVENTS,
        "mib": round(export.size_bytes / 2**20, 1),
        "rows_per_s": round(rows_per_s),
        "limit_rows_per_s": LIMIT_ROWS_PER_S,
        "cpu_us_per_row": round(export.cpu_s * 1e6 / export.rows, 2),
        "peak_mib": round(export.peak_mib, 1),
        "limit_mib": LIMIT_MIB,
        "share_of_copy": round(bare_s / export.seconds, 3),
        "holds": rows_per_s >= LIMIT_ROWS_PER_S and export.peak_mib <= LIMIT_MIB,
        "load_average": round(os.getloadavg()[0], 1),
    }


def _exported(url: str, order: Order) -> Export:
    return asyncio.run(_export(url, order))


async def _export(url: str, order: Order) -> Export:
    """The whole file, each piece dropped as it comes, as a socket takes it. The first line names the columns."""
    lines = size_bytes = 0
    async with Database(url) as database:
        began, cpu_began_s = time.perf_counter(), time.process_time()
        async for part in parts(database, order):
            lines += part.count(b"\n")
            size_bytes += len(part)
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began_s
    # Not getrusage: its peak outlives exec, so it would be the parent's.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    return Export(lines - 1, size_bytes, seconds, cpu_s, int(peak[1]) / 1024)


def _bare_copy(url: str, tenant_id: str) -> float:
    """Seconds for the same columns of the same rows, unordered, in one statement."""
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [tenant_id])
        began = time.perf_counter()
        with connection.cursor().copy(
            "copy (select at::date, provider_host, '', request_bytes, response_bytes, estimated_input_tokens, "
            "estimated_output_tokens, estimator_version from usage_event) to stdout (format csv)"
        ) as out:
            for _ in out:
                pass
        return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
