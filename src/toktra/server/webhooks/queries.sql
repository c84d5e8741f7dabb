-- name: endpoints(tenant_id)
select endpoint_id, url, created_at from webhook_endpoint
where tenant_id = :tenant_id and ended_at is null
order by created_at, endpoint_id;

-- name: add_endpoint(tenant_id, endpoint_id, url, sealed_secret, created_by)!
insert into webhook_endpoint (tenant_id, endpoint_id, url, sealed_secret, created_by)
values (:tenant_id, :endpoint_id, :url, :sealed_secret, :created_by);

-- name: end_endpoint(tenant_id, endpoint_id)$
update webhook_endpoint set ended_at = now()
where tenant_id = :tenant_id and endpoint_id = :endpoint_id and ended_at is null
returning url;

-- name: add_delivery(tenant_id, endpoint_id, event, body)$
insert into webhook_delivery (tenant_id, endpoint_id, event, body) values (:tenant_id, :endpoint_id, :event, :body)
returning delivery_id;

-- name: claim(tenant_id, delivery_id, lease)^
update webhook_delivery d
set claimed_until = now() + :lease, attempts = d.attempts + 1, last_attempt_at = now()
from webhook_endpoint e
where d.tenant_id = :tenant_id and d.delivery_id = :delivery_id and d.delivered_at is null and d.failed_at is null
  and (d.claimed_until is null or d.claimed_until < now())
  and e.tenant_id = d.tenant_id and e.endpoint_id = d.endpoint_id
returning d.endpoint_id, d.body, e.url, e.sealed_secret, e.ended_at is not null as is_ended;

-- name: waits(tenant_id, delivery_id)$
select delivered_at is null and failed_at is null from webhook_delivery
where tenant_id = :tenant_id and delivery_id = :delivery_id;

-- name: attempted(tenant_id, delivery_id, status, fault, is_over)!
update webhook_delivery set claimed_until = null, last_status = :status, last_fault = :fault,
    delivered_at = case when :fault ::text is null then now() end,
    failed_at = case when :fault ::text is not null and :is_over then now() end
where tenant_id = :tenant_id and delivery_id = :delivery_id;

-- name: replay(tenant_id, delivery_id)$
update webhook_delivery d set delivered_at = null, failed_at = null, last_fault = null, last_status = null
from webhook_endpoint e
where d.tenant_id = :tenant_id and d.delivery_id = :delivery_id and num_nonnulls(d.delivered_at, d.failed_at) = 1
  and e.tenant_id = d.tenant_id and e.endpoint_id = d.endpoint_id and e.ended_at is null
returning d.delivery_id;

-- name: deliveries(tenant_id, most)
select d.delivery_id, d.event, d.made_at, d.attempts, d.last_status, d.last_fault, d.delivered_at, d.failed_at, e.url,
    e.ended_at is null as is_open
from webhook_delivery d
join webhook_endpoint e on e.tenant_id = d.tenant_id and e.endpoint_id = d.endpoint_id
where d.tenant_id = :tenant_id
order by d.made_at desc, d.delivery_id
limit :most;

-- name: forget(tenant_id, age)!
delete from webhook_delivery where tenant_id = :tenant_id and coalesce(delivered_at, failed_at) < now() - :age;
