-- A month of single uses goes as soon as no organisation may still have it by its own rule, not only once nobody could
-- have it by any rule. One month in each transaction, the oldest first: its table is locked for a moment only, since
-- what takes time, giving its files back, begins when the locks are gone. A statement that waits for a lock has all who
-- come after it wait too, so it waits a tenth of a second at most, and the caller tries again.
create or replace function drop_usage_event_months(p_keep_days integer) returns setof text
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set lock_timeout = '100ms' as $$
declare
    part text;
    organisation uuid;
    keep_days integer := 0;
    is_held boolean := false;
    former text := current_setting('toktra.tenant_id', true);
begin
    if p_keep_days < 400 then
        raise exception 'without a rule of their own, organisations keep single uses for 400 days at least'
            using errcode = 'invalid_parameter_value';
    end if;
    for organisation in select tenant_id from public.tenant loop
        perform set_config('toktra.tenant_id', organisation::text, true);
        keep_days := greatest(keep_days, coalesce(
            (select r.keep_days from public.retention_rule r where r.tenant_id = organisation and r.kind = 'events'),
            p_keep_days));
        is_held := is_held or exists (select from public.legal_hold where tenant_id = organisation and ends_on >= current_date);
    end loop;
    perform set_config('toktra.tenant_id', coalesce(former, ''), true);
    if is_held then
        return;
    end if;
    select c.relname into part from pg_class c join pg_inherits i on i.inhrelid = c.oid
    where i.inhparent = 'public.usage_event'::regclass and c.relname ~ '^usage_event_[0-9]{6}$'
      and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month'
          < (now() at time zone 'UTC')::date - greatest(keep_days, 1)
    order by c.relname limit 1;
    if part is not null then
        execute format('drop table if exists public.%I', part);  -- another organisation's night may have been first
        return next part;
    end if;
end $$;
