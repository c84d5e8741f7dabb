"""What rights and retention cost beside a ledger in use: a copy of 100,000 events, their erasure, a day, a month.

A million other events of the same organisation lie around them, in the embedded PostgreSQL. The copy is everything its
person gets: gathered, packed, sealed and stored; its memory is how much this process grew. `python -m bench.rights`
prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from pyrage import x25519  # type: ignore[import-untyped]

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.compliance.library import Language
from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls, prepare
from toktra.server.first_start import ensure_default_tenant
from toktra.server.people.service import add_person
from toktra.server.retention.service import queries as retention
from toktra.server.rights.copies.contents import files, gather
from toktra.server.rights.copies.sealing import sealed
from toktra.server.rights.copies.zipping import zipped
from toktra.server.rights.erasure import erase
from toktra.server.web.access import Role

OWN_EVENTS: Final = 100_000
OTHER_EVENTS: Final = 1_000_000
DAYS: Final = 90
LIMITS: Final = {"copy_s": 20, "copy_grew_mb": 150, "erasure_s_per_10000": 1.0, "day_s": 0.5, "month_ms": 100}

_FILL: Final = f"""
    insert into usage_event
    select %(t)s, date_trunc('second', now()) - (n %% {DAYS}) * interval '1 day' - n %% 80000 * interval '1 second',
        %(d)s, 1, n, case when n <= {OWN_EVENTS} then %(own)s else %(other)s end,
        (array['api.openai.com', 'api.anthropic.com', 'chatgpt.com'])[1 + n %% 3], 16000, 80000, 4000, 800, %(v)s
    from generate_series(1, {OWN_EVENTS + OTHER_EVENTS}) n
"""
_SUMS: Final = (
    """insert into usage_daily select tenant_id, (at at time zone 'UTC')::date, person_id, provider_host,
    estimator_version, count(*), sum(request_bytes), sum(response_bytes), sum(estimated_input_tokens),
    sum(estimated_output_tokens) from usage_event where tenant_id = %(t)s group by 1, 2, 3, 4, 5""",
    """insert into usage_hourly select tenant_id, date_bin('1 hour', at, '2000-01-01 00:00+00'), provider_host,
    estimator_version, count(*), sum(request_bytes), sum(response_bytes), sum(estimated_input_tokens),
    sum(estimated_output_tokens) from usage_event where tenant_id = %(t)s group by 1, 2, 3, 4""",
)


def measure() -> dict[str, object]:
    """Seconds, milliseconds and megabytes, beside what they may be."""
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    try:
        with prepare(base / "data") as urls:
            founded = ensure_default_tenant(urls.needed_owner)
            return asyncio.run(_measure(urls, founded.tenant.tenant_id))
    finally:
        shutil.rmtree(base)


async def _measure(urls: DatabaseUrls, tenant_id: UUID) -> dict[str, object]:
    async with Database(urls.app, connections=2) as database:
        own = await add_person(database, tenant_id, display_name="Own", role=Role.EMPLOYEE)
        other = await add_person(database, tenant_id, display_name="Other", role=Role.EMPLOYEE)
        _fill(urls, tenant_id, own, other)
        began, began_cpu, before_mb = time.perf_counter(), time.process_time(), _peak_mb()
        size = await _copy(database, tenant_id, own)
        copy_s, grew_mb = time.perf_counter() - began, _peak_mb() - before_mb
        copy_cpu_s = time.process_time() - began_cpu
        began = time.perf_counter()
        async with database.tenant(tenant_id) as connection:
            day = await retention.oldest_event(connection, tenant_id=tenant_id)
        async with database.tenant(tenant_id) as connection:
            rows = await retention.delete_events(
                connection, tenant_id=tenant_id, first=day, last=day + timedelta(days=1)
            )
        day_s = time.perf_counter() - began
        began = time.perf_counter()
        async with database.tenant(tenant_id) as connection:
            erased = await erase(connection, tenant_id, own, UUID(int=1))
        erasure_s = time.perf_counter() - began
    return {
        "events_of_the_person": OWN_EVENTS,
        "events_beside_them": OTHER_EVENTS,
        "copy_s": round(copy_s, 2),
        "copy_cpu_s": round(copy_cpu_s, 2),
        "copy_mb": round(size / 1e6, 1),
        "copy_grew_mb": round(grew_mb),
        "erasure_s_per_10000": round(erasure_s / erased.events * 10_000, 3),
        "day_s": round(day_s, 3),
        "day_rows": rows,
        "month_ms": round(_drop_month(urls), 1),
        "limits": LIMITS,
    }


def _fill(urls: DatabaseUrls, tenant_id: UUID, own: UUID, other: UUID) -> None:
    of = {"t": tenant_id, "d": UUID(int=7), "own": own, "other": other, "v": ESTIMATOR_VERSION}
    with psycopg.connect(urls.app) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, false)", [str(tenant_id)])
        for months in range(5):
            connection.execute("select create_usage_event_month((now() - %s * interval '1 month')::date)", [months])
        connection.execute(_FILL.encode(), of)
        for statement in _SUMS:
            connection.execute(statement.encode(), of)


async def _copy(database: Database, tenant_id: UUID, person_id: UUID) -> int:
    gathered = await gather(database, tenant_id, person_id, Language.ENGLISH, None)
    content = files(database, tenant_id, person_id, gathered, for_programs=False)
    recipient = str(x25519.Identity.generate().to_public())
    size = 0
    async for part in sealed(zipped(content, gathered.made_at), recipient):
        size += len(part)
    return size


def _drop_month(urls: DatabaseUrls) -> float:
    """Milliseconds to drop a month whose time is over, as the nightly job does."""
    with psycopg.connect(urls.app, autocommit=True) as connection:
        connection.execute("select create_usage_event_month((now() - interval '1200 days')::date)")
        began = time.perf_counter()
        dropped = connection.execute("select drop_usage_event_months(1100)").fetchall()
        took = (time.perf_counter() - began) * 1000
    if len(dropped) != 1:
        raise RuntimeError(f"{len(dropped)} months were dropped, not one")
    return took


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
