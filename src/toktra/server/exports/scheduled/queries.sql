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

-- name: lock_schedule(tenant_id, schedule_id)!
-- Changes of one schedule are done one after another.
select 1 from export_schedule where tenant_id = :tenant_id and schedule_id = :schedule_id for update;

-- name: change_schedule(tenant_id, schedule_id, dataset, format, rhythm, wait_days, target, folder, endpoint, region, bucket, prefix, access_key_hint, sealed_credentials)!
-- Without new keys a bucket keeps those that are there.
update export_schedule set dataset = :dataset, format = :format, rhythm = :rhythm, wait_days = :wait_days,
    target = :target, folder = :folder, endpoint = :endpoint, region = :region, bucket = :bucket, prefix = :prefix,
    access_key_hint = case when :target = 's3' then coalesce(:access_key_hint, access_key_hint) end,
    sealed_credentials = case when :target = 's3' then coalesce(:sealed_credentials, sealed_credentials) end
where tenant_id = :tenant_id and schedule_id = :schedule_id;

-- name: pause_schedule(tenant_id, schedule_id)$
update export_schedule set paused_at = now()
where tenant_id = :tenant_id and schedule_id = :schedule_id and ended_at is null and paused_at is null
returning schedule_id;

-- name: resume_schedule(tenant_id, schedule_id)$
update export_schedule set paused_at = null
where tenant_id = :tenant_id and schedule_id = :schedule_id and ended_at is null and paused_at is not null
returning schedule_id;

-- name: waiting_periods(tenant_id, schedule_id)
-- Those of a schedule that was paused.
select first_day from export_run
where tenant_id = :tenant_id and schedule_id = :schedule_id and state = 'waiting'
order by first_day;

-- name: end_schedule(tenant_id, schedule_id)$
-- Its keys are forgotten with it: a schedule without keys is a folder's, so the row of a bucket keeps an empty seal.
update export_schedule set ended_at = now(), sealed_credentials = case when target = 's3' then ''::bytea end
where tenant_id = :tenant_id and schedule_id = :schedule_id and ended_at is null
returning schedule_id;

-- name: forget_begun_keys(tenant_id, schedule_id)!
update export_run set sealed_begun = null
where tenant_id = :tenant_id and schedule_id = :schedule_id and sealed_begun is not null;

-- name: plan_run(tenant_id, schedule_id, first_day, last_day)$
insert into export_run (tenant_id, schedule_id, first_day, last_day)
values (:tenant_id, :schedule_id, :first_day, :last_day)
on conflict do nothing
returning first_day;

-- name: planned_until(tenant_id, schedule_id)$
select max(last_day) from export_run where tenant_id = :tenant_id and schedule_id = :schedule_id;

-- name: runs(tenant_id, schedule_id, before, most)
select * from export_run where tenant_id = :tenant_id and schedule_id = :schedule_id
  and (:before ::date is null or first_day < :before)
order by first_day desc
limit :most;

-- name: run(tenant_id, schedule_id, first_day)^
select * from export_run
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: newest_runs(tenant_id)
select distinct on (schedule_id) * from export_run where tenant_id = :tenant_id
order by schedule_id, first_day desc;

-- name: claim(tenant_id, schedule_id, first_day, lease)^
-- One worker at a time: whoever stops without a word is taken for gone when its lease is over, and may have sent all.
update export_run r set attempts = r.attempts + 1, attempted_at = now(), leased_until = now() + :lease ::interval,
    may_be_there = r.may_be_there or (r.leased_until is not null and r.begun_as is not null)
from export_schedule s
where r.tenant_id = :tenant_id and r.schedule_id = :schedule_id and r.first_day = :first_day and r.state = 'waiting'
  and (r.leased_until is null or r.leased_until < now())
  and s.tenant_id = r.tenant_id and s.schedule_id = r.schedule_id
returning r.last_day, r.upload_id, r.sha256, r.begun_as, r.sealed_begun, r.may_be_there, s.ended_at, s.paused_at,
    s.dataset, s.format, s.target, s.folder, s.endpoint, s.region, s.bucket, s.prefix, s.sealed_credentials;

-- name: put_back(tenant_id, schedule_id, first_day)!
-- Nothing was tried.
update export_run set attempts = attempts - 1, leased_until = null,
    attempted_at = case when attempts > 1 then attempted_at end
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day and state = 'waiting';

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

-- name: begin(tenant_id, schedule_id, first_day, begun_as, sealed_begun)!
update export_run set begun_as = :begun_as, sealed_begun = :sealed_begun
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day and state = 'waiting';

-- name: began_upload(tenant_id, schedule_id, first_day, upload_id)!
update export_run set upload_id = :upload_id, sent_bytes = 0
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: sent(tenant_id, schedule_id, first_day, sent_bytes, lease)!
update export_run set sent_bytes = :sent_bytes, leased_until = now() + :lease ::interval
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: delivered(tenant_id, schedule_id, first_day, begun_as)!
update export_run set state = 'delivered', delivered_at = now(), sent_bytes = size_bytes, leased_until = null,
    upload_id = null, fault = null, fault_detail = null, begun_as = :begun_as, sealed_begun = null, may_be_there = false
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day;

-- name: not_delivered(tenant_id, schedule_id, first_day, fault, fault_detail, is_clear, is_over)!
-- is_clear: the fault says that the file is not there. What is given up is bound to no place any more.
update export_run set state = case when :is_over then 'failed' else 'waiting' end, leased_until = null,
    fault = :fault, fault_detail = :fault_detail, sealed_begun = case when :is_over then null else sealed_begun end,
    may_be_there = not :is_over and begun_as is not null
        and (may_be_there or not :is_clear or upload_id is not null or sent_bytes > 0)
where tenant_id = :tenant_id and schedule_id = :schedule_id and first_day = :first_day and state = 'waiting';

-- name: again(tenant_id, schedule_id, first_day)$
update export_run r set state = 'waiting', fault = null, fault_detail = null
from export_schedule s
where r.tenant_id = :tenant_id and r.schedule_id = :schedule_id and r.first_day = :first_day and r.state = 'failed'
  and s.tenant_id = r.tenant_id and s.schedule_id = r.schedule_id and s.ended_at is null
returning r.first_day;
