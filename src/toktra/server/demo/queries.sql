-- The only things of the sample that are not done the way an organisation does them: its past is pretended.

-- name: is_filled(tenant_id)$
select exists (select from device where tenant_id = :tenant_id);

-- name: pretend_enrolled(tenant_id, device_id, at)!
update device set enrolled_at = :at where tenant_id = :tenant_id and device_id = :device_id;

-- name: pretend_reported(tenant_id, device_id, days)!
-- A device's own row says the day before its newest as well: everything of the sample is uploaded today.
with reported as (
    insert into device_day (tenant_id, day, device_id)
    select :tenant_id, day, :device_id from unnest(:days ::date[]) as d (day) on conflict do nothing)
update device set previous_report_on = (select max(day) from unnest(:days ::date[]) as d (day) where day < last_report_on)
where tenant_id = :tenant_id and device_id = :device_id;
