-- The events of a batch as rows, by unnest in the select list: PostgreSQL then makes one row after the other, where
-- unnest in the from list first writes each of seven columns into a store of its own. The sums take two thirds as long.

-- Stores events with their people, and adds them to the sums. `p_since`: earlier ones of each user are not to be kept.
create or replace function keep_with_person(
    p_tenant uuid, p_device uuid, p_epoch integer, p_prev_seq bigint, p_estimator_version text, people uuid[],
    p_hosts text[], p_at timestamptz[], p_host bigint[], p_user bigint[], p_request_bytes bigint[],
    p_response_bytes bigint[], p_input_tokens bigint[], p_output_tokens bigint[],
    p_from_place integer, p_now timestamptz, p_since timestamptz[]
) returns void language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    g_hour timestamptz[];
    g_user bigint[];
    g_host bigint[];
    g_exchanges bigint[];
    g_request_bytes bigint[];
    g_response_bytes bigint[];
    g_input_tokens bigint[];
    g_output_tokens bigint[];
begin
    insert into usage_event (tenant_id, at, device_id, epoch, sequence, person_id, provider_host, request_bytes,
        response_bytes, estimated_input_tokens, estimated_output_tokens, estimator_version)
    select p_tenant, e.at, p_device, p_epoch, p_prev_seq + e.place, people[e.user_], p_hosts[e.host],
        e.request_bytes, e.response_bytes, e.input_tokens, e.output_tokens, p_estimator_version
    from (
        select unnest(p_at) as at, unnest(p_host) as host, unnest(p_user) as user_,
            unnest(p_request_bytes) as request_bytes, unnest(p_response_bytes) as response_bytes,
            unnest(p_input_tokens) as input_tokens, unnest(p_output_tokens) as output_tokens,
            generate_series(1, cardinality(p_at)) as place
    ) e
    where e.place >= p_from_place and least(e.at, p_now) >= p_since[e.user_];

    -- Summed once, as finely as both tables need, and kept here: two statements then lock days before hours.
    select array_agg(g.hour), array_agg(g.user_), array_agg(g.host), array_agg(g.exchanges),
        array_agg(g.request_bytes), array_agg(g.response_bytes), array_agg(g.input_tokens), array_agg(g.output_tokens)
    into g_hour, g_user, g_host, g_exchanges, g_request_bytes, g_response_bytes, g_input_tokens, g_output_tokens
    from (
        select date_bin('1 hour', e.at, '2000-01-01 00:00+00') as hour, e.user_, e.host,
            count(*) filter (where e.input_tokens > 0) as exchanges,
            sum(e.request_bytes)::bigint as request_bytes, sum(e.response_bytes)::bigint as response_bytes,
            sum(e.input_tokens)::bigint as input_tokens, sum(e.output_tokens)::bigint as output_tokens
        from (
            select unnest(p_at) as at, unnest(p_host) as host, unnest(p_user) as user_,
                unnest(p_request_bytes) as request_bytes, unnest(p_response_bytes) as response_bytes,
                unnest(p_input_tokens) as input_tokens, unnest(p_output_tokens) as output_tokens,
                generate_series(1, cardinality(p_at)) as place
        ) e
        where e.place >= p_from_place and least(e.at, p_now) >= p_since[e.user_]
        group by 1, 2, 3
    ) g;

    insert into usage_daily as sums (tenant_id, day, person_id, provider_host, estimator_version, exchanges,
        request_bytes, response_bytes, input_tokens, output_tokens)
    select p_tenant, (g.hour at time zone 'UTC')::date, people[g.user_], p_hosts[g.host], p_estimator_version,
        sum(g.exchanges)::bigint, sum(g.request_bytes)::bigint, sum(g.response_bytes)::bigint,
        sum(g.input_tokens)::bigint, sum(g.output_tokens)::bigint
    from unnest(g_hour, g_user, g_host, g_exchanges, g_request_bytes, g_response_bytes, g_input_tokens, g_output_tokens)
        as g (hour, user_, host, exchanges, request_bytes, response_bytes, input_tokens, output_tokens)
    group by 2, 3, 4
    order by 2, 3, 4
    on conflict (tenant_id, day, person_id, provider_host, estimator_version) do update set
        exchanges = sums.exchanges + excluded.exchanges,
        request_bytes = sums.request_bytes + excluded.request_bytes,
        response_bytes = sums.response_bytes + excluded.response_bytes,
        input_tokens = sums.input_tokens + excluded.input_tokens,
        output_tokens = sums.output_tokens + excluded.output_tokens;

    insert into usage_hourly as sums (tenant_id, hour, provider_host, estimator_version, exchanges,
        request_bytes, response_bytes, input_tokens, output_tokens)
    select p_tenant, g.hour, p_hosts[g.host], p_estimator_version,
        sum(g.exchanges)::bigint, sum(g.request_bytes)::bigint, sum(g.response_bytes)::bigint,
        sum(g.input_tokens)::bigint, sum(g.output_tokens)::bigint
    from unnest(g_hour, g_host, g_exchanges, g_request_bytes, g_response_bytes, g_input_tokens, g_output_tokens)
        as g (hour, host, exchanges, request_bytes, response_bytes, input_tokens, output_tokens)
    group by 2, 3
    order by 2, 3
    on conflict (tenant_id, hour, provider_host, estimator_version) do update set
        exchanges = sums.exchanges + excluded.exchanges,
        request_bytes = sums.request_bytes + excluded.request_bytes,
        response_bytes = sums.response_bytes + excluded.response_bytes,
        input_tokens = sums.input_tokens + excluded.input_tokens,
        output_tokens = sums.output_tokens + excluded.output_tokens;
