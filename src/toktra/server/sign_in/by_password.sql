-- name: find(tenant_id, person_id)^
select password_hash, sealed_totp, totp_step from password where tenant_id = :tenant_id and person_id = :person_id;

-- name: use_step(tenant_id, person_id, step)!
-- One statement: of two who bring the same code at once, one comes too late.
update password set totp_step = :step
where tenant_id = :tenant_id and person_id = :person_id and totp_step < :step;

-- name: rehash(tenant_id, person_id, password_hash)!
update password set password_hash = :password_hash where tenant_id = :tenant_id and person_id = :person_id;

-- name: put(tenant_id, person_id, password_hash, sealed_totp, totp_step)!
insert into password (tenant_id, person_id, password_hash, sealed_totp, totp_step)
values (:tenant_id, :person_id, :password_hash, :sealed_totp, :totp_step)
on conflict (tenant_id, person_id) do update set password_hash = excluded.password_hash,
    sealed_totp = excluded.sealed_totp, totp_step = excluded.totp_step, set_at = now();

-- name: remove(tenant_id, person_id)!
delete from password where tenant_id = :tenant_id and person_id = :person_id;
