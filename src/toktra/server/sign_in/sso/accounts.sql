-- name: find(tenant_id, issuer, subject)^
select person_id, role_given from work_account
where tenant_id = :tenant_id and issuer = :issuer and subject = :subject;

-- name: is_connected(tenant_id, issuer, person_id)$
select exists (select from work_account
               where tenant_id = :tenant_id and issuer = :issuer and person_id = :person_id);

-- name: connect(tenant_id, issuer, subject, person_id)!
insert into work_account (tenant_id, issuer, subject, person_id) values (:tenant_id, :issuer, :subject, :person_id);

-- name: disconnect(tenant_id, person_id, issuer)
delete from work_account
where tenant_id = :tenant_id and person_id = :person_id and (:issuer ::text is null or issuer = :issuer)
returning issuer;

-- name: note_role(role_given, tenant_id, issuer, subject)!
update work_account set role_given = :role_given
where tenant_id = :tenant_id and issuer = :issuer and subject = :subject;
