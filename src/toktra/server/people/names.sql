-- name: person(tenant_id, person_id)^
select person_id, display_name, role from person where tenant_id = :tenant_id and person_id = :person_id;

-- name: names(tenant_id, people)
select person_id, display_name from person where tenant_id = :tenant_id and person_id = any(:people);

-- name: people_called(text, tenant_id)
select person_id, display_name, role from person
where tenant_id = :tenant_id and (lower(display_name) = lower(:text) or lower(email) = lower(:text))
order by created_at, person_id;

-- name: email(tenant_id, person_id)$
select email from person where tenant_id = :tenant_id and person_id = :person_id and status = 'active';

-- name: active_emails(tenant_id)
select lower(email) as email, person_id from person
where tenant_id = :tenant_id and status = 'active' and email is not null;

-- name: any_email(tenant_id, person_id)$
select email from person where tenant_id = :tenant_id and person_id = :person_id;

-- name: jurisdiction(tenant_id, person_id)$
select jurisdiction from person where tenant_id = :tenant_id and person_id = :person_id;
