-- Single records of one day, in an order that says nothing of the time. COPY takes no parameters, so they are filled in
-- as literals: day, tenant, shown (departments that may be), reported, enrolled, schema_version.
with member as (
    select distinct on (person_id) person_id,
        case when department <> all ({shown}::text[]) then ''
             when department ~ '^[=+\-@\t\r\n＝＋－＠]' then '''' || department  -- no spreadsheet may compute it
             else department end as department
    from department_period
    where tenant_id = {tenant} and since <= {day}::date
    order by person_id, since desc)
select {schema_version} as schema_version, {day}::date as day, e.provider_host,
    coalesce(m.department, '') as department, e.request_bytes, e.response_bytes, e.estimated_input_tokens,
    e.estimated_output_tokens, e.estimator_version, {reported}::integer as devices_reported,
    {enrolled}::integer as devices_enrolled
from usage_event e
left join member m on m.person_id = e.person_id
where e.tenant_id = {tenant} and e.at >= {day}::date::timestamp at time zone 'UTC'
    and e.at < ({day}::date + 1)::timestamp at time zone 'UTC'
order by e.provider_host, e.request_bytes, e.response_bytes
