-- name: add_code(tenant_id, code_hash, person_id, valid_for, uses, made_by)!
insert into enrolment_code (tenant_id, code_hash, person_id, expires_at, uses_left, uses, made_by)
values (:tenant_id, :code_hash, :person_id, now() + :valid_for, :uses, :uses, :made_by);

-- name: lock_code(tenant_id, code_hash)^
select person_id, expires_at <= now() as expired, uses_left from enrolment_code
where tenant_id = :tenant_id and code_hash = :code_hash
for update;

-- name: use_code(tenant_id, code_hash)!
update enrolment_code set uses_left = uses_left - 1 where tenant_id = :tenant_id and code_hash = :code_hash;

-- name: device_by_key(tenant_id, public_key)^
select device_id, status from device where tenant_id = :tenant_id and public_key = :public_key;

-- name: public_key_of(tenant_id, device_id)$
select public_key from device where tenant_id = :tenant_id and device_id = :device_id;

-- name: add_device(tenant_id, public_key, hostname, platform, agent_version)$
insert into device (tenant_id, public_key, hostname, platform, agent_version)
values (:tenant_id, :public_key, :hostname, :platform, :agent_version)
returning device_id;

-- name: person_with_email(tenant_id, email)$
select person_id from person
where tenant_id = :tenant_id and lower(email) = lower(:email) and status = 'active' and not from_account;

-- name: same_machine(tenant_id, person_id, hostname, platform)^
-- The device of this name on which this person, and nobody else, has an account.
select d.device_id, d.epoch from device d
where d.tenant_id = :tenant_id and d.hostname = :hostname and d.platform = :platform and d.status = 'active'
  and exists (select from account a where a.tenant_id = d.tenant_id and a.device_id = d.device_id
              and a.person_id = :person_id)
  and not exists (select from account a where a.tenant_id = d.tenant_id and a.device_id = d.device_id
                  and a.person_id <> :person_id)
order by d.last_report_on desc nulls last, d.enrolled_at desc
limit 1
for no key update of d;

-- name: set_up_anew(tenant_id, device_id, public_key, agent_version)!
-- It will count from 1 again, in an epoch of its own.
update device set public_key = :public_key, agent_version = :agent_version, epoch = epoch + 1, last_seq = 0,
    set_up_anew_on = (now() at time zone 'UTC')::date
where tenant_id = :tenant_id and device_id = :device_id;

-- name: change_key(tenant_id, device_id, former, public_key)$
update device set public_key = :public_key
where tenant_id = :tenant_id and device_id = :device_id and status = 'active' and public_key = :former
returning hostname;

-- name: link_account(tenant_id, device_id, name, person_id)!
insert into account (tenant_id, device_id, name, person_id) values (:tenant_id, :device_id, :name, :person_id)
on conflict do nothing;

-- name: devices_of(tenant_id, person_id)
select d.device_id, d.hostname, d.platform, d.agent_version, d.status = 'active' as is_active,
    (d.enrolled_at at time zone 'UTC')::date as enrolled_on, d.last_report_on, array_agg(a.name order by a.name) as accounts
from account a
join device d on d.tenant_id = a.tenant_id and d.device_id = a.device_id
where a.tenant_id = :tenant_id and a.person_id = :person_id
group by d.tenant_id, d.device_id
order by is_active desc, d.hostname, d.device_id;
