-- Which cost centre a department's cost is booked to, from a month on: one more thing an organisation says about cost,
-- with the same history. A department's name is longer than a provider's id.
alter table cost_assumption
    drop constraint cost_assumption_kind_check,
    drop constraint cost_assumption_subject_check,
    add constraint cost_assumption_kind_check
        check (kind in ('model_mix', 'contract', 'seats', 'currency', 'exchange_rate', 'cost_centre')),
    add constraint cost_assumption_subject_check check (length(subject) between 1 and 200);

-- An export that is sent by itself whenever a period is over. The keys of a bucket are sealed with the server's own key,
-- which is not in this database.
create table export_schedule (
    tenant_id           uuid not null references tenant,
    schedule_id         uuid not null default gen_random_uuid(),
    dataset             text not null check (dataset in ('events', 'daily', 'costs')),
    format              text not null check (format in ('csv', 'ndjson', 'parquet')),
    rhythm              text not null check (rhythm in ('daily', 'weekly', 'monthly')),
    wait_days           integer not null check (wait_days between 1 and 30),
    starts_on           date not null,
    target              text not null check (target in ('folder', 's3')),
    folder              text check (length(folder) between 1 and 200),
    endpoint            text check (length(endpoint) between 8 and 2000),
    region              text check (length(region) between 1 and 60),
    bucket              text check (length(bucket) between 3 and 63),
    prefix              text check (length(prefix) <= 500),
    access_key_hint     text check (length(access_key_hint) <= 12),
    sealed_credentials  bytea,
    created_by          uuid,
    created_at          timestamptz not null default now(),
    ended_at            timestamptz,
    primary key (tenant_id, schedule_id),
    foreign key (tenant_id, created_by) references person on delete set null (created_by),
    check ((target = 'folder') = (folder is not null)),
    check ((target = 's3') = (bucket is not null and prefix is not null and region is not null
                              and sealed_credentials is not null and access_key_hint is not null))
);

-- One row for each period of a schedule, so that none is sent twice and none is forgotten. What is being sent says how
-- far it is, so that what was cut goes on where it was: upload_id is the bucket's name for an upload in parts.
create table export_run (
    tenant_id           uuid not null,
    schedule_id         uuid not null,
    first_day           date not null,
    last_day            date not null check (last_day >= first_day),
    state               text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
    planned_at          timestamptz not null default now(),
    attempts            integer not null default 0,
    leased_until        timestamptz,
    upload_id           text,
    size_bytes          bigint,
    sent_bytes          bigint not null default 0,
    sha256              text,
    fault               text,
    fault_detail        text check (length(fault_detail) <= 200),
    attempted_at        timestamptz,
    delivered_at        timestamptz,
    schema_version      text,
    estimator_versions  text[],
    devices_reported    bigint,
    devices_enrolled    bigint,
    primary key (tenant_id, schedule_id, first_day),
    foreign key (tenant_id, schedule_id) references export_schedule on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['export_schedule', 'export_run'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
