"""A large organisation in a ledger: 10,000 people, 12,000 devices, a year of sums, today's events, an audit trail.

Everyone has a device, some two; on each day nine devices of ten report, and most people use two providers. The database
makes the rows itself. They are not written to its log, and keys are made when the rows are there: nothing here measures
writing, and reading is the same. TOKTRA_BENCH_SCALE=0.2 makes everything a fifth.
"""

from __future__ import annotations

import os
from typing import Final
from uuid import UUID

import psycopg

from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.database.source import DatabaseUrls

SCALE: Final = float(os.environ.get("TOKTRA_BENCH_SCALE", "1"))
PEOPLE: Final = round(10_000 * SCALE)
DEVICES: Final = round(12_000 * SCALE)
DAYS: Final = 365
EVENTS: Final = round(60_000 * SCALE)
"""Of the last hours."""
OWN_EVENTS: Final = 2_000
"""Of the one who reads the pages, over the last thirty days."""
AUDIT_ENTRIES: Final = round(50_000 * SCALE)

_BARE: Final = """
alter table usage_daily set unlogged;
alter table usage_daily drop constraint usage_daily_pkey;
alter table device_day set unlogged;
alter table device_day drop constraint device_day_pkey, drop constraint device_day_tenant_id_device_id_fkey
"""
_KEYS: Final = """
alter table usage_daily add primary key (tenant_id, day, person_id, provider_host, estimator_version);
alter table device_day add primary key (tenant_id, day, device_id),
    add foreign key (tenant_id, device_id) references device on delete cascade
"""
_ROWS: Final = """
insert into person (tenant_id, person_id, display_name, email, department)
    select %(t)s, md5('p' || n)::uuid, 'Person ' || md5(n::text), 'p' || n || '@example.org',
    'Department ' || n %% 40 from generate_series(1, %(people)s) n;
update person set manager_id = md5('p' || 1 + length(display_name) %% 9)::uuid where email is not null
    and person_id <> md5('p' || 1 + length(display_name) %% 9)::uuid;
insert into device (tenant_id, device_id, public_key, hostname, platform, agent_version, enrolled_at,
    last_report_on, previous_report_on) select %(t)s, md5('d' || n)::uuid,
    decode(md5('k' || n) || md5('l' || n), 'hex'), 'desk-' || n, 'linux', '1.0', now() - interval '400 days',
    current_date, current_date - 1 from generate_series(1, %(devices)s) n;
insert into account select %(t)s, md5('d' || n)::uuid, 'account',
    case n when 1 then %(reader)s else md5('p' || 1 + n %% %(people)s)::uuid end
    from generate_series(1, %(devices)s) n;
insert into device_day select %(t)s, current_date - d, md5('d' || n)::uuid
    from generate_series(0, %(days)s - 1) d, generate_series(1, %(devices)s) n where (n + d) %% 10 > 0;
insert into usage_daily select %(t)s, current_date - d, p.person_id, h, %(version)s, 5, 40000, 90000, 10000, 2000
    from generate_series(0, %(days)s - 1) d, (
        select person_id, row_number() over () as n from person where tenant_id = %(t)s) p,
    (values (0, 'api.openai.com'), (1, 'api.anthropic.com')) hosts (k, h) where (n + d + k) %% 7 < 5;
insert into usage_hourly select tenant_id, day::timestamp at time zone 'UTC' + make_interval(hours => hour),
    provider_host, estimator_version, exchanges / 9, request_bytes / 9, response_bytes / 9, input_tokens / 9,
    output_tokens / 9 from generate_series(8, 16) hour, (
        select tenant_id, day, provider_host, estimator_version, sum(exchanges) as exchanges,
            sum(request_bytes) as request_bytes, sum(response_bytes) as response_bytes,
            sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens
        from usage_daily where tenant_id = %(t)s group by 1, 2, 3, 4) days;
select create_usage_event_month(current_date - d) from (values (0), (30)) days (d);
insert into usage_event select %(t)s, now() - n * interval '10 hours' / %(events)s,
    md5('d' || 1 + n %% %(devices)s)::uuid, 1, n, md5('p' || 1 + n %% %(people)s)::uuid, 'api.openai.com',
    8000, 18000, 2000, 400, %(version)s from generate_series(1, %(events)s) n;
insert into usage_event select %(t)s, now() - n * interval '30 days' / %(own)s, md5('d1')::uuid, 1, n, %(reader)s,
    'api.openai.com', 8000, 18000, 2000, 400, %(version)s from generate_series(1, %(own)s) n;
insert into audit_entry (tenant_id, number, at, tag, actor, actor_id, actor_role, subject_id, reason, previous_hash,
    hash)
    select %(t)s, last.number + n, now(), case n %% 3 when 0 then 'person:viewed' else 'session:started' end,
        'person', %(reader)s, 'owner', md5('p' || 1 + n %% %(people)s)::uuid,
        case n %% 3 when 0 then 'A question about a bill' end, decode(repeat('00', 32), 'hex'),
        decode(repeat('00', 32), 'hex')
    from generate_series(1, %(entries)s) n,
        (select coalesce(max(number), 0) as number from audit_entry where tenant_id = %(t)s) last
"""
"""Statements, in order. The chain of the audit trail is not one that would verify: pages read it without checking."""


def fill(urls: DatabaseUrls, tenant_id: UUID, reader: UUID) -> None:
    """`reader`: who will open the pages; they have a device and uses of their own."""
    of = {
        "t": tenant_id,
        "reader": reader,
        "people": PEOPLE,
        "devices": DEVICES,
        "days": DAYS,
        "events": EVENTS,
        "own": OWN_EVENTS,
        "entries": AUDIT_ENTRIES,
        "version": ESTIMATOR_VERSION,
    }
    with psycopg.connect(urls.needed_owner) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
        connection.execute("set local maintenance_work_mem = '512MB'")
        for statement in ";".join((_BARE, _ROWS, _KEYS)).split(";"):
            connection.execute(statement.encode(), of)
    with psycopg.connect(urls.needed_owner, autocommit=True) as connection:
        connection.execute("vacuum analyze")
