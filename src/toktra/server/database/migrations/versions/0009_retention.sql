-- How long each kind of data is kept. An organisation without a row has the default of the kind (see the room retention).

create table retention_rule (
    tenant_id   uuid not null references tenant,
    kind        text not null check (kind in ('events', 'sums', 'requests')),
    keep_days   integer not null check (keep_days between 1 and 4000),
    changed_at  timestamptz not null default now(),
    primary key (tenant_id, kind)
);

-- What the nightly job deleted: the proof that it ran. Numbers only.
create table retention_run (
    tenant_id     uuid not null references tenant,
    number        bigint generated always as identity,
    ran_at        timestamptz not null default now(),
    kind          text not null check (kind in ('events', 'sums', 'requests')),
    kept_from     date not null,
    rows_deleted  bigint not null check (rows_deleted >= 0),
    primary key (tenant_id, number)
);

do $$
declare
    name text;
begin
    foreach name in array array['retention_rule', 'retention_run'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
