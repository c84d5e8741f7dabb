-- Run as the role that is let to the weeks. Row-level security confines each to one session or one device; the
-- predicates say the same once more.

-- name: find_week(tenant_id, person_id)^
select version, schedule from privacy_hours.week where tenant_id = :tenant_id and person_id = :person_id;

-- name: lock_week(tenant_id, person_id)^
select version, schedule from privacy_hours.week where tenant_id = :tenant_id and person_id = :person_id for update;

-- name: newest_version(tenant_id, person_id)$
-- A device may know a newer version than this database, when that was restored: the next one must be newer still.
select greatest((select max(version) from privacy_hours.week where tenant_id = :tenant_id and person_id = :person_id),
                (select max(version) from privacy_hours.delivery
                 where tenant_id = :tenant_id and person_id = :person_id), 0);

-- name: add_week(tenant_id, person_id, version, schedule)!
insert into privacy_hours.week (tenant_id, person_id, version, schedule)
values (:tenant_id, :person_id, :version, :schedule);

-- name: change_week(version, schedule, tenant_id, person_id)!
update privacy_hours.week set version = :version, schedule = :schedule
where tenant_id = :tenant_id and person_id = :person_id;

-- name: add_change(tenant_id, person_id, version, zone, added, removed)!
insert into privacy_hours.change (tenant_id, person_id, version, zone, added, removed)
values (:tenant_id, :person_id, :version, :zone, :added, :removed);

-- name: forget_old_changes(tenant_id, person_id, keep_for)!
delete from privacy_hours.change
where tenant_id = :tenant_id and person_id = :person_id and at < now() - :keep_for ::interval;

-- name: changes(tenant_id, person_id, most)
select at, zone, added, removed from privacy_hours.change
where tenant_id = :tenant_id and person_id = :person_id
order by version desc limit :most;

-- name: deliveries(tenant_id, person_id)
select device_id, version, standing from privacy_hours.delivery
where tenant_id = :tenant_id and person_id = :person_id;

-- name: send_to(tenant_id, person_id, device_id)!
insert into privacy_hours.delivery (tenant_id, person_id, device_id) values (:tenant_id, :person_id, :device_id)
on conflict do nothing;

-- name: send_no_more_to(tenant_id, person_id, device_id)!
delete from privacy_hours.delivery
where tenant_id = :tenant_id and person_id = :person_id and device_id = :device_id;

-- name: accounts_of_device()$
select count(*) from privacy_hours.accounts_of_device();

-- name: weeks_for_device(tenant_id, device_id, skip, most)
select a.name, w.version, w.schedule
from privacy_hours.accounts_of_device() a
join privacy_hours.delivery d on d.tenant_id = :tenant_id and d.device_id = :device_id and d.person_id = a.person_id
join privacy_hours.week w on w.tenant_id = d.tenant_id and w.person_id = d.person_id
order by a.name offset :skip limit :most;

-- name: weeks_waiting_for_device(tenant_id, device_id)$
select count(*)
from privacy_hours.accounts_of_device() a
join privacy_hours.delivery d on d.tenant_id = :tenant_id and d.device_id = :device_id and d.person_id = a.person_id;

-- name: note_standing(version, standing, tenant_id, device_id, account)!
update privacy_hours.delivery set version = :version, standing = :standing
where tenant_id = :tenant_id and device_id = :device_id and (version, standing) is distinct from (:version, :standing)
  and person_id in (select a.person_id from privacy_hours.accounts_of_device() a where a.name = :account);
