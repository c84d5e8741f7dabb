-- name: find_person(tenant_id, person_id)^
select person_id, display_name, role, status from person
where tenant_id = :tenant_id and person_id = :person_id;

-- name: add_person(tenant_id, display_name, email, role)<!
insert into person (tenant_id, display_name, email, role)
values (:tenant_id, :display_name, :email, :role)
returning person_id;

-- name: add_sign_in_link(tenant_id, token_hash, person_id, valid_for)!
insert into sign_in_link (tenant_id, token_hash, person_id, expires_at)
values (:tenant_id, :token_hash, :person_id, now() + :valid_for);

-- name: look_at_sign_in_link(tenant_id, token_hash)^
select l.person_id, l.used_at is not null as used, l.expires_at <= now() as expired, p.display_name, p.status
from sign_in_link l
join person p on p.tenant_id = l.tenant_id and p.person_id = l.person_id
where l.tenant_id = :tenant_id and l.token_hash = :token_hash;

-- name: use_sign_in_link(tenant_id, token_hash)^
-- One statement, so that of two people who press the button at once one is told that it has been used.
update sign_in_link l set used_at = now()
from person p
where l.tenant_id = :tenant_id and l.token_hash = :token_hash and l.used_at is null and l.expires_at > now()
  and p.tenant_id = l.tenant_id and p.person_id = l.person_id and p.status = 'active'
returning l.person_id, p.role;

-- name: forget_old_sign_in_links(tenant_id)!
-- Kept for a while after their end, so that an old link is called used or expired and not unknown.
delete from sign_in_link where tenant_id = :tenant_id and expires_at < now() - interval '30 days';
