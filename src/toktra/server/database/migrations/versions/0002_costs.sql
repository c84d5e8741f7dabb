-- No cost is ever stored: only what it is computed from. The tokens are in the ledger, list prices in the price file;
-- here are an organisation's own assumptions, and the totals its providers report.

-- One row for each time someone said something about prices. Rows are only added, so that a figure of last month can
-- be explained after an assumption has changed. In force on a day is the row with the latest valid_from up to that
-- day and, of several with the same, the one set last; a null value takes an assumption back from valid_from on.
create table cost_assumption (
    tenant_id      uuid not null references tenant,
    assumption_id  uuid not null default gen_random_uuid(),
    kind           text not null
                   check (kind in ('model_mix', 'contract', 'seats', 'currency', 'exchange_rate')),
    subject        text not null check (length(subject) between 1 and 60),
    valid_from     date not null check (valid_from >= date '2020-01-01'),
    value          jsonb,
    set_by         uuid,
    set_at         timestamptz not null default now(),
    primary key (tenant_id, assumption_id),
    foreign key (tenant_id, set_by) references person on delete set null (set_by)
);
create index cost_assumption_subject on cost_assumption (tenant_id, kind, subject, valid_from, set_at);

-- A connection to a provider's usage API. The key is sealed with the server's own, which is not in this database.
create table usage_api (
    tenant_id     uuid not null references tenant,
    provider_id   text not null check (length(provider_id) between 1 and 40),
    sealed_key    bytea not null,
    key_hint      text not null check (length(key_hint) <= 12),
    organisation  text,
    connected_by  uuid,
    connected_at  timestamptz not null default now(),
    fetched_at    timestamptz,
    fault         text,
    primary key (tenant_id, provider_id),
    foreign key (tenant_id, connected_by) references person on delete set null (connected_by)
);

-- What a provider says one whole UTC day of the organisation's account was: the truth the estimates are held against.
create table reported_day (
    tenant_id      uuid not null,
    provider_id    text not null,
    day            date not null,
    input_tokens   bigint not null check (input_tokens >= 0),
    output_tokens  bigint not null check (output_tokens >= 0),
    requests       bigint check (requests >= 0),
    fetched_at     timestamptz not null default now(),
    primary key (tenant_id, provider_id, day),
    foreign key (tenant_id, provider_id) references usage_api on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['cost_assumption', 'usage_api', 'reported_day'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
