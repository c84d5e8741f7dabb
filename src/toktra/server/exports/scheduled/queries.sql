-- name: schedules(tenant_id)
select s.*, p.display_name as maker from export_schedule s
left join person p on p.tenant_id = s.tenant_id and p.person_id = s.created_by
where s.tenant_id = :tenant_id
order by s.ended_at is not null, s.created_at desc;

-- name: schedule(tenant_id, schedule_id)^
select s.*, p.display_name as maker from export_schedule s
left join person p on p.tenant_id = s.tenant_id and p.person_id = s.created_by
where s.tenant_id = :tenant_id and s.schedule_id = :schedule_id;

-- name: add_schedule(tenant_id, schedule_id, dataset, format, rhythm, wait_days, starts_on, target, folder, endpoint, region, bucket, prefix, access_key_hint, sealed_credentials, created_by)!
insert into export_schedule (tenant_id, schedule_id, dataset, format, rhythm, wait_days, starts_on, target, folder,
    endpoint, region, bucket, prefix, access_key_hint, sealed_credentials, created_by)
values (:tenant_id, :schedule_id, :dataset, :format, :rhythm, :wait_days, :starts_on, :target, :folder, :endpoint,
    :region, :bucket, :prefix, :access_key_hint, :sealed_credentials, :created_by);

-- name: end_schedule(tenant_id, schedule_id)$
-- Its keys are forgotten with it: a schedule without keys is a folder's, so the row of a bucket keeps an empty seal.
update export_schedule set ended_at = now(), sealed_credentials = case when target = 's3' then ''::bytea end
where tenant_id = :tenant_id and schedule_id = :schedule_id and ended_at is null
returning schedule_id;

-- name: plan_run(tenant_id, schedule_id, first_day, last_day)$
insert into export_run (tenant_id, schedule_id, first_day, last_day)
values (:tenant_id, :schedule_id, :first_day, :last_day)
on conflict do nothing
returning first_day;

-- name: newest_planned(tenant_id, schedule_id)$
select max(first_day) from export_run where tenant_id = :tenant_id and schedule_id = :schedule_id;

-- name: runs(tenant_id, schedule_id, most)
select * from export_run where tenant_id = :tenant_id and schedule_id = :schedule_id
order by first_day desc
limit :most;

-- name: newest_runs(tenant_id)
select distinct on (schedule_id) * from export_run where tenant_id = :tenant_id
order by schedule_id, first_day desc;

-- name: claim(tenant_id, schedule_id, first_day, lease)^
-- One worker at a time: whoever stops without a word is taken for gone when its lease is over.
update export_run r set attempts = r.attempts + 1, attempted_at = now(), leased_until = now() + :lease ::interval
from export_schedule s
where r.tenant_id = :tenant_id and r.schedule_id = :schedule_id and r.first_day = :first_day and r.state = 'waiting'
  and (r.leased_until is null or r.leased_until < now())
  and s.tenant_id = r.tenant_id and s.schedule_id = r.schedule_id
returning r.last_day, r.upload_id, r.sha256, s.ended_at, s.sealed_credentials;

-- name: waits(tenant_id, schedule_id, first_day)$
select true from export_run
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day and state = 'waiting';

-- name: hold(tenant_id, schedule_id, first_day, lease)!
update export_run set leased_until = now() + :lease ::interval
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day and state = 'waiting';

-- name: prepared(tenant_id, schedule_id, first_day, size_bytes, sha256, schema_version, estimator_versions, devices_reported, devices_enrolled)!
update export_run set size_bytes = :size_bytes, sha256 = :sha256, sent_bytes = 0, schema_version = :schema_version,
    estimator_versions = :estimator_versions, devices_reported = :devices_reported, devices_enrolled = :devices_enrolled
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: began_upload(tenant_id, schedule_id, first_day, upload_id)!
update export_run set upload_id = :upload_id, sent_bytes = 0
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: sent(tenant_id, schedule_id, first_day, sent_bytes, lease)!
update export_run set sent_bytes = :sent_bytes, leased_until = now() + :lease ::interval
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: delivered(tenant_id, schedule_id, first_day)!
update export_run set state = 'delivered', delivered_at = now(), sent_bytes = size_bytes, leased_until = null,
    upload_id = null, fault = null, fault_detail = null
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: not_delivered(tenant_id, schedule_id, first_day, fault, fault_detail, is_over)!
update export_run set state = case when :is_over then 'failed' else 'waiting' end, leased_until = null,
    fault = :fault, fault_detail = :fault_detail
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day and state = 'waiting';

-- name: again(tenant_id, schedule_id, first_day)$
update export_run r set state = 'waiting', fault = null, fault_detail = null
from export_schedule s
where r.tenant_id = :tenant_id and r.schedule_id = :schedule_id and r.first_day = :first_day and r.state = 'failed'
  and s.tenant_id = r.tenant_id and s.schedule_id = r.schedule_id and s.ended_at is null
returning r.first_day;
