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

-- name: people_by_day(tenant_id, first, last)
-- How many people had any use on each day: hours are shown only of days with a crowd.
select day, count(distinct person_id)::integer as people
from usage_daily
where tenant_id = :tenant_id and day >= :first and day <= :last
group by day;

-- name: hosts_before(tenant_id, first, hosts)
-- Which of the hosts had been used before.
select host from unnest(:hosts ::text[]) as h (host)
where exists (select from usage_hourly u where u.tenant_id = :tenant_id and u.hour < :first and u.provider_host = h.host);
