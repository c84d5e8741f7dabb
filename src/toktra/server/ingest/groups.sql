-- name: wait_for_batches(tenant_id)!
-- Until the transaction ends, batches of the organisation wait; those under way have ended. See ingest_batch.
select pg_advisory_xact_lock(hashtextextended('toktra.attribution ' || (:tenant_id)::text, 0));

-- name: today()$
select (clock_timestamp() at time zone 'UTC')::date;

-- name: days_to_close(tenant_id, today)
-- Days are closed in their order, so those still open come after the last that is closed.
select distinct day from usage_group_daily
where tenant_id = :tenant_id and day < :today
  and day > coalesce((select max(day) from usage_group_day where tenant_id = :tenant_id), '-infinity')
order by 1;

-- name: people_reporting(tenant_id, day, by_department)
-- How many people have an account on a device that reported on the day, by the department they were in then.
-- Who moved on that day counts in neither: their use may stand with the one or with the other.
select case when :by_department then coalesce(department_on(:tenant_id, p.person_id, :day), '') else '' end as department,
    count(*)::integer as people
from (select distinct a.person_id from device_day r
      join account a on a.tenant_id = r.tenant_id and a.device_id = r.device_id
      where r.tenant_id = :tenant_id and r.day = :day) p
where not :by_department
    or department_on(:tenant_id, p.person_id, :day) is not distinct from department_on(:tenant_id, p.person_id, :day - 1)
group by 1;

-- name: has_departments(tenant_id, day)$
select exists (select from usage_group_daily where tenant_id = :tenant_id and day = :day and department <> '');

-- name: departments_of_day(tenant_id, day)
select distinct department from usage_group_daily where tenant_id = :tenant_id and day = :day;

-- name: close_group(tenant_id, day, department, people, is_shown)!
insert into usage_group_day (tenant_id, day, department, people, is_shown)
values (:tenant_id, :day, :department, :people, :is_shown);

-- name: add_day_to_totals(tenant_id, day)!
-- The day's total goes where every total comes from, as of midnight: no hour of it is known.
insert into usage_hourly (tenant_id, hour, provider_host, estimator_version, exchanges, request_bytes, response_bytes,
    input_tokens, output_tokens)
select tenant_id, day::timestamp at time zone 'UTC', provider_host, estimator_version, sum(exchanges)::bigint,
    sum(request_bytes)::bigint, sum(response_bytes)::bigint, sum(input_tokens)::bigint, sum(output_tokens)::bigint
from usage_group_daily
where tenant_id = :tenant_id and day = :day
group by tenant_id, day, provider_host, estimator_version
on conflict (tenant_id, hour, provider_host, estimator_version) do update set
    exchanges = usage_hourly.exchanges + excluded.exchanges,
    request_bytes = usage_hourly.request_bytes + excluded.request_bytes,
    response_bytes = usage_hourly.response_bytes + excluded.response_bytes,
    input_tokens = usage_hourly.input_tokens + excluded.input_tokens,
    output_tokens = usage_hourly.output_tokens + excluded.output_tokens;

-- name: oldest_day_by_person(tenant_id)$
select min(day) from usage_daily where tenant_id = :tenant_id;

-- name: people_of_day(tenant_id, day, by_department)
select case when :by_department then coalesce(department_on(:tenant_id, p.person_id, :day), '') else '' end as department,
    count(*)::integer as people
from (select distinct person_id from usage_daily where tenant_id = :tenant_id and day = :day) p
group by 1;

-- name: sum_day_by_group(tenant_id, day, into_day, by_department)!
-- Records dated ahead of the clock count for today.
with taken as (
    delete from usage_daily where tenant_id = :tenant_id and day = :day returning *
), grouped as (
    select t.*, case when :by_department then coalesce(department_on(:tenant_id, t.person_id, :day), '') else '' end
        as department
    from taken t
)
insert into usage_group_daily as sums (tenant_id, day, department, provider_host, estimator_version, exchanges,
    request_bytes, response_bytes, input_tokens, output_tokens)
select tenant_id, :into_day ::date, department, provider_host, estimator_version, sum(exchanges)::bigint,
    sum(request_bytes)::bigint, sum(response_bytes)::bigint, sum(input_tokens)::bigint, sum(output_tokens)::bigint
from grouped
group by 1, 2, 3, 4, 5
on conflict (tenant_id, day, department, provider_host, estimator_version) do update set
    exchanges = sums.exchanges + excluded.exchanges,
    request_bytes = sums.request_bytes + excluded.request_bytes,
    response_bytes = sums.response_bytes + excluded.response_bytes,
    input_tokens = sums.input_tokens + excluded.input_tokens,
    output_tokens = sums.output_tokens + excluded.output_tokens;

-- name: delete_hours(tenant_id, day)!
delete from usage_hourly
where tenant_id = :tenant_id and hour >= :day ::date::timestamp at time zone 'UTC'
  and hour < (:day ::date + 1)::timestamp at time zone 'UTC';

-- name: delete_events(tenant_id, first, last)!
delete from usage_event where tenant_id = :tenant_id and at >= :first and at < :last;

-- name: delete_all_events(tenant_id)!
delete from usage_event where tenant_id = :tenant_id;

-- name: merge_departments(tenant_id)!
with taken as (
    delete from usage_group_daily where tenant_id = :tenant_id and department <> '' returning *
)
insert into usage_group_daily as sums (tenant_id, day, department, provider_host, estimator_version, exchanges,
    request_bytes, response_bytes, input_tokens, output_tokens)
select tenant_id, day, '', provider_host, estimator_version, sum(exchanges)::bigint,
    sum(request_bytes)::bigint, sum(response_bytes)::bigint, sum(input_tokens)::bigint, sum(output_tokens)::bigint
from taken
group by 1, 2, 4, 5
on conflict (tenant_id, day, department, provider_host, estimator_version) do update set
    exchanges = sums.exchanges + excluded.exchanges,
    request_bytes = sums.request_bytes + excluded.request_bytes,
    response_bytes = sums.response_bytes + excluded.response_bytes,
    input_tokens = sums.input_tokens + excluded.input_tokens,
    output_tokens = sums.output_tokens + excluded.output_tokens;

-- name: merge_closed_days(crowd, tenant_id)!
with taken as (
    delete from usage_group_day where tenant_id = :tenant_id and department <> '' returning *
)
insert into usage_group_day as closed (tenant_id, day, department, people, is_shown)
select tenant_id, day, '', sum(people)::integer, sum(people) >= :crowd
from taken
group by 1, 2
on conflict (tenant_id, day, department) do update set
    people = closed.people + excluded.people, is_shown = closed.people + excluded.people >= :crowd;
