-- name: forget(tenant_id, person_id)!
delete from recovery_code where tenant_id = :tenant_id and person_id = :person_id;

-- name: add(tenant_id, person_id, hashes)!
insert into recovery_code (tenant_id, person_id, code_hash)
select :tenant_id, :person_id, hash from unnest(:hashes ::bytea[]) as h (hash);

-- name: use(tenant_id, code_hash)^
-- One statement: a code that two bring at once lets one in.
update recovery_code set used_at = now()
where tenant_id = :tenant_id and code_hash = :code_hash and used_at is null
returning person_id;

-- name: left(tenant_id, person_id)$
select count(*) from recovery_code
where tenant_id = :tenant_id and person_id = :person_id and used_at is null;
