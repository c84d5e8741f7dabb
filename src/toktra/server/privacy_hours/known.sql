-- What everybody may know, or every administrator; run as the server's own role.

-- name: may_ask(tenant_id, device_id)^
select d.status as device, t.status as tenant, p.device_id is not null as has_asked, p.in_use_on
from device d
join tenant t on t.tenant_id = d.tenant_id
left join device_privacy p on p.tenant_id = d.tenant_id and p.device_id = d.device_id
where d.tenant_id = :tenant_id and d.device_id = :device_id;

-- name: note_asked(tenant_id, device_id, in_use_on)!
-- Never taken back: what changes once cannot be watched.
insert into device_privacy (tenant_id, device_id, in_use_on) values (:tenant_id, :device_id, :in_use_on)
on conflict (tenant_id, device_id) do update set in_use_on = coalesce(device_privacy.in_use_on, excluded.in_use_on);

-- name: in_use(today, tenant_id, device_ids)
-- By days that are over: who watched for the change of today could see who begins.
select device_id, coalesce(in_use_on < :today, false) as in_use
from device_privacy where tenant_id = :tenant_id and device_id = any(:device_ids);

-- name: fleet(today, tenant_id)^
select count(distinct d.device_id) filter (where p.in_use_on < :today) as devices,
    count(distinct a.person_id) filter (where p.in_use_on < :today) as people
from device d
left join device_privacy p on p.tenant_id = d.tenant_id and p.device_id = d.device_id
left join account a on a.tenant_id = d.tenant_id and a.device_id = d.device_id
where d.tenant_id = :tenant_id and d.status = 'active';

-- name: agreement(tenant_id)^
select version, title, schedule, set_at from works_agreement
where tenant_id = :tenant_id order by version desc limit 1;

-- name: add_agreement(tenant_id, version, title, schedule, set_by)^
-- Nothing when somebody else was faster.
insert into works_agreement (tenant_id, version, title, schedule, set_by)
values (:tenant_id, :version, :title, :schedule, :set_by)
on conflict do nothing returning version;
