-- The sums by hour name nobody, so what a person added to them is taken away as long as their single uses say what.

-- name: hours_of(tenant_id, person_id)
select distinct date_bin('1 hour', at, '2000-01-01 00:00+00') as hour from usage_event
where tenant_id = :tenant_id and person_id = :person_id;

-- name: delete_days(tenant_id, person_id)!
delete from usage_daily where tenant_id = :tenant_id and person_id = :person_id;

-- name: lock_hours(tenant_id, hours)!
select from usage_hourly where tenant_id = :tenant_id and hour = any(:hours)
order by tenant_id, hour, provider_host, estimator_version for update;

-- name: take_from_hours(tenant_id, person_id)!
update usage_hourly sums set
    exchanges = sums.exchanges - own.exchanges,
    request_bytes = sums.request_bytes - own.request_bytes,
    response_bytes = sums.response_bytes - own.response_bytes,
    input_tokens = sums.input_tokens - own.input_tokens,
    output_tokens = sums.output_tokens - own.output_tokens
from (
    select date_bin('1 hour', at, '2000-01-01 00:00+00') as hour, provider_host, estimator_version,
        count(*) filter (where estimated_input_tokens > 0) as exchanges,
        sum(request_bytes)::bigint as request_bytes, sum(response_bytes)::bigint as response_bytes,
        sum(estimated_input_tokens)::bigint as input_tokens, sum(estimated_output_tokens)::bigint as output_tokens
    from usage_event
    where tenant_id = :tenant_id and person_id = :person_id
    group by 1, 2, 3
) own
where sums.tenant_id = :tenant_id and sums.hour = own.hour and sums.provider_host = own.provider_host
  and sums.estimator_version = own.estimator_version;

-- name: delete_empty_hours(tenant_id, hours)!
delete from usage_hourly
where tenant_id = :tenant_id and hour = any(:hours) and exchanges <= 0 and request_bytes <= 0 and response_bytes <= 0;

-- name: delete_events(tenant_id, person_id)!
delete from usage_event where tenant_id = :tenant_id and person_id = :person_id;
