-- name: rule(tenant_id, kind)$
select keep_days from retention_rule where tenant_id = :tenant_id and kind = :kind;

-- name: put_rule(tenant_id, kind, keep_days)!
insert into retention_rule (tenant_id, kind, keep_days) values (:tenant_id, :kind, :keep_days)
on conflict (tenant_id, kind) do update set keep_days = excluded.keep_days, changed_at = now();

-- name: oldest_event(tenant_id)$
select (at at time zone 'UTC')::date from usage_event where tenant_id = :tenant_id order by at limit 1;

-- name: oldest_sum(tenant_id)$
select least((select min(day) from usage_daily where tenant_id = :tenant_id),
             (select min(day) from usage_group_daily where tenant_id = :tenant_id),
             (select (min(hour) at time zone 'UTC')::date from usage_hourly where tenant_id = :tenant_id));

-- name: oldest_request(tenant_id)$
select (min(closed_at) at time zone 'UTC')::date from rights_request where tenant_id = :tenant_id;

-- name: events_before(tenant_id, day)$
select count(*) from usage_event where tenant_id = :tenant_id and at < (:day ::date)::timestamp at time zone 'UTC';

-- name: sums_before(tenant_id, day)$
select (select count(*) from usage_daily where tenant_id = :tenant_id and day < :day)
    + (select count(*) from usage_group_daily where tenant_id = :tenant_id and day < :day)
    + (select count(*) from usage_hourly where tenant_id = :tenant_id and hour < (:day ::date)::timestamp at time zone 'UTC');

-- name: requests_before(tenant_id, day)$
select count(*) from rights_request
where tenant_id = :tenant_id and closed_at < (:day ::date)::timestamp at time zone 'UTC';

-- name: delete_events(tenant_id, first, last)!
-- One day at a time. What a legal hold keeps stays.
delete from usage_event e
where e.tenant_id = :tenant_id and e.at >= (:first ::date)::timestamp at time zone 'UTC'
  and e.at < (:last ::date)::timestamp at time zone 'UTC'
  and not exists (select from legal_hold h
                  where h.tenant_id = :tenant_id and h.person_id = e.person_id and h.ends_on >= current_date);

-- name: first_deletable_event(tenant_id, day)$
select (e.at at time zone 'UTC')::date from usage_event e
where e.tenant_id = :tenant_id and e.at < (:day ::date)::timestamp at time zone 'UTC'
  and not exists (select from legal_hold h
                  where h.tenant_id = :tenant_id and h.person_id = e.person_id and h.ends_on >= current_date)
order by e.at limit 1;

-- name: delete_days(tenant_id, day)!
delete from usage_daily u
where u.tenant_id = :tenant_id and u.day < :day
  and not exists (select from legal_hold h
                  where h.tenant_id = :tenant_id and h.person_id = u.person_id and h.ends_on >= current_date);

-- name: delete_group_days(tenant_id, day)!
delete from usage_group_daily where tenant_id = :tenant_id and day < :day;

-- name: delete_hours(tenant_id, day)!
delete from usage_hourly where tenant_id = :tenant_id and hour < (:day ::date)::timestamp at time zone 'UTC';

-- name: delete_requests(tenant_id, day)!
delete from rights_request where tenant_id = :tenant_id and closed_at < (:day ::date)::timestamp at time zone 'UTC';

-- name: note_run(tenant_id, kind, kept_from, rows_deleted)!
insert into retention_run (tenant_id, kind, kept_from, rows_deleted)
values (:tenant_id, :kind, :kept_from, :rows_deleted);

-- name: newest_runs(tenant_id)
select distinct on (kind) kind, ran_at, kept_from, rows_deleted from retention_run
where tenant_id = :tenant_id order by kind, number desc;

-- name: forget_runs(tenant_id)!
delete from retention_run where tenant_id = :tenant_id and ran_at < now() - interval '400 days';

-- name: drop_month(keep_days)$
-- The oldest month that no organisation may have any more, in a transaction of its own; none when there is none.
-- Organisations without a rule keep single uses for keep_days. Fails when somebody reads the month all the while.
select drop_usage_event_months(:keep_days);
