-- name: passkeys(tenant_id, person_id)
select passkey_id, name, (added_at at time zone 'UTC')::date as added_on, used_on from passkey
where tenant_id = :tenant_id and person_id = :person_id
order by added_at, passkey_id;

-- name: others(tenant_id, person_id)^
select
    (select (set_at at time zone 'UTC')::date from password
     where tenant_id = :tenant_id and person_id = :person_id) as password_set_on,
    (select count(*) from recovery_code
     where tenant_id = :tenant_id and person_id = :person_id and used_at is null) as recovery_codes_left,
    (select a.issuer from work_account a join sso_provider p on p.tenant_id = a.tenant_id and p.issuer = a.issuer
     where a.tenant_id = :tenant_id and a.person_id = :person_id) as work_account;

-- name: forget_passkeys(tenant_id, person_ids)!
delete from passkey where tenant_id = :tenant_id and person_id = any(:person_ids);

-- name: forget_passwords(tenant_id, person_ids)!
delete from password where tenant_id = :tenant_id and person_id = any(:person_ids);

-- name: forget_recovery_codes(tenant_id, person_ids)!
delete from recovery_code where tenant_id = :tenant_id and person_id = any(:person_ids);

-- name: forget_work_accounts(tenant_id, person_ids)!
delete from work_account where tenant_id = :tenant_id and person_id = any(:person_ids);

-- name: forget_attempts(tenant_id, person_ids)!
delete from sign_in_attempt where tenant_id = :tenant_id and person_id = any(:person_ids);
