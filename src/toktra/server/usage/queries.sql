-- Every sum comes from a rollup. Only the last exchanges read single events, by an index and at most :most of them.

-- name: sums(tenant_id, first, last)
-- Per day, host and version of the estimator between two hours. usage_hourly has no person, so its size does not grow with the organisation.
select (hour at time zone 'UTC')::date as day, provider_host, estimator_version, sum(exchanges)::bigint as exchanges,
    sum(request_bytes)::bigint as request_bytes, sum(response_bytes)::bigint as response_bytes,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens
from usage_hourly
where tenant_id = :tenant_id and hour >= :first and hour < :last
group by 1, 2, 3
order by 1, 2, 3;

-- name: people_with_use(tenant_id, days)$
-- `days`: the newest first. Most people used something on the newest day, which one pass of the key tells; the others are
-- looked up person by person until a day has a row. Both are a few pages of the key instead of every row of the period.
-- The limits keep the planner from undoing it.
with newest as materialized (
    select distinct u.person_id from usage_daily u
    where u.tenant_id = :tenant_id and u.day = (:days ::date[])[1])
select count(*) from person p
where p.tenant_id = :tenant_id and (
    p.person_id in (select person_id from newest)
    or exists (
        select from unnest((:days ::date[])[2:]) as d (day), lateral (
            select from usage_daily u
            where u.tenant_id = :tenant_id and u.day = d.day and u.person_id = p.person_id
            limit 1) as used
        limit 1));

-- name: use_at_places(reader, tenant_id, days, hosts, crowd)
-- For each given place, a day and a host: how many people used it, counted up to a crowd, which a few rows of the key
-- tell; and where there is no crowd, what those other than the reader used.
select d.day, d.provider_host, c.people, s.*
from unnest(:days ::date[], :hosts ::text[]) as d (day, provider_host)
cross join lateral (
    select count(*)::integer as people from (
        select distinct u.person_id from usage_daily u
        where u.tenant_id = :tenant_id and u.day = d.day and u.provider_host = d.provider_host
        limit :crowd) as first) as c
cross join lateral (
    select min(u.estimator_version) as estimator_version,
        coalesce(sum(u.exchanges) filter (where u.person_id <> :reader), 0)::bigint as exchanges_of_others,
        coalesce(sum(u.request_bytes) filter (where u.person_id <> :reader), 0)::bigint as request_bytes_of_others,
        coalesce(sum(u.response_bytes) filter (where u.person_id <> :reader), 0)::bigint as response_bytes_of_others,
        coalesce(sum(u.input_tokens) filter (where u.person_id <> :reader), 0)::bigint as input_tokens_of_others,
        coalesce(sum(u.output_tokens) filter (where u.person_id <> :reader), 0)::bigint as output_tokens_of_others
    from usage_daily u
    where c.people < :crowd and u.tenant_id = :tenant_id and u.day = d.day and u.provider_host = d.provider_host) as s;

-- name: last_exchanges(reader, tenant_id, now, since, most)
select at, person_id = :reader as is_own, provider_host, estimator_version, request_bytes, response_bytes,
    estimated_input_tokens as input_tokens, estimated_output_tokens as output_tokens
from usage_event
where tenant_id = :tenant_id and at <= :now and at > :since and estimated_input_tokens > 0
order by at desc
limit :most;

-- name: newest_record(reader, tenant_id, now)^
select at, person_id = :reader as is_own, provider_host, (at at time zone 'UTC')::date as day
from usage_event
where tenant_id = :tenant_id and at <= :now
order by at desc
limit 1;

-- name: newest_day(tenant_id)$
select (max(hour) at time zone 'UTC')::date from usage_hourly where tenant_id = :tenant_id;

-- name: oldest_day(tenant_id)$
select (min(hour) at time zone 'UTC')::date from usage_hourly where tenant_id = :tenant_id;

-- name: devices_that_reported(tenant_id, first, last)
select day, count(*)::integer as devices from device_day
where tenant_id = :tenant_id and day >= :first and day <= :last
group by day;

-- name: devices_enrolled(tenant_id)
-- How many devices are enrolled since each day, and for revoked ones until when they reported.
select (enrolled_at at time zone 'UTC')::date as since,
    case when status = 'active' then null else last_report_on end as until,
    status = 'active' as is_active, count(*)::integer as devices
from device where tenant_id = :tenant_id
group by 1, 2, 3;

-- name: ledger_state(tenant_id)^
-- Changes whenever a batch is taken in, a device comes or goes, or a person does.
select coalesce(sum(d.last_seq + d.epoch), 0)::text as batches,
    count(*) filter (where d.status = 'active') as devices,
    (select count(*) from person where tenant_id = :tenant_id and status = 'active') as people,
    max(d.last_report_on) as last_report_on
from device d where d.tenant_id = :tenant_id;

-- name: sums_by_department(tenant_id, first, last)
-- Only of departments whose figures may be shown on that day; see ingest/groups.py.
select u.day, u.department, u.provider_host, u.estimator_version, u.exchanges, u.request_bytes, u.response_bytes,
    u.input_tokens, u.output_tokens
from usage_group_daily u
join usage_group_day g on g.tenant_id = u.tenant_id and g.day = u.day and g.department = u.department and g.is_shown
where u.tenant_id = :tenant_id and u.day >= :first and u.day <= :last
order by u.day, u.department, u.provider_host, u.estimator_version;
