-- The tables. Every tenant table's key starts with tenant_id (the unit of isolation and of distribution), and
-- row-level security binds even their owner. Ids are random and say nothing.

create table tenant (
    tenant_id   uuid primary key default gen_random_uuid(),
    slug        text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$'),
    name        text not null check (length(name) between 1 and 200),
    region      text not null default 'local',
    status      text not null default 'active' check (status in ('active', 'suspended')),
    created_at  timestamptz not null default now()
);

create table person (
    tenant_id     uuid not null references tenant,
    person_id     uuid not null default gen_random_uuid(),
    display_name  text not null check (length(display_name) between 1 and 400),
    email         text,
    role          text not null default 'employee'
                  check (role in ('owner', 'administrator', 'finance', 'privacy_officer', 'auditor', 'employee')),
    status        text not null default 'active' check (status in ('active', 'inactive')),
    created_at    timestamptz not null default now(),
    primary key (tenant_id, person_id)
);
create unique index person_email on person (tenant_id, lower(email)) where email is not null;

create table device (
    tenant_id          uuid not null references tenant,
    device_id          uuid not null default gen_random_uuid(),
    public_key         bytea not null check (length(public_key) = 32),
    hostname           text not null,
    platform           text not null,
    agent_version      text not null,
    estimator_version  text,
    status             text not null default 'active' check (status in ('active', 'revoked')),
    epoch              integer not null default 1 check (epoch >= 1),
    last_seq           bigint not null default 0 check (last_seq >= 0),
    enrolled_at        timestamptz not null default now(),
    last_report_on     date,
    primary key (tenant_id, device_id),
    unique (tenant_id, public_key)
) with (fillfactor = 70);  -- last_seq changes with every batch: room for the new row version on the same page

create table account (
    tenant_id  uuid not null,
    device_id  uuid not null,
    name       text not null,
    person_id  uuid not null,
    primary key (tenant_id, device_id, name),
    foreign key (tenant_id, device_id) references device on delete cascade,
    foreign key (tenant_id, person_id) references person
);
create index account_person on account (tenant_id, person_id);

create table enrolment_code (
    tenant_id   uuid not null references tenant,
    code_hash   bytea not null check (length(code_hash) = 32),
    person_id   uuid,
    expires_at  timestamptz not null,
    uses_left   integer not null check (uses_left >= 0),
    created_at  timestamptz not null default now(),
    primary key (tenant_id, code_hash),
    foreign key (tenant_id, person_id) references person on delete cascade
);

create table sign_in_link (
    tenant_id   uuid not null,
    token_hash  bytea not null check (length(token_hash) = 32),
    person_id   uuid not null,
    expires_at  timestamptz not null,
    used_at     timestamptz,
    primary key (tenant_id, token_hash),
    foreign key (tenant_id, person_id) references person on delete cascade
);

create table session (
    tenant_id   uuid not null,
    token_hash  bytea not null check (length(token_hash) = 32),
    person_id   uuid not null,
    created_at  timestamptz not null default now(),
    seen_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    primary key (tenant_id, token_hash),
    foreign key (tenant_id, person_id) references person on delete cascade
);

-- One row per use of AI. No foreign keys and no unique index: ingest_batch decides what is new by the device's
-- sequence and resolves the person under the device's lock, which costs a third of checking each row.
create table usage_event (
    tenant_id                uuid not null,
    at                       timestamptz not null,
    device_id                uuid not null,
    epoch                    integer not null,
    sequence                 bigint not null,
    person_id                uuid not null,
    provider_host            text not null,
    request_bytes            bigint not null,
    response_bytes           bigint not null,
    estimated_input_tokens   bigint not null,
    estimated_output_tokens  bigint not null,
    estimator_version        text not null
) partition by range (at);
create index usage_event_at on usage_event (tenant_id, at);
create index usage_event_person on usage_event (tenant_id, person_id);  -- erasure and access: 0.9 s, not 7.4 s

-- Sums per UTC day and per UTC hour, kept in the transaction that stores the events. `exchanges` counts events with
-- estimated_input_tokens > 0: the others continue an exchange already counted.
create table usage_daily (
    tenant_id          uuid not null,
    day                date not null,
    person_id          uuid not null,
    provider_host      text not null,
    estimator_version  text not null,
    exchanges          bigint not null,
    request_bytes      bigint not null,
    response_bytes     bigint not null,
    input_tokens       bigint not null,
    output_tokens      bigint not null,
    primary key (tenant_id, day, person_id, provider_host, estimator_version)
) with (fillfactor = 70);

create table usage_hourly (
    tenant_id          uuid not null,
    hour               timestamptz not null,
    provider_host      text not null,
    estimator_version  text not null,
    exchanges          bigint not null,
    request_bytes      bigint not null,
    response_bytes     bigint not null,
    input_tokens       bigint not null,
    output_tokens      bigint not null,
    primary key (tenant_id, hour, provider_host, estimator_version)
) with (fillfactor = 70);

-- Which devices reported on which day, and nothing finer: coverage must not show anyone's private hours.
create table device_day (
    tenant_id  uuid not null,
    day        date not null,
    device_id  uuid not null,
    primary key (tenant_id, day, device_id),
    foreign key (tenant_id, device_id) references device on delete cascade
);

-- One rule for all: a row is there only for the tenant the transaction names. The sub-select makes PostgreSQL read
-- the setting once per statement instead of once per row; nullif, because a setting that was local to an earlier
-- transaction of the connection reads as '' and not as null.
do $$
declare
    name text;
begin
    foreach name in array array['person', 'device', 'account', 'enrolment_code', 'sign_in_link', 'session',
                                'usage_event', 'usage_daily', 'usage_hourly', 'device_day'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
