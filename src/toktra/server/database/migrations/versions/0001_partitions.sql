-- usage_event by month. The server's role may create a month but nothing else: the function runs as the owner of the
-- tables, takes a month and no text, and refuses months no honest device can report. A default partition would need
-- no such function, but every later split of it scans and locks what is in it.
--
-- A month is made beside the table and then attached, which does not stop writers of other months.

create function create_usage_event_month(p_month date) returns boolean
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
    if to_regclass('public.' || part) is not null then
        return false;
    end if;
    execute format('create table public.%I (like public.usage_event including all)', part);
    execute format('alter table public.%I enable row level security', part);  -- and no policy: only through its parent
    execute format('alter table public.%I force row level security', part);
    execute format('alter table public.usage_event attach partition public.%I for values from (%L) to (%L)',
                   part, first::text || ' 00:00+00', (first + interval '1 month')::date::text || ' 00:00+00');
    return true;
end $$;
revoke all on function create_usage_event_month(date) from public;
