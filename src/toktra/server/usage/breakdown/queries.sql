-- All from usage_hourly, which has no person: its size does not grow with the organisation.

-- name: days(tenant_id, first, last)
-- Per day (UTC), host and version of the estimator between two hours.
select (hour at time zone 'UTC')::date as day, provider_host, estimator_version, sum(exchanges)::bigint as exchanges,
    sum(request_bytes)::bigint as request_bytes, sum(response_bytes)::bigint as response_bytes,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens
from usage_hourly
where tenant_id = :tenant_id and hour >= :first and hour < :last
group by 1, 2, 3;

-- name: hours(tenant_id, first, last, days)
-- Per hour, of the given days only.
select hour, (hour at time zone 'UTC')::date as day, provider_host, estimator_version, exchanges, request_bytes,
    response_bytes, input_tokens, output_tokens
from usage_hourly
where tenant_id = :tenant_id and hour >= :first and hour < :last
    and (hour at time zone 'UTC')::date = any(:days ::date[]);

-- name: days_with_a_crowd(tenant_id, days, crowd)
-- Days on which so many people had any use: hours are shown only of those. It reads no more of a day than it must.
select d.day
from unnest(:days ::date[]) as d (day)
where (select count(*) from (
    select distinct u.person_id from usage_daily u where u.tenant_id = :tenant_id and u.day = d.day
    limit :crowd) as first) >= :crowd;

-- name: hosts_before(tenant_id, first, hosts)
-- Which of the hosts had been used before.
select host from unnest(:hosts ::text[]) as h (host)
where exists (select from usage_hourly u where u.tenant_id = :tenant_id and u.hour < :first and u.provider_host = h.host);
