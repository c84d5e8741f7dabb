-- name: queue()^
select count(*) filter (where status = 'todo') as waiting, count(*) filter (where status = 'doing') as running,
    count(*) filter (where status = 'failed') as failed,
    coalesce(extract(epoch from now() - min(coalesce(j.scheduled_at, e.at))
        filter (where j.status = 'todo' and coalesce(j.scheduled_at, e.at) <= now())), 0)::double precision as oldest_due_s
from procrastinate_jobs j
left join lateral (select min(at) as at from procrastinate_events where job_id = j.id and type = 'deferred') e on true;
