-- name: delete_person(tenant_id, person_id)$
-- Sessions, sign-in links, passkeys, acknowledgements and all else that hangs on the person goes with them.
delete from person where tenant_id = :tenant_id and person_id = :person_id returning person_id;

-- name: delete_imports(tenant_id)!
-- Files of people wait for an hour for a decision; any of them may name the person.
delete from people_import where tenant_id = :tenant_id;

-- name: other_owners(tenant_id, person_id)$
select count(*) from person
where tenant_id = :tenant_id and person_id <> :person_id and role = 'owner' and status = 'active';
