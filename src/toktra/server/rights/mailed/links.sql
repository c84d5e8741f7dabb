-- name: forget_expired(tenant_id)!
delete from rights_link where tenant_id = :tenant_id and expires_at <= now();

-- name: wait_for_turn(tenant_id)!
select pg_advisory_xact_lock(hashtextextended('toktra.rights_link ' || (:tenant_id)::text, 0));

-- name: asked_today(tenant_id, address)^
select count(*) as all, count(*) filter (where lower(address) = lower(:address)) as from_address
from rights_link where tenant_id = :tenant_id and made_at > now() - interval '1 day';

-- name: add(tenant_id, token_hash, address, kind, request_id, valid_for)!
insert into rights_link (tenant_id, token_hash, address, kind, request_id, expires_at)
values (:tenant_id, :token_hash, :address, :kind, :request_id, now() + :valid_for);

-- name: find(tenant_id, token_hash)^
select address, kind, request_id from rights_link
where tenant_id = :tenant_id and token_hash = :token_hash and expires_at > now();

-- name: lock(tenant_id, token_hash)^
select address, kind, request_id from rights_link
where tenant_id = :tenant_id and token_hash = :token_hash and expires_at > now()
for update;

-- name: becomes(tenant_id, token_hash, request_id, valid_for)!
update rights_link set request_id = :request_id, expires_at = now() + :valid_for
where tenant_id = :tenant_id and token_hash = :token_hash;

-- name: open_like(tenant_id, address, kind)$
select number from rights_request
where tenant_id = :tenant_id and lower(asked_from) = lower(:address) and kind = :kind and closed_at is null
limit 1;

-- name: forget_of_person(tenant_id, person_id, address)!
-- What is about someone erased, and what came from their address.
delete from rights_link l
where l.tenant_id = :tenant_id
  and (lower(l.address) = lower(:address)
       or l.request_id in (select r.request_id from rights_request r
                           where r.tenant_id = :tenant_id and r.person_id = :person_id));

-- name: forget_asked_from(tenant_id, person_id, address)!
update rights_request set asked_from = null
where tenant_id = :tenant_id and (person_id = :person_id or lower(asked_from) = lower(:address));
