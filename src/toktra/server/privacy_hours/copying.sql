-- Run as the role that is let to the weeks; row-level security confines each to one session or one request.

-- name: leave_to(tenant_id, person_id, request_id)!
insert into privacy_hours.copy_leave (tenant_id, person_id, request_id) values (:tenant_id, :person_id, :request_id)
on conflict (tenant_id, person_id) do update set request_id = excluded.request_id, expires_at = excluded.expires_at;

-- name: is_left_to(tenant_id, person_id, request_id)$
select exists (select from privacy_hours.copy_leave
               where tenant_id = :tenant_id and person_id = :person_id and request_id = :request_id and expires_at > now());

-- name: end_leave(tenant_id, request_id)!
delete from privacy_hours.copy_leave where tenant_id = :tenant_id and request_id = :request_id;
