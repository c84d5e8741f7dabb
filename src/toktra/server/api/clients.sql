-- name: find_caller(tenant_id, secret_hash)^
-- Who asks, by the hash of an API key or of an access token. A program works as long as the person it acts for is here.
select c.client_id, c.name, coalesce(t.scopes, c.scopes) as scopes, p.person_id, p.display_name, p.role,
    c.last_used_on is distinct from (now() at time zone 'UTC')::date as is_first_today
from api_client c
join person p on p.tenant_id = c.tenant_id and p.person_id = c.made_by and p.status = 'active'
left join api_token t on t.tenant_id = c.tenant_id and t.client_id = c.client_id and t.token_hash = :secret_hash
    and t.expires_at > now()
where c.tenant_id = :tenant_id and c.revoked_at is null and c.expires_at > now()
  and ((c.kind = 'key' and c.secret_hash = :secret_hash) or (c.kind = 'oauth' and t.token_hash is not null));

-- name: find_oauth_client(tenant_id, secret_hash)^
select c.client_id, c.scopes, p.role
from api_client c
join person p on p.tenant_id = c.tenant_id and p.person_id = c.made_by and p.status = 'active'
where c.tenant_id = :tenant_id and c.kind = 'oauth' and c.secret_hash = :secret_hash
  and c.revoked_at is null and c.expires_at > now();

-- name: note_use(tenant_id, client_id)!
update api_client set last_used_on = (now() at time zone 'UTC')::date
where tenant_id = :tenant_id and client_id = :client_id;

-- name: clients(tenant_id)
select c.client_id, c.kind, c.name, c.scopes, p.display_name as made_by, p.role, p.status = 'active' as is_person_here,
    (c.made_at at time zone 'UTC')::date as made_on, (c.expires_at at time zone 'UTC')::date as expires_on,
    c.last_used_on, (c.revoked_at at time zone 'UTC')::date as revoked_on, c.expires_at <= now() as is_expired
from api_client c
join person p on p.tenant_id = c.tenant_id and p.person_id = c.made_by
where c.tenant_id = :tenant_id
order by c.made_at desc, c.client_id;

-- name: add_client(tenant_id, kind, name, secret_hash, scopes, made_by, valid_for)$
insert into api_client (tenant_id, kind, name, secret_hash, scopes, made_by, expires_at)
values (:tenant_id, :kind, :name, :secret_hash, :scopes, :made_by, now() + :valid_for)
returning client_id;

-- name: revoke_client(tenant_id, client_id, revoked_by)^
update api_client set revoked_at = now(), revoked_by = :revoked_by
where tenant_id = :tenant_id and client_id = :client_id and revoked_at is null
returning name, kind;

-- name: end_tokens(tenant_id, client_id)!
delete from api_token where tenant_id = :tenant_id and client_id = :client_id;

-- name: add_token(tenant_id, token_hash, client_id, scopes, valid_for)!
insert into api_token (tenant_id, token_hash, client_id, scopes, expires_at)
values (:tenant_id, :token_hash, :client_id, :scopes, now() + :valid_for);

-- name: forget_old_tokens(tenant_id)!
delete from api_token where tenant_id = :tenant_id and expires_at < now();
