-- name: add(tenant_id, attempt_hash, purpose, person_id, kept, valid_for)!
insert into sign_in_attempt (tenant_id, attempt_hash, purpose, person_id, kept, expires_at)
values (:tenant_id, :attempt_hash, :purpose, :person_id, :kept, now() + :valid_for);

-- name: look(tenant_id, attempt_hash, purpose, person_id)^
select kept from sign_in_attempt
where tenant_id = :tenant_id and attempt_hash = :attempt_hash and purpose = :purpose
  and person_id is not distinct from :person_id ::uuid and expires_at > now();

-- name: take(tenant_id, attempt_hash, purpose, person_id)^
delete from sign_in_attempt
where tenant_id = :tenant_id and attempt_hash = :attempt_hash and purpose = :purpose
  and person_id is not distinct from :person_id ::uuid and expires_at > now()
returning kept;

-- name: forget_expired(tenant_id)!
delete from sign_in_attempt where tenant_id = :tenant_id and expires_at <= now();
