-- name: lock_devices_of(tenant_id, person_id)
-- Ingest holds a device's lock while it stores a batch, so nothing of the person is under way afterwards.
select d.device_id from device d
where d.tenant_id = :tenant_id
  and d.device_id in (select a.device_id from account a where a.tenant_id = :tenant_id and a.person_id = :person_id)
order by d.device_id for update;

-- name: remember_accounts(tenant_id, person_id)!
insert into erased_account (tenant_id, device_id, name_digest)
select a.tenant_id, a.device_id, sha256(convert_to(a.name, 'UTF8')) from account a
where a.tenant_id = :tenant_id and a.person_id = :person_id
  and exists (select from account o where o.tenant_id = :tenant_id and o.device_id = a.device_id
              and o.person_id <> :person_id)
on conflict do nothing;

-- name: unnamed_of(tenant_id, person_id)
-- Stand-ins whose records wait for a second person to say that they are this person's.
select unnamed_id from account
where tenant_id = :tenant_id and person_id = :person_id and unnamed_id is not null
order by unnamed_id;

-- name: delete_claims(tenant_id, person_id)!
delete from account_claim c using account a
where c.tenant_id = :tenant_id and a.tenant_id = :tenant_id and a.device_id = c.device_id and a.name = c.name
  and a.person_id = :person_id;

-- name: delete_accounts(tenant_id, person_id)!
delete from account where tenant_id = :tenant_id and person_id = :person_id;

-- name: end_devices_of_nobody(tenant_id, devices)
-- Its key stays, so that what it sends later is refused as a revoked device's.
update device d set status = 'revoked', hostname = 'erased'
where d.tenant_id = :tenant_id and d.device_id = any(:devices)
  and not exists (select from account a where a.tenant_id = :tenant_id and a.device_id = d.device_id)
returning d.device_id;

-- name: forget_days(tenant_id, devices)!
delete from device_day where tenant_id = :tenant_id and device_id = any(:devices);
