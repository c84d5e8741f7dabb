-- What an organisation means to spend. What was spent is in the ledger and nowhere here, so no change of a budget can
-- lose any of it; only a period that is over is written down, since the ledger forgets.
create table budget (
    tenant_id     uuid not null references tenant,
    budget_id     uuid not null default gen_random_uuid(),
    subject_kind  text not null check (subject_kind in ('organisation', 'department', 'provider', 'person')),
    subject       text not null check (length(subject) <= 200),
    person_id     uuid,
    unit          text not null check (unit in ('money', 'tokens')),
    period        text not null check (period in ('month', 'quarter', 'year', 'rolling')),
    rolling_days  integer check (rolling_days between 7 and 366),
    created_at    timestamptz not null default now(),
    starts_on     date not null,
    ended_on      date,
    primary key (tenant_id, budget_id),
    foreign key (tenant_id, person_id) references person on delete cascade,
    check ((subject_kind = 'person') = (person_id is not null)),
    check ((subject = '') = (subject_kind in ('organisation', 'person'))),
    check ((period = 'rolling') = (rolling_days is not null))
);

-- Rows are only added. In force on a day is the row with the latest valid_from up to it, of several the one set last.
create table budget_version (
    tenant_id          uuid not null,
    budget_id          uuid not null,
    number             bigint generated always as identity,
    valid_from         date not null,
    amount             numeric(20, 2) not null check (amount > 0),
    currency           text check (currency ~ '^[A-Z]{3}$'),
    thresholds         integer[] not null check (cardinality(thresholds) <= 10),
    tells_of_forecast  boolean not null,
    owner_id           uuid,
    set_by             uuid,
    set_at             timestamptz not null default now(),
    primary key (tenant_id, budget_id, number),
    foreign key (tenant_id, budget_id) references budget on delete cascade,
    foreign key (tenant_id, owner_id) references person on delete set null (owner_id),
    foreign key (tenant_id, set_by) references person on delete set null (set_by)
);

-- Each threshold is told once in a period; 0 is the forecast.
create table budget_alert (
    tenant_id     uuid not null,
    budget_id     uuid not null,
    period_first  date not null,
    threshold     integer not null check (threshold between 0 and 1000),
    is_certain    boolean not null,
    told_at       timestamptz not null default now(),
    amount        numeric(20, 2) not null,
    low           double precision not null,
    high          double precision not null,
    currency      text,
    primary key (tenant_id, budget_id, period_first, threshold),
    foreign key (tenant_id, budget_id) references budget on delete cascade
);

-- A period that is over, as it was when it was closed.
create table budget_period (
    tenant_id     uuid not null,
    budget_id     uuid not null,
    period_first  date not null,
    period_last   date not null,
    amount        numeric(20, 2) not null,
    currency      text,
    low           double precision,
    high          double precision,
    fault         text check (fault in ('not-shown', 'no-rate')),
    closed_at     timestamptz not null default now(),
    primary key (tenant_id, budget_id, period_first),
    foreign key (tenant_id, budget_id) references budget on delete cascade,
    check (num_nonnulls(low, high) = case when fault is null then 2 else 0 end)
);

-- Where an organisation wants to be told, and what was told there.
create table webhook_endpoint (
    tenant_id      uuid not null references tenant,
    endpoint_id    uuid not null default gen_random_uuid(),
    url            text not null check (length(url) between 8 and 2000),
    sealed_secret  bytea not null,
    created_by     uuid,
    created_at     timestamptz not null default now(),
    ended_at       timestamptz,
    primary key (tenant_id, endpoint_id),
    foreign key (tenant_id, created_by) references person on delete set null (created_by)
);

create table webhook_delivery (
    tenant_id        uuid not null,
    delivery_id      uuid not null default gen_random_uuid(),
    endpoint_id      uuid not null,
    event            text not null check (event ~ '^[a-z_.]{1,60}$'),
    body             text not null check (length(body) <= 20000),
    made_at          timestamptz not null default now(),
    attempts         integer not null default 0,
    claimed_until    timestamptz,
    last_attempt_at  timestamptz,
    last_status      integer,
    last_fault       text check (last_fault in ('unreachable', 'too-slow', 'not-allowed', 'refused', 'ended')),
    delivered_at     timestamptz,
    failed_at        timestamptz,
    primary key (tenant_id, delivery_id),
    foreign key (tenant_id, endpoint_id) references webhook_endpoint on delete cascade,
    check (num_nonnulls(delivered_at, failed_at) <= 1)
);
create index webhook_delivery_newest on webhook_delivery (tenant_id, made_at);

do $$
declare
    name text;
begin
    foreach name in array array['budget', 'budget_version', 'budget_alert', 'budget_period', 'webhook_endpoint',
                                'webhook_delivery'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