end $$;

-- Adds events to the sums of their groups and keeps nothing else of them: no person, no device, no time of day.
-- `groups` has the group of each user. The day is the one on which they arrive, so that no later batch changes it.
create or replace function keep_with_group(
    p_tenant uuid, p_estimator_version text, groups text[], p_hosts text[], p_at timestamptz[], p_host bigint[],
    p_user bigint[], p_request_bytes bigint[], p_response_bytes bigint[], p_input_tokens bigint[],
    p_output_tokens bigint[], p_from_place integer, p_now timestamptz, p_since timestamptz[]
) returns void language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    today date := (p_now at time zone 'UTC')::date;
begin
    insert into usage_group_daily as sums (tenant_id, day, department, provider_host, estimator_version, exchanges,
        request_bytes, response_bytes, input_tokens, output_tokens)
    select p_tenant, today, groups[e.user_], p_hosts[e.host], p_estimator_version,
        count(*) filter (where e.input_tokens > 0), sum(e.request_bytes)::bigint, sum(e.response_bytes)::bigint,
        sum(e.input_tokens)::bigint, sum(e.output_tokens)::bigint
    from (
        select unnest(p_at) as at, unnest(p_host) as host, unnest(p_user) as user_,
            unnest(p_request_bytes) as request_bytes, unnest(p_response_bytes) as response_bytes,
            unnest(p_input_tokens) as input_tokens, unnest(p_output_tokens) as output_tokens,
            generate_series(1, cardinality(p_at)) as place
    ) e
    where e.place >= p_from_place and least(e.at, p_now) >= p_since[e.user_]
    group by 3, 4
    order by 3, 4
    on conflict (tenant_id, day, department, provider_host, estimator_version) do update set
        exchanges = sums.exchanges + excluded.exchanges,
        request_bytes = sums.request_bytes + excluded.request_bytes,
        response_bytes = sums.response_bytes + excluded.response_bytes,
        input_tokens = sums.input_tokens + excluded.input_tokens,
        output_tokens = sums.output_tokens + excluded.output_tokens;
end $$;
