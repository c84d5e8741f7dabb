-- name: device_status(tenant_id, device_id)$
select status from device where tenant_id = :tenant_id and device_id = :device_id;

-- name: forget_old(tenant_id)!
delete from account_claim where tenant_id = :tenant_id and expires_at <= now();

-- name: put(tenant_id, device_id, name, code_hash, valid_for)!
insert into account_claim (tenant_id, device_id, name, code_hash, expires_at)
values (:tenant_id, :device_id, :name, :code_hash, now() + :valid_for)
on conflict (tenant_id, device_id, name) do update set code_hash = excluded.code_hash, expires_at = excluded.expires_at;

-- name: look(tenant_id, code_hash)^
select c.device_id, c.name, d.hostname, d.platform, p.person_id, p.from_account,
    p.from_account and exists (select from usage_daily u
                               where u.tenant_id = :tenant_id and u.person_id = p.person_id) as has_unnamed_records
from account_claim c
join device d on d.tenant_id = c.tenant_id and d.device_id = c.device_id and d.status = 'active'
left join account a on a.tenant_id = c.tenant_id and a.device_id = c.device_id and a.name = c.name
left join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
where c.tenant_id = :tenant_id and c.code_hash = :code_hash and c.expires_at > now();

-- name: use(tenant_id, code_hash)!
delete from account_claim where tenant_id = :tenant_id and code_hash = :code_hash and expires_at > now();
