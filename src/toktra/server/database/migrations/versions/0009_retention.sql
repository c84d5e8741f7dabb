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

-- Months of single uses that no organisation may still have, by the longest anyone may keep them, go whole: the tables
-- and not their rows. The server's role may do this and no more. Names of the months that went. One held for someone by
-- law stays, which each organisation's own rows say: so all of them are asked.
create function drop_usage_event_months(p_keep_days integer) returns setof text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    part text;
    organisation uuid;
    is_held boolean := false;
    former text := current_setting('toktra.tenant_id', true);
begin
    if p_keep_days < 1100 then
        raise exception 'months are kept for 1100 days at least' using errcode = 'invalid_parameter_value';
    end if;
    for organisation in select tenant_id from public.tenant loop
        perform set_config('toktra.tenant_id', organisation::text, true);
        is_held := is_held or exists (select from public.legal_hold where tenant_id = organisation and ends_on >= current_date);
    end loop;
    perform set_config('toktra.tenant_id', coalesce(former, ''), true);
    if is_held then
        return;
    end if;
    for part in
        select c.relname from pg_class c join pg_inherits i on i.inhrelid = c.oid
        where i.inhparent = 'public.usage_event'::regclass and c.relname ~ '^usage_event_[0-9]{6}$'
          and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' < current_date - p_keep_days
        order by c.relname
    loop
        execute format('drop table public.%I', part);
        return next part;
    end loop;
end $$;
revoke all on function drop_usage_event_months(integer) from public;
