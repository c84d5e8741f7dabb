-- Privacy Hours. What everybody may know is in the schema of all tables: the private time that a works agreement adds,
-- and whether a device's Privacy Hours are in use. What only its owner may know is in a schema of its own, into which the
-- role of the admin site is not let: see migrate.py, which grants it to a second role and to nobody else.

-- Each row is one state of the agreement; the newest version is in force. An empty schedule adds nothing.
create table works_agreement (
    tenant_id  uuid not null references tenant,
    version    bigint not null check (version >= 1),
    title      text not null check (length(title) between 1 and 120),
    schedule   jsonb not null check (jsonb_typeof(schedule) = 'object'),
    set_by     uuid,
    set_at     timestamptz not null default now(),
    primary key (tenant_id, version),
    foreign key (tenant_id, set_by) references person on delete set null (set_by)
);

-- A row once the device has asked for its owners' weeks; in_use_on is the day on which it first said that somebody on it
-- uses Privacy Hours. It is never taken back: what changes once cannot be watched.
create table device_privacy (
    tenant_id  uuid not null,
    device_id  uuid not null,
    in_use_on  date,
    primary key (tenant_id, device_id),
    foreign key (tenant_id, device_id) references device on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['works_agreement', 'device_privacy'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;

create schema privacy_hours;

create function privacy_hours.tenant() returns uuid language sql stable set search_path = pg_catalog as $$
    select nullif(current_setting('toktra.tenant_id', true), '')::uuid
$$;

create function privacy_hours.device() returns uuid language sql stable set search_path = pg_catalog as $$
    select nullif(current_setting('toktra.device_id', true), '')::uuid
$$;

-- Whose session the transaction names, by the hash of its token. Runs as the owner: the role that asks sees no session.
create function privacy_hours.reader() returns uuid
language sql stable security definer set search_path = pg_catalog as $$
    select s.person_id
    from public.session s
    join public.person p on p.tenant_id = s.tenant_id and p.person_id = s.person_id
    where s.tenant_id = privacy_hours.tenant()
      and s.token_hash = decode(nullif(current_setting('toktra.session_hash', true), ''), 'hex')
      and s.expires_at > now() and p.status = 'active'
$$;

-- The accounts of the device the transaction names, and whose they are.
create function privacy_hours.accounts_of_device() returns table (name text, person_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select a.name, a.person_id
    from public.account a
    join public.device d on d.tenant_id = a.tenant_id and d.device_id = a.device_id
    join public.person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
    where a.tenant_id = privacy_hours.tenant() and a.device_id = privacy_hours.device()
      and d.status = 'active' and p.status = 'active'
$$;

-- One row for each person who ever saved a week.
create table privacy_hours.week (
    tenant_id  uuid not null,
    person_id  uuid not null,
    version    bigint not null check (version >= 1),
    schedule   jsonb not null check (jsonb_typeof(schedule) = 'object'),
    primary key (tenant_id, person_id),
    foreign key (tenant_id, person_id) references public.person on delete cascade
);

-- What a save changed, for its owner alone.
create table privacy_hours.change (
    tenant_id  uuid not null,
    person_id  uuid not null,
    version    bigint not null,
    at         timestamptz not null default now(),
    zone       text not null,
    added      jsonb not null,
    removed    jsonb not null,
    primary key (tenant_id, person_id, version),
    foreign key (tenant_id, person_id) references public.person on delete cascade
);

-- Devices to which a person said that their week may go, and what the device said of it: no time, no window.
create table privacy_hours.delivery (
    tenant_id  uuid not null,
    person_id  uuid not null,
    device_id  uuid not null,
    version    bigint not null default 0,
    standing   text not null default 'nothing' check (standing in ('nothing', 'applied', 'waits', 'differs')),
    primary key (tenant_id, person_id, device_id),
    foreign key (tenant_id, person_id) references public.person on delete cascade,
    foreign key (tenant_id, device_id) references public.device on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['week', 'change', 'delivery'] loop
        execute format('alter table privacy_hours.%I enable row level security', name);
        execute format('alter table privacy_hours.%I force row level security', name);
        -- People, by their session: what it names is looked up once for a statement, not for each row.
        execute format($policy$
            create policy own on privacy_hours.%I
            using (tenant_id = (select privacy_hours.tenant()) and person_id = (select privacy_hours.reader()))
            with check (tenant_id = (select privacy_hours.tenant()) and person_id = (select privacy_hours.reader()))
            $policy$, name);
    end loop;
end $$;

-- Devices: they read the weeks of those who chose them and still have an account on them, and say how it stands.
create policy of_device on privacy_hours.delivery for select
    using (tenant_id = (select privacy_hours.tenant()) and device_id = (select privacy_hours.device())
           and person_id in (select a.person_id from privacy_hours.accounts_of_device() a));
create policy by_device on privacy_hours.delivery for update
    using (tenant_id = (select privacy_hours.tenant()) and device_id = (select privacy_hours.device())
           and person_id in (select a.person_id from privacy_hours.accounts_of_device() a));
create policy for_device on privacy_hours.week for select
    using (tenant_id = (select privacy_hours.tenant())
           and person_id in (select d.person_id from privacy_hours.delivery d
                             where d.tenant_id = (select privacy_hours.tenant())
                               and d.device_id = (select privacy_hours.device())));

revoke all on schema privacy_hours from public;
revoke all on all functions in schema privacy_hours from public;
