-- name: people_by_department(tenant_id, first, last)
-- How many people every department has now; 0 for one that people were in only earlier, on some of these days.
with span as (
    select coalesce(department, '') as department, since,
        lead(since, 1, date 'infinity') over (partition by person_id order by since) as until
    from department_period
    where tenant_id = :tenant_id),
named as (
    select department from span where since <= :last and until > :first
    union
    select coalesce(department, '') from person where tenant_id = :tenant_id and status = 'active')
select n.department, count(p.person_id)::integer as people
from named n
left join person p on p.tenant_id = :tenant_id and p.status = 'active' and coalesce(p.department, '') = n.department
group by 1;

-- name: use_by_department(tenant_id, first, last)
-- Of use that is kept with its person: by the department the person was in on each day.
with membership as (
    select person_id, coalesce(department, '') as department, since,
        lead(since, 1, date 'infinity') over (partition by person_id order by since) as until
    from department_period
    where tenant_id = :tenant_id)
select u.day, m.department, u.provider_host, u.estimator_version, sum(u.exchanges)::bigint as exchanges,
    sum(u.request_bytes)::bigint as request_bytes, sum(u.response_bytes)::bigint as response_bytes,
    sum(u.input_tokens)::bigint as input_tokens, sum(u.output_tokens)::bigint as output_tokens
from usage_daily u
join membership m on m.person_id = u.person_id and u.day >= m.since and u.day < m.until
where u.tenant_id = :tenant_id and u.day >= :first and u.day <= :last
group by 1, 2, 3, 4;
