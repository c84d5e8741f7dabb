-- name: add_session(tenant_id, token_hash, person_id, role, method, absolute_limit)!
insert into session (tenant_id, token_hash, person_id, role, method, expires_at)
values (:tenant_id, :token_hash, :person_id, :role, :method, now() + :absolute_limit);

-- name: find_session(touch_after, fresh_for, tenant_id, token_hash, idle_limit)^
select s.session_id, s.person_id, p.display_name, p.role, s.seen_at < now() - :touch_after ::interval as stale,
    s.proven_at > now() - :fresh_for ::interval as is_fresh, s.role is distinct from p.role as role_changed
from session s
join person p on p.tenant_id = s.tenant_id and p.person_id = s.person_id
where s.tenant_id = :tenant_id and s.token_hash = :token_hash and p.status = 'active'
  and s.expires_at > now() and s.seen_at > now() - :idle_limit ::interval;

-- name: touch_session(tenant_id, token_hash)!
update session set seen_at = now() where tenant_id = :tenant_id and token_hash = :token_hash;

-- name: replace_token(tenant_id, session_id, token_hash)!
update session s set token_hash = :token_hash, role = p.role
from person p
where s.tenant_id = :tenant_id and s.session_id = :session_id
  and p.tenant_id = s.tenant_id and p.person_id = s.person_id;

-- name: make_fresh(tenant_id, session_id, token_hash, method)!
update session s set token_hash = :token_hash, method = :method, proven_at = now(), seen_at = now(), role = p.role
from person p
where s.tenant_id = :tenant_id and s.session_id = :session_id
  and p.tenant_id = s.tenant_id and p.person_id = s.person_id;

-- name: sessions_of(tenant_id, person_id, idle_limit)
select session_id, method, created_at, seen_at from session
where tenant_id = :tenant_id and person_id = :person_id
  and expires_at > now() and seen_at > now() - :idle_limit ::interval
order by seen_at desc, session_id;

-- name: end_session(tenant_id, token_hash)!
delete from session where tenant_id = :tenant_id and token_hash = :token_hash;

-- name: end_one(tenant_id, person_id, session_id)!
delete from session where tenant_id = :tenant_id and person_id = :person_id and session_id = :session_id;

-- name: end_all_but(tenant_id, person_id, session_id)!
delete from session
where tenant_id = :tenant_id and person_id = :person_id and session_id is distinct from :session_id ::uuid;

-- name: forget_ended_sessions(tenant_id, idle_limit)!
delete from session
where tenant_id = :tenant_id and (expires_at <= now() or seen_at <= now() - :idle_limit ::interval);
