-- name: begin(tenant_id, request_id, recipient, sealed_identity)!
insert into rights_bundle (tenant_id, request_id, recipient, sealed_identity)
values (:tenant_id, :request_id, :recipient, :sealed_identity)
on conflict (tenant_id, request_id) do update set recipient = excluded.recipient,
    sealed_identity = excluded.sealed_identity, is_whole = false, sealed_bytes = 0, made_at = null, expires_at = null;

-- name: recipient(tenant_id, request_id)$
select recipient from rights_bundle where tenant_id = :tenant_id and request_id = :request_id;

-- name: sealed_identity(tenant_id, request_id)$
select sealed_identity from rights_bundle where tenant_id = :tenant_id and request_id = :request_id;

-- name: delete_parts(tenant_id, request_id)!
delete from rights_bundle_part where tenant_id = :tenant_id and request_id = :request_id;

-- name: add_part(tenant_id, request_id, place, content)!
insert into rights_bundle_part (tenant_id, request_id, place, content)
values (:tenant_id, :request_id, :place, :content);

-- name: finish(tenant_id, request_id, sealed_bytes, kept_for)!
update rights_bundle set is_whole = true, sealed_bytes = :sealed_bytes, made_at = clock_timestamp(),
    expires_at = clock_timestamp() + :kept_for
where tenant_id = :tenant_id and request_id = :request_id;

-- name: part(tenant_id, request_id, place)$
select p.content from rights_bundle_part p
join rights_bundle b on b.tenant_id = p.tenant_id and b.request_id = p.request_id
where p.tenant_id = :tenant_id and p.request_id = :request_id and p.place = :place
  and b.is_whole and b.expires_at > clock_timestamp();

-- name: expired(tenant_id)
select request_id from rights_bundle where tenant_id = :tenant_id and expires_at <= clock_timestamp();

-- name: discard(tenant_id, request_id)!
delete from rights_bundle where tenant_id = :tenant_id and request_id = :request_id;
