"""What rights and retention cost in a ledger in use: a copy of 100,000 events, their erasure, a day, a month.

30 million events of one organisation lie in the embedded PostgreSQL, over 400 days (the time that single uses are kept
by default) and of 500 people; TOKTRA_BENCH_SCALE=0.02 tries it with fewer. They need 9 GB of disk and some minutes.
The copy is made by the job that makes it: gathered, packed, sealed and stored. The day is the oldest of the ledger, as
the nightly job deletes it, and the months are as full as the others
(see rights_month). `python -m bench.rights` prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from bench.rights_month import drop_oldest
from pyrage import x25519  # type: ignore[import-untyped]

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.compliance.deadlines import Regulation
from toktra.server.database.pool import Database
from toktra.server.database.source import DatabaseUrls, prepare
from toktra.server.first_start import ensure_default_tenant
from toktra.server.jobs import Work
from toktra.server.people.service import add_person
from toktra.server.people.signed_in import SignedIn
from toktra.server.retention.service import queries as retention
from toktra.server.rights import service
from toktra.server.rights.copies import service as copies
from toktra.server.rights.copies.prepare_job import prepare as prepare_copy
from toktra.server.rights.copies.sealing import lock_of
from toktra.server.rights.erasure import erase
from toktra.server.rights.kinds import Kind
from toktra.server.rights.requests import find
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import Tenant
from toktra.server.web.access import Role

SCALE: Final = float(os.environ.get("TOKTRA_BENCH_SCALE", "1"))
EVENTS: Final = round(30_000_000 * SCALE)
OWN_EVENTS: Final = 100_000
DAYS: Final = 400
LIMITS: Final = {"copy_s": 20, "copy_peak_mb": 150, "erasure_s_per_10000": 1.0, "day_s": 0.5, "month_ms": 100}
_LONG_AGO: Final = (timedelta(days=1240), timedelta(days=1200))

_FILL: Final = """
    insert into usage_event
    select %(t)s, day::timestamp at time zone 'UTC' + n * interval '86400 seconds' / (%(a_day)s + 1), %(d)s, 1,
        (day - %(first)s) * %(a_day)s::bigint + n,
        case when n %% %(one_in)s = 0 then %(own)s
             else ('00000000-0000-4000-8000-' || lpad(to_hex(n %% 500), 12, '0'))::uuid end,
        (array['api.openai.com', 'api.anthropic.com', 'chatgpt.com'])[1 + n / %(one_in)s %% 3],
        16000, 80000, 4000, 800, %(v)s
    from (select (%(from)s::date + d) as day from generate_series(0, %(days)s - 1) d) days,
        generate_series(1, %(a_day)s) n
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
            return asyncio.run(_measure(urls, base, founded.tenant))
    finally:
        shutil.rmtree(base)


async def _measure(urls: DatabaseUrls, home: Path, tenant: Tenant) -> dict[str, object]:
    tenant_id = tenant.tenant_id
    async with Database(urls.app, connections=2) as database:
        own = await add_person(database, tenant_id, display_name="Own", role=Role.EMPLOYEE)
        rows, filled_s = _fill(urls, tenant_id, own)
        copy = await _copy(database, urls, SignedIn(tenant, own, "Own", Role.EMPLOYEE))
        began = time.perf_counter()
        async with database.tenant(tenant_id) as connection:
            day = await retention.first_deletable_event(
                connection, tenant_id=tenant_id, day=datetime.now(UTC).date() - timedelta(days=DAYS - 2)
            )
            day_rows = await retention.delete_events(
                connection, tenant_id=tenant_id, first=day, last=day + timedelta(days=1)
            )
        day_s = time.perf_counter() - began
        began = time.perf_counter()
        async with database.tenant(tenant_id) as connection:
            erased = await erase(connection, tenant_id, own, UUID(int=1))
        erasure_s = time.perf_counter() - began
        month = {
            name: await drop_oldest(database, urls, home, tenant_id, in_memory=in_memory)
            for name, in_memory in (("on_disk", False), ("in_memory", True))
        }
    return {
        "events": rows,
        "events_of_the_person": erased.events,
        "filled_s": round(filled_s),
        **copy,
        "erasure_s": round(erasure_s, 2),
        "erasure_s_per_10000": round(erasure_s / erased.events * 10_000, 3),
        "day_s": round(day_s, 3),
        "day_rows": day_rows,
        "month": month,
        "limits": LIMITS,
    }


def _fill(urls: DatabaseUrls, tenant_id: UUID, own: UUID) -> tuple[int, float]:
    """On the server's side, a month at a time and in the order of time, as events come."""
    first = datetime.now(UTC).date() - timedelta(days=DAYS - 1)
    a_day = max(EVENTS // DAYS, 2 * OWN_EVENTS // DAYS)
    of = {"t": tenant_id, "d": UUID(int=7), "own": own, "v": ESTIMATOR_VERSION, "first": first, "a_day": a_day}
    of["one_in"] = a_day * DAYS // OWN_EVENTS
    began = time.perf_counter()
    with psycopg.connect(urls.app, autocommit=True) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, false)", [str(tenant_id)])
        connection.execute("set synchronous_commit = off")
        rows = sum(_month(connection, of, (datetime.now(UTC) - ago).date().replace(day=1), 28) for ago in _LONG_AGO)
        for place in range(0, DAYS, 28):
            rows += _month(connection, of, first + timedelta(days=place), min(28, DAYS - place))
            print(f"rights: {rows:,} events", file=sys.stderr)
        for statement in _SUMS:
            connection.execute(statement.encode(), of)
    with psycopg.connect(urls.needed_owner, autocommit=True) as connection:
        connection.execute("analyze")
    return rows, time.perf_counter() - began


def _month(connection: psycopg.Connection[Any], of: dict[str, Any], begin: date, days: int) -> int:
    for at in (begin, begin + timedelta(days=days)):
        connection.execute("select create_usage_event_month(%s)", [at])
    return connection.execute(_FILL.encode(), {**of, "from": begin, "days": days}).rowcount


async def _copy(database: Database, urls: DatabaseUrls, reader: SignedIn) -> dict[str, object]:
    """Made by the job, from what was asked to what its person can fetch."""
    tenant_id = reader.tenant.tenant_id
    request_id = await service.ask(database, reader, Kind.ACCESS, Regulation.GDPR, "")
    await copies.begin(database, reader, request_id, lock_of(str(x25519.Identity.generate().to_public())), "en")
    settings = ServerSettings(database_url=urls.app, privacy_database_url=urls.privacy)
    work = Work(tenant_id, database, settings, attempt=1, is_last_attempt=False)
    before_mb, began, began_cpu = _peak_mb(), time.perf_counter(), time.process_time()
    await prepare_copy.function(work, request_id=request_id, language="en")
    took_s, took_cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    async with database.tenant(tenant_id) as connection:
        made = await find(connection, tenant_id, request_id)
    if made.copy_bytes is None:
        raise RuntimeError("the copy is not whole")
    return {
        "copy_s": round(took_s, 2),
        "copy_cpu_s": round(took_cpu_s, 2),
        "copy_mb": round(made.copy_bytes / 1e6, 1),
        "copy_peak_mb": round(_peak_mb()),
        "copy_grew_mb": round(_peak_mb() - before_mb),
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
