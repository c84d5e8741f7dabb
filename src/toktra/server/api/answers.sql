-- name: wait_for_turn(tenant_id, client_id, key)!
-- The same write sent twice at once is done once: the second waits until the first is done, and finds its answer.
select pg_advisory_xact_lock(
    hashtextextended('toktra.answer ' || :tenant_id ::uuid || ' ' || :client_id ::uuid || ' ' || :key ::text, 0));

-- name: find_answer(tenant_id, client_id, key, kept_for)^
select request_hash, status, body, location from api_answer
where tenant_id = :tenant_id and client_id = :client_id and key = :key and answered_at > now() - :kept_for;

-- name: keep_answer(tenant_id, client_id, key, request_hash, status, body, location)!
insert into api_answer (tenant_id, client_id, key, request_hash, status, body, location)
values (:tenant_id, :client_id, :key, :request_hash, :status, :body, :location);

-- name: forget_old(tenant_id, kept_for)!
delete from api_answer where tenant_id = :tenant_id and answered_at <= now() - :kept_for;
