-- name: in_roles(tenant_id, roles)
select person_id from person
where tenant_id = :tenant_id and role = any(:roles) and status = 'active' and email is not null
order by person_id;
