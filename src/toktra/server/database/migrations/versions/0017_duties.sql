-- Who answers a request, requests that programs record, the language of an organisation's letters, and the end of entries
-- of the audit trail that are past their time.

-- Which of those who answer has taken it; nobody while it is null.
alter table rights_request drop constraint rights_request_channel_check;
alter table rights_request
    add column owner_id uuid,
    add foreign key (tenant_id, owner_id) references person on delete set null (owner_id),
    add constraint rights_request_channel_check check (channel in ('portal', 'officer', 'mail', 'api'));

-- In which language the organisation writes where no reader says theirs. English without a row.
create table organisation_language (
    tenant_id  uuid primary key references tenant,
    language   text not null check (language ~ '^[a-z]{2}$')
);

alter table retention_rule drop constraint retention_rule_kind_check;
alter table retention_rule
    add constraint retention_rule_kind_check check (kind in ('events', 'sums', 'requests', 'audit'));
alter table retention_run drop constraint retention_run_kind_check;
alter table retention_run
    add constraint retention_run_kind_check check (kind in ('events', 'sums', 'requests', 'audit'));

-- What the oldest entry of a trail follows on, once those before it are past their time.
create table audit_cut (
    tenant_id  uuid primary key references tenant,
    number     bigint not null check (number >= 1),
    hash       bytea not null check (length(hash) = 32),
    cut_at     timestamptz not null default now()
);

do $$
declare
    name text;
begin
    foreach name in array array['organisation_language', 'audit_cut'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;

-- Entries before a day (UTC) go, the oldest first and without a gap, and what the rest follows on is written down. The
-- newest entry always stays, and all stay while anybody's data is held by law. The server's role may do this for the
-- organisation it acts for, and no more: not for entries of the last 731 days. How many went.
create function cut_audit_trail(p_tenant uuid, p_before date) returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    last_one record;
    gone bigint;
begin
    if p_before > (now() at time zone 'UTC')::date - 731 then
        raise exception 'entries are kept for 731 days at least' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('toktra.audit_entry ' || p_tenant::text, 0));
    if exists (select from public.legal_hold where tenant_id = p_tenant and ends_on >= current_date) then
        return 0;
    end if;
    select number, hash into last_one from public.audit_entry e
    where e.tenant_id = p_tenant and e.at < p_before::timestamp at time zone 'UTC'
      and e.number < (select max(number) from public.audit_entry where tenant_id = p_tenant)
      and not exists (select from public.audit_entry o where o.tenant_id = p_tenant and o.number < e.number
                      and o.at >= p_before::timestamp at time zone 'UTC')
    order by e.number desc limit 1;
    if not found then
        return 0;
    end if;
    delete from public.audit_entry where tenant_id = p_tenant and number <= last_one.number;
    get diagnostics gone = row_count;
    insert into public.audit_cut (tenant_id, number, hash) values (p_tenant, last_one.number, last_one.hash)
    on conflict (tenant_id) do update set number = excluded.number, hash = excluded.hash, cut_at = now();
    return gone;
end $$;
revoke all on function cut_audit_trail(uuid, date) from public;

-- As before, but whoever waited for another's month sees it: a name that was looked up in vain is remembered as missing,
-- also after the wait, and a row of the catalogue is not.
create or replace function create_usage_event_month(p_month date) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    first date := date_trunc('month', p_month)::date;
    part text := 'usage_event_' || to_char(first, 'YYYYMM');
begin
    if first < date '2020-01-01' or first > (now() at time zone 'UTC')::date + 62 then
        raise exception 'no month of usage can begin on %', first using errcode = 'invalid_parameter_value';
    end if;
    if to_regclass('public.' || part) is not null then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('toktra.usage_event', 0));
    if exists (select from pg_class where relname = part and relnamespace = 'public'::regnamespace) then
        return false;
    end if;
    execute format('create table public.%I (like public.usage_event including all)', part);
    execute format('alter table public.%I enable row level security', part);  -- and no policy: only through its parent
    execute format('alter table public.%I force row level security', part);
    execute format('alter table public.usage_event attach partition public.%I for values from (%L) to (%L)',
                   part, first::text || ' 00:00+00', (first + interval '1 month')::date::text || ' 00:00+00');
    return true;
end $$;
