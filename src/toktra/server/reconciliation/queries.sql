-- name: connections(tenant_id)
select u.provider_id, u.key_hint, u.organisation, u.connected_at, u.fetched_at, u.fault, p.display_name as connected_by,
    (select min(r.day) from reported_day r where r.tenant_id = u.tenant_id and r.provider_id = u.provider_id) as first,
    (select max(r.day) from reported_day r where r.tenant_id = u.tenant_id and r.provider_id = u.provider_id) as last
from usage_api u
left join person p on p.tenant_id = u.tenant_id and p.person_id = u.connected_by
where u.tenant_id = :tenant_id
order by u.provider_id;

-- name: sealed_key(tenant_id, provider_id)^
select sealed_key, organisation from usage_api where tenant_id = :tenant_id and provider_id = :provider_id;

-- name: connect(tenant_id, provider_id, sealed_key, key_hint, organisation, connected_by)!
-- A new key for a connection that stands replaces the old one; what was fetched with it stays.
insert into usage_api (tenant_id, provider_id, sealed_key, key_hint, organisation, connected_by)
values (:tenant_id, :provider_id, :sealed_key, :key_hint, :organisation, :connected_by)
on conflict (tenant_id, provider_id) do update set
    sealed_key = excluded.sealed_key, key_hint = excluded.key_hint, connected_by = excluded.connected_by,
    organisation = coalesce(excluded.organisation, usage_api.organisation), connected_at = now(), fault = null;

-- name: disconnect(tenant_id, provider_id)!
-- The totals fetched go with it.
delete from usage_api where tenant_id = :tenant_id and provider_id = :provider_id;

-- name: store_days(tenant_id, provider_id, days, input_tokens, output_tokens, requests)!
insert into reported_day (tenant_id, provider_id, day, input_tokens, output_tokens, requests)
select :tenant_id, :provider_id, d.day, d.input_tokens, d.output_tokens, d.requests
from unnest(:days ::date[], :input_tokens ::bigint[], :output_tokens ::bigint[], :requests ::bigint[])
    as d (day, input_tokens, output_tokens, requests)
on conflict (tenant_id, provider_id, day) do update set
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, requests = excluded.requests,
    fetched_at = now()
where (reported_day.input_tokens, reported_day.output_tokens, reported_day.requests)
    is distinct from (excluded.input_tokens, excluded.output_tokens, excluded.requests);

-- name: note_fetch(tenant_id, provider_id, organisation)!
update usage_api set fetched_at = now(), fault = null, organisation = coalesce(:organisation, organisation)
where tenant_id = :tenant_id and provider_id = :provider_id;

-- name: note_fault(tenant_id, provider_id, fault)!
update usage_api set fault = :fault where tenant_id = :tenant_id and provider_id = :provider_id;

-- name: reported_days(tenant_id, first, last)
select provider_id, day, input_tokens, output_tokens, requests from reported_day
where tenant_id = :tenant_id and day >= :first and day <= :last
order by provider_id, day;
