-- name: credential_ids(tenant_id, person_id)
select credential_id from passkey where tenant_id = :tenant_id and person_id = :person_id;

-- name: add(tenant_id, credential_id, person_id, public_key, sign_count, name)$
insert into passkey (tenant_id, credential_id, person_id, public_key, sign_count, name)
values (:tenant_id, :credential_id, :person_id, :public_key, :sign_count, :name)
on conflict do nothing
returning passkey_id;

-- name: find(tenant_id, credential_id)^
select passkey_id, person_id, public_key from passkey
where tenant_id = :tenant_id and credential_id = :credential_id;

-- name: count_on(sign_count, tenant_id, credential_id)!
-- Many passkeys do not count and say 0 for ever; one that has counted must go on.
update passkey set sign_count = :sign_count, used_on = (now() at time zone 'UTC')::date
where tenant_id = :tenant_id and credential_id = :credential_id
  and (sign_count < :sign_count or (sign_count = 0 and :sign_count = 0));

-- name: remove(tenant_id, person_id, passkey_id)!
delete from passkey where tenant_id = :tenant_id and person_id = :person_id and passkey_id = :passkey_id;
