-- name: end_sessions(tenant_id, person_ids)!
delete from session where tenant_id = :tenant_id and person_id = any(:person_ids);

-- name: end_links(tenant_id, person_ids)!
update sign_in_link set expires_at = now()
where tenant_id = :tenant_id and person_id = any(:person_ids) and used_at is null and expires_at > now();
