-- One person's use. Sums come from usage_daily, whose rows have the person; single events only for the person themself.
-- The person's own events are gathered by the index on the person before anything else: going through all of the
-- organisation's by time until enough are theirs could take seconds.

-- name: sums(tenant_id, person_id, first, last)
select day, provider_host, estimator_version, exchanges, request_bytes, response_bytes, input_tokens, output_tokens
from usage_daily
where tenant_id = :tenant_id and person_id = :person_id and day >= :first and day <= :last
order by day, provider_host, estimator_version;

-- name: sums_within(tenant_id, person_id, first, last)
-- As above for a part of one day, between two times.
with own as materialized (
    select provider_host, estimator_version, request_bytes, response_bytes,
        estimated_input_tokens as input_tokens, estimated_output_tokens as output_tokens
    from usage_event
    where tenant_id = :tenant_id and person_id = :person_id and at >= :first and at < :last)
select (:first ::timestamptz at time zone 'UTC')::date as day, provider_host, estimator_version,
    count(*) filter (where input_tokens > 0) as exchanges,
    sum(request_bytes)::bigint as request_bytes, sum(response_bytes)::bigint as response_bytes,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens
from own
group by provider_host, estimator_version
order by provider_host, estimator_version;

-- name: newest_day(tenant_id, person_id, last)$
select max(day) from usage_daily where tenant_id = :tenant_id and person_id = :person_id and day <= :last;

-- name: newest_time(tenant_id, person_id, since)$
with own as materialized (
    select at from usage_event where tenant_id = :tenant_id and person_id = :person_id and at >= :since)
select max(at) from own;

-- name: devices_enrolled(tenant_id, person_id)
-- Since when each of the person's devices is enrolled, and for revoked ones until when it reported.
select (d.enrolled_at at time zone 'UTC')::date as since, d.status = 'active' as is_active, d.last_report_on as until
from device d
where d.tenant_id = :tenant_id and d.device_id in (
    select a.device_id from account a where a.tenant_id = :tenant_id and a.person_id = :person_id);

-- name: devices_that_reported(tenant_id, person_id, day)$
select count(*) from device_day r
where r.tenant_id = :tenant_id and r.day = :day and r.device_id in (
    select a.device_id from account a where a.tenant_id = :tenant_id and a.person_id = :person_id);

-- name: newest_event(tenant_id, person_id, since)^
with own as materialized (
    select * from usage_event where tenant_id = :tenant_id and person_id = :person_id and at >= :since),
newest as (
    select * from own order by at desc, device_id, epoch desc, sequence desc limit 1)
select e.at, e.provider_host, e.request_bytes, e.response_bytes, e.estimated_input_tokens, e.estimated_output_tokens,
    e.estimator_version, e.device_id, d.hostname, e.epoch, e.sequence
from newest e
left join device d on d.tenant_id = :tenant_id and d.device_id = e.device_id;

-- name: count_events(tenant_id, person_id)$
select count(*) from usage_event where tenant_id = :tenant_id and person_id = :person_id;

-- name: newest_events(tenant_id, person_id, skip, most)
with own as materialized (
    select * from usage_event where tenant_id = :tenant_id and person_id = :person_id),
page as (
    select * from own order by at desc, device_id, epoch desc, sequence desc limit :most offset :skip)
select e.at, e.provider_host, e.request_bytes, e.response_bytes, e.estimated_input_tokens, e.estimated_output_tokens,
    e.estimator_version, e.device_id, d.hostname, e.epoch, e.sequence
from page e
left join device d on d.tenant_id = :tenant_id and d.device_id = e.device_id
order by e.at desc, e.device_id, e.epoch desc, e.sequence desc;

-- name: span_of_events(tenant_id, person_id)^
select min(at) as first, max(at) as last from usage_event where tenant_id = :tenant_id and person_id = :person_id;

-- name: events_within(tenant_id, person_id, first, last)
-- All of a stretch at once, each found by one pass over the person's own: leafing through a hundred thousand by
-- events_after sorts them all anew for each page.
with own as materialized (
    select * from usage_event
    where tenant_id = :tenant_id and person_id = :person_id and at >= :first and at < :last)
select e.at, e.provider_host, e.request_bytes, e.response_bytes, e.estimated_input_tokens, e.estimated_output_tokens,
    e.estimator_version, e.device_id, d.hostname, e.epoch, e.sequence
from own e
left join device d on d.tenant_id = :tenant_id and d.device_id = e.device_id
order by e.at, e.device_id, e.epoch, e.sequence;

-- name: events_after(tenant_id, person_id, at, device_id, epoch, sequence, most)
with own as materialized (
    select * from usage_event
    where tenant_id = :tenant_id and person_id = :person_id and at >= :at
      and (at, device_id, epoch, sequence) > (:at, :device_id, :epoch, :sequence)),
page as (
    select * from own order by at, device_id, epoch, sequence limit :most)
select e.at, e.provider_host, e.request_bytes, e.response_bytes, e.estimated_input_tokens, e.estimated_output_tokens,
    e.estimator_version, e.device_id, d.hostname, e.epoch, e.sequence
from page e
left join device d on d.tenant_id = :tenant_id and d.device_id = e.device_id
order by e.at, e.device_id, e.epoch, e.sequence;
