-- name: add_job(queue, name, once, arguments, at)$
-- Not by procrastinate's function: it has no way to leave a job out that waits already, and its error undoes the
-- caller's transaction.
insert into procrastinate_jobs (queue_name, task_name, queueing_lock, args, scheduled_at)
values (:queue, :name, :once, :arguments, :at)
on conflict (queueing_lock) where status = 'todo' do nothing
returning id;

-- name: tenants()
select tenant_id from tenant order by tenant_id;

-- name: due()$
select count(*) from procrastinate_jobs where status = 'todo' and (scheduled_at is null or scheduled_at <= now());
