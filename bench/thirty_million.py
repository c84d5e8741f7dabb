"""A ledger in use: thirty million events of ninety days, nine of ten of them one organisation's, and twenty small ones.

The large organisation has 10,000 people in forty departments, the small ones fifty people in two each; everyone has a
device, nine devices of ten report on a day, and everyone uses three providers on each. Events lie in the order of time,
with the organisations' mixed, as they come in. The sums are made from the events. The database makes the rows itself,
as its superuser, and keys of the sums when their rows are there: reading is the same. TOKTRA_BENCH_SCALE=0.1 makes a
tenth of the events and of the large organisation's people; the small ones keep their people.
"""

from __future__ import annotations

import hashlib
import os
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from toktra.catalogue.estimate import ESTIMATOR_VERSION

SCALE: Final = float(os.environ.get("TOKTRA_BENCH_SCALE", "1"))
EVENTS: Final = round(30_000_000 * SCALE)
DAYS: Final = 90
LARGE: Final = round(10_000 * SCALE)
"""People of the large organisation."""
SMALL: Final = 50
SMALL_ONES: Final = 20

_DIRECTORY: Final[LiteralString] = """
insert into person (tenant_id, person_id, display_name, email, department)
    select %(t)s, md5(%(slug)s || n)::uuid, 'Person ' || md5(n::text), 'p' || n || '@' || %(slug)s || '.example.org',
        'Department ' || n %% %(departments)s from generate_series(0, %(people)s - 1) n;
insert into device (tenant_id, device_id, public_key, hostname, platform, agent_version, enrolled_at, last_report_on,
    previous_report_on) select %(t)s, md5('d' || %(slug)s || n)::uuid,
    decode(md5('k' || %(slug)s || n) || md5('l' || n), 'hex'), 'desk-' || n, 'linux', '1.0',
    now() - interval '400 days', %(today)s, %(today)s::date - 1 from generate_series(0, %(people)s - 1) n;
insert into account select %(t)s, md5('d' || %(slug)s || n)::uuid, 'account', md5(%(slug)s || n)::uuid
    from generate_series(0, %(people)s - 1) n;
insert into device_day select %(t)s, %(today)s::date - d, md5('d' || %(slug)s || n)::uuid
    from generate_series(0, %(days)s - 1) d, generate_series(0, %(people)s - 1) n where (n + d) %% 10 > 0
"""
_DAY: Final[LiteralString] = """
insert into usage_event
    select (%(tenants)s::uuid[])[1 + place], at, md5('d' || slug || who)::uuid, 1, %(before)s::bigint + n,
        md5(slug || who)::uuid,
        (array['api.openai.com', 'chatgpt.com', 'api.anthropic.com', 'claude.ai', 'api.mistral.ai',
            'generativelanguage.googleapis.com'])[1 + (who + n %% 3) %% 6],
        900 + n %% 5000, 20000 + n %% 70000, 200 + n %% 900, 300 + n %% 700, %(version)s
    from (
        select n, place, at, (%(slugs)s::text[])[1 + place] as slug,
            hashint8(n) & 2147483647 as hash, case place when 0 then %(large)s else %(small)s end as people
        from (
            select n, case when n %% 10 < 9 then 0 else 1 + n / 10 %% %(small_ones)s end as place,
                %(day)s::timestamp at time zone 'UTC' + n * interval '86000 seconds' / %(a_day)s as at
            from generate_series(0, %(a_day)s - 1) n) placed
        where at < %(now)s) named, lateral (select hash %% people as who) chosen
"""
_SUMS: Final[LiteralString] = """
alter table usage_daily drop constraint usage_daily_pkey;
insert into usage_daily select tenant_id, (at at time zone 'UTC')::date, person_id, provider_host,
    estimator_version, count(*), sum(request_bytes), sum(response_bytes), sum(estimated_input_tokens),
    sum(estimated_output_tokens) from usage_event group by 1, 2, 3, 4, 5 order by 2;
alter table usage_daily add primary key (tenant_id, day, person_id, provider_host, estimator_version);
insert into usage_hourly select tenant_id, date_bin('1 hour', at, '2000-01-01 00:00+00'), provider_host,
    estimator_version, count(*), sum(request_bytes), sum(response_bytes), sum(estimated_input_tokens),
    sum(estimated_output_tokens) from usage_event group by 1, 2, 3, 4 order by 2
"""


def slugs() -> list[str]:
    """Short names of the organisations, the large one first."""
    return ["large", *(f"small-{number}" for number in range(SMALL_ONES))]


def person(slug: str, number: int) -> str:
    """The id of a person, as text."""
    return str(UUID(bytes=hashlib.md5(f"{slug}{number}".encode(), usedforsecurity=False).digest()))


def fill(superuser_url: str, tenants: dict[str, UUID]) -> int:
    """Fills organisations that are there and empty, by their short names; the number of events stored."""
    now = datetime.now(UTC)
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute("set work_mem = '512MB'")
        for slug in slugs():
            _people(connection, slug, tenants[slug], now.date())
        stored = _events(connection, tenants, now)
        for statement in _SUMS.split(";"):
            connection.execute(statement.encode())
        connection.execute("vacuum analyze")
    return stored


def _people(connection: psycopg.Connection[Any], slug: str, tenant_id: UUID, today: date) -> None:
    is_large = slug == "large"
    of = {
        "t": tenant_id,
        "slug": slug,
        "people": LARGE if is_large else SMALL,
        "departments": max(1, min(40, LARGE // 10)) if is_large else 2,
        "today": today,
        "days": DAYS,
    }
    for statement in _DIRECTORY.split(";"):
        connection.execute(statement.encode(), of)


def _events(connection: psycopg.Connection[Any], tenants: dict[str, UUID], now: datetime) -> int:
    a_day, stored = EVENTS // DAYS, 0
    of = {
        "tenants": [tenants[slug] for slug in slugs()],
        "slugs": slugs(),
        "large": LARGE,
        "small": SMALL,
        "small_ones": SMALL_ONES,
        "a_day": a_day,
        "version": ESTIMATOR_VERSION,
        "now": now,
    }
    for back in range(DAYS - 1, -1, -1):
        day = now.date() - timedelta(days=back)
        connection.execute("select create_usage_event_month(%s)", [day])
        stored += connection.execute(_DAY, {**of, "day": day, "before": (DAYS - back) * a_day}).rowcount
        if back % 10 == 0:
            print(f"dashboards: {stored:,} events", file=sys.stderr)
    return stored
