-- name: by_id(tenant_id, person_id)^
select person_id, display_name, email, role, status from person
where tenant_id = :tenant_id and person_id = :person_id;

-- name: by_email(tenant_id, email)^
select person_id, display_name, email, role, status from person
where tenant_id = :tenant_id and lower(email) = lower(:email);

-- name: add(tenant_id, display_name, email)^
insert into person (tenant_id, display_name, email, role) values (:tenant_id, :display_name, :email, 'employee')
returning person_id;

-- name: give_role(tenant_id, person_id, role)!
update person set role = :role
where tenant_id = :tenant_id and person_id = :person_id and role <> 'owner' and :role ::text <> 'owner';
