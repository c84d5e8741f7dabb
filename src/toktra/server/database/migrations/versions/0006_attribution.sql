-- How finely an organisation's use is attributed, and what is kept when it is not attributed to persons.

-- Two times say it all: an event may be kept with its person when it happened at or after person_since, with its
-- department when it happened at or after department_since, and otherwise only as the organisation's. null is never.
-- An organisation without a row has always attributed to persons. is_clearing: detail it may no longer have is still
-- being deleted.
create table attribution (
    tenant_id         uuid primary key references tenant,
    person_since      timestamptz default '-infinity',
    department_since  timestamptz default '-infinity',
    is_clearing       boolean not null default false,
    check (person_since is null or (department_since is not null and department_since <= person_since))
);

-- Every change of it, with its reason: the notice that every employee reads. Rows are only added.
create table attribution_change (
    tenant_id     uuid not null references tenant,
    number        bigint generated always as identity,
    changed_at    timestamptz not null default now(),
    changed_by    uuid,
    former        text not null check (former in ('person', 'department', 'organisation')),
    level         text not null check (level in ('person', 'department', 'organisation')),
    effective_at  timestamptz not null,
    reason        text not null check (length(reason) between 1 and 400),
    primary key (tenant_id, number),
    foreign key (tenant_id, changed_by) references person on delete set null (changed_by)
);

-- In which department a person is from a day (UTC) on, until the next row of theirs. Kept by a trigger, so that no way
-- of changing a person can forget it. What was recorded before someone's first row counts with that row.
create table department_period (
    tenant_id   uuid not null,
    person_id   uuid not null,
    since       date not null,
    department  text,
    primary key (tenant_id, person_id, since),
    foreign key (tenant_id, person_id) references person on delete cascade
);

create function keep_department() returns trigger language plpgsql as $$
begin
    insert into department_period (tenant_id, person_id, since, department)
    values (new.tenant_id, new.person_id,
            case when tg_op = 'INSERT' then date '2020-01-01' else (now() at time zone 'UTC')::date end, new.department)
    on conflict (tenant_id, person_id, since) do update set department = excluded.department;
    return null;
end $$;

alter table person no force row level security;
insert into department_period (tenant_id, person_id, since, department)
select tenant_id, person_id, date '2020-01-01', department from person;
alter table person force row level security;

create trigger keep_first_department after insert on person for each row execute function keep_department();
create trigger keep_department after update of department on person
    for each row when (new.department is distinct from old.department) execute function keep_department();

-- The department of a person on a day; null for none.
create function department_on(p_tenant uuid, p_person uuid, p_day date) returns text language sql stable as $$
    select m.department from department_period m
    where m.tenant_id = p_tenant and m.person_id = p_person and m.since <= p_day
    order by m.since desc limit 1
$$;

-- Sums of use that is attributed to no person: by the day on which its record arrived, and '' for a department where
-- there is none or none is kept. There is no single event of it. That the day is that of arrival is what makes a day's
-- sums final once it is over: what changed later could be found by subtracting, and would be one device's.
create table usage_group_daily (
    tenant_id          uuid not null references tenant,
    day                date not null,
    department         text not null,
    provider_host      text not null,
    estimator_version  text not null,
    exchanges          bigint not null,
    request_bytes      bigint not null,
    response_bytes     bigint not null,
    input_tokens       bigint not null,
    output_tokens      bigint not null,
    primary key (tenant_id, day, department, provider_host, estimator_version)
) with (fillfactor = 70);

-- Among how many people the use of a group on a day cannot be told apart, and whether its figures are shown. Written
-- once, when the day is over, and never changed: were it found anew each time, a device that is given to someone else
-- would change what is withheld, and two looks could be subtracted.
create table usage_group_day (
    tenant_id   uuid not null references tenant,
    day         date not null,
    department  text not null,
    people      integer not null check (people >= 0),
    is_shown    boolean not null,
    primary key (tenant_id, day, department)
);

do $$
declare
    name text;
begin
    foreach name in array array['attribution', 'attribution_change', 'department_period', 'usage_group_daily',
                                'usage_group_day'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
