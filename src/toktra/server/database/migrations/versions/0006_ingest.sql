-- Takes in one batch of one device, whole or not at all, in one round trip. Runs as the caller, under row-level
-- security. Hosts and users are sent once each; p_host and p_user say for every event which of them it means.
--
-- outcome      stored | duplicate: everything up to last_seq of epoch is dealt with once this transaction commits
--              gap: the batch does not follow on what is here; the device resends from last_seq + 1 of epoch
--              unknown_device | other_key | revoked | suspended: nothing was changed
--
-- What is kept of an event is decided here, before anything is written: with its person, with their department, or as
-- the organisation's (see the table attribution). An event from before the present level began was not to be kept so
-- finely, and alone among later ones it could be told apart, so nothing of it is kept.
--
-- Locks are taken in one order by everyone (the level, the device, then days, then hours, each sorted), so batches of
-- many devices that meet in the same sums wait for each other but never in a circle.

drop function ingest_batch(uuid, uuid, integer, bigint, text, text, text[], text[], timestamptz[], bigint[], bigint[],
    bigint[], bigint[], bigint[], bigint[]);

create function ingest_batch(
    p_tenant uuid, p_device uuid, p_public_key bytea, p_epoch integer, p_prev_seq bigint,
    p_agent_version text, p_estimator_version text, p_missed bigint, p_hosts text[], p_users text[],
    p_at timestamptz[], p_host bigint[], p_user bigint[], p_request_bytes bigint[], p_response_bytes bigint[],
    p_input_tokens bigint[], p_output_tokens bigint[],
    out outcome text, out epoch integer, out last_seq bigint
) language plpgsql set plan_cache_mode = force_generic_plan as $$  -- planning every batch anew takes a sixth more CPU
#variable_conflict use_column
declare
    known record;
    moment timestamptz;
    today date;
    last_in_batch bigint := p_prev_seq + cardinality(p_at);
    from_place integer;
    people uuid[];
begin
    perform set_config('toktra.tenant_id', p_tenant::text, true);
    -- Who changes the level, or closes a day, waits for the batches under way; batches do not wait for each other.
    perform pg_advisory_xact_lock_shared(hashtextextended('toktra.attribution ' || p_tenant::text, 0));
    moment := clock_timestamp();  -- not now(): that may lie before the lock, on a day that is closed
    today := (moment at time zone 'UTC')::date;

    select d.epoch, d.last_seq, d.status, d.hostname, d.last_report_on, d.public_key, t.status as tenant_status,
        case when a.tenant_id is null then '-infinity' else a.person_since end as person_since, a.department_since
    into known
    from device d join tenant t on t.tenant_id = d.tenant_id left join attribution a on a.tenant_id = d.tenant_id
    where d.tenant_id = p_tenant and d.device_id = p_device
    for no key update of d;
    if not found then
        outcome := 'unknown_device';
        return;
    end if;
    epoch := known.epoch;
    last_seq := known.last_seq;
    if known.tenant_status <> 'active' then
        outcome := 'suspended';
        return;
    elsif known.status <> 'active' then
        outcome := 'revoked';
        return;
    elsif p_public_key <> known.public_key then  -- the device has a new key since this one was looked up
        outcome := 'other_key';
        return;
    end if;

    if p_epoch > known.epoch and p_prev_seq = 0 then  -- the device lost its queue and counts from 1 again
        epoch := p_epoch;
        last_seq := 0;
    elsif p_epoch <> known.epoch or p_prev_seq > known.last_seq then
        outcome := 'gap';
        return;
    end if;

    outcome := 'duplicate';
    if last_in_batch > last_seq then
        outcome := 'stored';
        from_place := (last_seq - p_prev_seq)::integer + 1;
        people := people_of_accounts(p_tenant, p_device, known.hostname, p_users);
        if known.person_since <= moment then
            perform keep_with_person(p_tenant, p_device, p_epoch, p_prev_seq, p_estimator_version, people, p_hosts,
                p_at, p_host, p_user, p_request_bytes, p_response_bytes, p_input_tokens, p_output_tokens,
                from_place, moment, recordable_since(p_tenant, people, known.person_since));
        elsif known.department_since <= moment then
            perform keep_with_group(p_tenant, p_estimator_version, departments_of(p_tenant, people), p_hosts,
                p_at, p_host, p_user, p_request_bytes, p_response_bytes, p_input_tokens, p_output_tokens,
                from_place, moment, recordable_since(p_tenant, people, known.department_since));
        else
            perform keep_with_group(p_tenant, p_estimator_version, array_fill(''::text, array[cardinality(people)]),
                p_hosts, p_at, p_host, p_user, p_request_bytes, p_response_bytes, p_input_tokens, p_output_tokens,
                from_place, moment, recordable_since(p_tenant, people, '-infinity'));
        end if;
        last_seq := last_in_batch;
    end if;

    update device d set epoch = ingest_batch.epoch, last_seq = ingest_batch.last_seq, missed = coalesce(p_missed, d.missed),
        agent_version = p_agent_version, estimator_version = p_estimator_version, last_report_on = today
    where d.tenant_id = p_tenant and d.device_id = p_device;
    if known.last_report_on is distinct from today then
        insert into device_day (tenant_id, day, device_id) values (p_tenant, today, p_device) on conflict do nothing;
    end if;
end $$;

-- Stores events with their people, and adds them to the sums. `p_since`: earlier ones of each user are not to be kept.
create function keep_with_person(
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
    from unnest(p_at, p_host, p_user, p_request_bytes, p_response_bytes, p_input_tokens, p_output_tokens)
        with ordinality as e (at, host, user_, request_bytes, response_bytes, input_tokens, output_tokens, place)
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
        from unnest(p_at, p_host, p_user, p_request_bytes, p_response_bytes, p_input_tokens, p_output_tokens)
            with ordinality as e (at, host, user_, request_bytes, response_bytes, input_tokens, output_tokens, place)
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
create function keep_with_group(
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
    from unnest(p_at, p_host, p_user, p_request_bytes, p_response_bytes, p_input_tokens, p_output_tokens)
        with ordinality as e (at, host, user_, request_bytes, response_bytes, input_tokens, output_tokens, place)
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

-- The department each of these people is in now; '' for none.
create function departments_of(p_tenant uuid, p_people uuid[]) returns text[] language sql stable as $$
    select array_agg(coalesce(p.department, '') order by o.place)
    from unnest(p_people) with ordinality o (person_id, place)
    left join person p on p.tenant_id = p_tenant and p.person_id = o.person_id
$$;

-- From when on something may be recorded of each of these people; 'infinity' for not at all. (0009 says the rest.)
create function recordable_since(p_tenant uuid, p_people uuid[], p_since timestamptz)
returns timestamptz[] language plpgsql stable as $$
begin
    return array_fill(p_since, array[cardinality(p_people)]);
end $$;
