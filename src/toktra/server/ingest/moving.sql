-- name: move_events(tenant_id, former, person_id)!
update usage_event set person_id = :person_id where tenant_id = :tenant_id and person_id = :former;

-- name: move_days(tenant_id, former, person_id)!
-- Sums are added in the order in which ingest adds them, so that the two wait for each other but never in a circle.
with moved as (
    delete from usage_daily where tenant_id = :tenant_id and person_id = :former returning *
)
insert into usage_daily as sums (tenant_id, day, person_id, provider_host, estimator_version, exchanges,
    request_bytes, response_bytes, input_tokens, output_tokens)
select tenant_id, day, :person_id, provider_host, estimator_version, exchanges, request_bytes, response_bytes,
    input_tokens, output_tokens
from moved
order by day, provider_host, estimator_version
on conflict (tenant_id, day, person_id, provider_host, estimator_version) do update set
    exchanges = sums.exchanges + excluded.exchanges,
    request_bytes = sums.request_bytes + excluded.request_bytes,
    response_bytes = sums.response_bytes + excluded.response_bytes,
    input_tokens = sums.input_tokens + excluded.input_tokens,
    output_tokens = sums.output_tokens + excluded.output_tokens;
