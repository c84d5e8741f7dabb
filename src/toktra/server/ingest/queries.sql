-- name: ingest_batch(tenant, device, public_key, epoch, prev_seq, agent_version, estimator_version, missed, hosts, users, at, host, user, request_bytes, response_bytes, input_tokens, output_tokens)^
select outcome, epoch, last_seq from ingest_batch(
    :tenant, :device, :public_key, :epoch, :prev_seq, :agent_version, :estimator_version, :missed, :hosts, :users,
    :at, :host, :user, :request_bytes, :response_bytes, :input_tokens, :output_tokens);

-- name: create_month(month)$
select create_usage_event_month(:month);
