-- name: people_by_department(tenant_id, first, last)
-- How many people every department has now; 0 for one that people were in only earlier, on some of these days.
with span as (
    select coalesce(department, '') as department, since,
        lead(since, 1, date 'infinity') over (partition by person_id order by since) as until
    from department_period
    where tenant_id = :tenant_id),
were_there as (
    select distinct department from span where since <= :last and until > :first),
are_there as (
    select coalesce(department, '') as department, count(*)::integer as people
    from person where tenant_id = :tenant_id and status = 'active'
    group by 1)
select department, coalesce(a.people, 0) as people
from were_there full join are_there a using (department);

-- name: use_by_department(tenant_id, days)
-- Of use that is kept with its person: by the department the person was in on each of these days. Day by day, with
-- `offset 0` as a fence, so that each day's rows are read once in the order of the key and not person by person; and
-- grouped by the bytes of names, as sorting them by a language takes longer than all the rest.
with membership as materialized (
    select person_id, coalesce(department, '') collate "C" as department, since,
        lead(since, 1, date 'infinity') over (partition by person_id order by since) as until
    from department_period
    where tenant_id = :tenant_id)
select d.day, s.*
from unnest(:days ::date[]) as d (day)
cross join lateral (
    select m.department, u.provider_host collate "C" as provider_host,
        u.estimator_version collate "C" as estimator_version, sum(u.exchanges)::bigint as exchanges,
        sum(u.request_bytes)::bigint as request_bytes, sum(u.response_bytes)::bigint as response_bytes,
        sum(u.input_tokens)::bigint as input_tokens, sum(u.output_tokens)::bigint as output_tokens
    from (select * from usage_daily own where own.tenant_id = :tenant_id and own.day = d.day offset 0) u
    join membership m on m.person_id = u.person_id and d.day >= m.since and d.day < m.until
    group by 1, 2, 3) as s;

-- name: what_divides(tenant_id)^
-- Changes whenever somebody comes, goes or changes departments, an account is found to be somebody's, or the oldest
-- days are deleted: all that divides a day that is over in another way without changing its sums. A sum over hashes is
-- the same in whatever order the rows come.
select
    (select sum(uuid_hash_extended(person_id, 0) # hashtextextended(status, 1) # coalesce(hashtextextended(department, 2), 0))
        from person where tenant_id = :tenant_id)::text as people,
    (select sum(uuid_hash_extended(person_id, 0) # hashint4extended(since - date '2000-01-01', 1)
            # coalesce(hashtextextended(department, 2), 0))
        from department_period where tenant_id = :tenant_id)::text as departments,
    (select sum(uuid_hash_extended(device_id, 0) # uuid_hash_extended(person_id, 1)
            # coalesce(uuid_hash_extended(unnamed_id, 2), 0) # hashtextextended(name, 3))
        from account where tenant_id = :tenant_id)::text as accounts,
    (select min(day) from usage_daily where tenant_id = :tenant_id) as oldest;
