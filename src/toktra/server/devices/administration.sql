-- name: list_devices(today, needs_people, tenant_id, reporting, platform, department, search, pattern, yesterday, silent_before, sort, descending, skip, most)
-- Of reports, only days that are over: whoever saw today's could see when it began. People are looked up for every
-- device where the order or a filter needs them, and otherwise for the rows of this page alone.
with known as (
    select d.tenant_id, d.device_id, d.hostname, d.platform, d.agent_version, d.status, who.person, who.department,
        (d.enrolled_at at time zone 'UTC')::date as enrolled_on,
        case when d.last_report_on < :today then d.last_report_on else d.previous_report_on end as reported_on
    from device d
    left join (  -- the first name of each, as joining all of them in order takes longer than all the rest
        select a.device_id, min(lower(p.display_name)) as person, min(lower(p.department)) as department,
            bool_or(p.department = :department) as is_in_it, bool_or(p.display_name ilike :pattern) as is_found
        from account a join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
        where a.tenant_id = :tenant_id and :needs_people
        group by a.device_id
    ) who on who.device_id = d.device_id
    where d.tenant_id = :tenant_id
      and (d.status = 'active') = (:reporting <> 'revoked')
      and (:platform = 'all' or d.platform = :platform)
      and (:department = '' or who.is_in_it)
      and (:search = '' or d.hostname ilike :pattern or who.is_found)
), placed as materialized (
    select k.*, case :sort when 'person' then k.person when 'department' then k.department
                           when 'system' then k.platform when 'agent' then k.agent_version
                           when 'report' then k.reported_on::text when 'enrolled' then k.enrolled_on::text
                           else lower(k.hostname) end as place
    from known k
    where case :reporting when 'yesterday' then k.reported_on = :yesterday
                          when 'silent' then coalesce(k.reported_on, k.enrolled_on) < :silent_before
                          when 'never' then k.reported_on is null else true end
), page as (  -- ordered under a limit, which compares a fraction of the names that numbering all rows would
    select p.* from placed p
    order by case when not :descending then place end asc nulls last,
        case when :descending then place end desc nulls last, lower(hostname), device_id
    limit :most offset :skip
), listed as (
    select p.*, (select count(*) from placed) as total, row_number() over (
        order by case when not :descending then place end asc nulls last,
            case when :descending then place end desc nulls last, lower(hostname), device_id) as number
    from page p
)
select l.device_id, l.hostname, l.platform, l.agent_version, l.status, l.enrolled_on, l.reported_on, l.total,
    who.people, who.departments
from listed l
cross join lateral (
    select string_agg(distinct p.display_name, ', ') as people, string_agg(distinct p.department, ', ') as departments
    from account a join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
    where a.tenant_id = l.tenant_id and a.device_id = l.device_id
) who
order by l.number;

-- name: devices_after(today, tenant_id, after, most)
-- Of reports, only days that are over, as in list_devices.
select d.device_id, d.hostname, d.platform, d.agent_version, d.status,
    (d.enrolled_at at time zone 'UTC')::date as enrolled_on,
    case when d.last_report_on < :today then d.last_report_on else d.previous_report_on end as reported_on,
    who.people, who.departments
from device d
cross join lateral (
    select string_agg(distinct p.display_name, ', ') as people, string_agg(distinct p.department, ', ') as departments
    from account a join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
    where a.tenant_id = d.tenant_id and a.device_id = d.device_id
) who
where d.tenant_id = :tenant_id and (:after ::uuid is null or d.device_id > :after)
order by d.device_id
limit :most;

-- name: counts(tenant_id, today, yesterday)^
select count(*) filter (where status = 'active') as enrolled, count(*) filter (where status <> 'active') as revoked,
    count(*) filter (where status = 'active' and :yesterday = case when last_report_on < :today then last_report_on
                                                                    else previous_report_on end) as reported
from device where tenant_id = :tenant_id;

-- name: departments(tenant_id)
select distinct p.department
from account a join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
where a.tenant_id = :tenant_id and p.department is not null
order by 1;

-- name: find_device(today, tenant_id, device_id)^
select d.device_id, d.hostname, d.platform, d.agent_version, d.status, d.missed, d.set_up_anew_on,
    (d.enrolled_at at time zone 'UTC')::date as enrolled_on,
    case when d.last_report_on < :today then d.last_report_on else d.previous_report_on end as reported_on
from device d where d.tenant_id = :tenant_id and d.device_id = :device_id;

-- name: accounts_of_device(tenant_id, device_id)
select a.name, p.person_id, p.display_name, p.email, p.status, p.from_account, a.unnamed_id is not null as has_waiting
from account a join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
where a.tenant_id = :tenant_id and a.device_id = :device_id
order by a.name;

-- name: accounts_of_person(tenant_id, person_id)
select a.name, d.device_id, d.hostname, d.platform, d.status,
    exists (select from account o where o.tenant_id = a.tenant_id and o.device_id = a.device_id
            and o.person_id <> a.person_id) as shared
from account a join device d on d.tenant_id = a.tenant_id and d.device_id = a.device_id
where a.tenant_id = :tenant_id and a.person_id = :person_id
order by d.hostname, a.name;

-- name: revoke_device(tenant_id, device_id)^
-- Waits for a batch that is being taken in; the next one is refused.
update device set status = 'revoked'
where tenant_id = :tenant_id and device_id = :device_id and status = 'active'
returning hostname;

-- name: lock_devices_of(tenant_id, person_ids)!
-- The same lock as that of a batch, so that no account comes or goes while it is decided whose the device is.
select from device d
where d.tenant_id = :tenant_id and d.status = 'active' and d.device_id in (
    select a.device_id from account a where a.tenant_id = :tenant_id and a.person_id = any(:person_ids))
order by d.device_id
for no key update;

-- name: revoke_devices_only_of(tenant_id, person_ids)
update device d set status = 'revoked'
where d.tenant_id = :tenant_id and d.status = 'active'
  and d.device_id in (select a.device_id from account a
                      where a.tenant_id = :tenant_id and a.person_id = any(:person_ids))
  and not exists (select from account a join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
                  where a.tenant_id = :tenant_id and a.device_id = d.device_id and p.status = 'active'
                    and not a.person_id = any(:person_ids))
returning d.device_id, d.hostname;

-- name: lock_device(tenant_id, device_id)^
select device_id from device where tenant_id = :tenant_id and device_id = :device_id for no key update;

-- name: find_account(tenant_id, device_id, name)^
select a.person_id, a.unnamed_id, p.display_name, p.from_account
from account a join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id
where a.tenant_id = :tenant_id and a.device_id = :device_id and a.name = :name;

-- name: has_unnamed_records(tenant_id, device_id, name)$
select exists (
    select from account a
    join person p on p.tenant_id = a.tenant_id and p.person_id in (a.person_id, a.unnamed_id) and p.from_account
    join usage_daily u on u.tenant_id = a.tenant_id and u.person_id = p.person_id
    where a.tenant_id = :tenant_id and a.device_id = :device_id and a.name = :name);

-- name: add_account(tenant_id, device_id, name, person_id)!
insert into account (tenant_id, device_id, name, person_id) values (:tenant_id, :device_id, :name, :person_id);

-- name: give_account(tenant_id, device_id, name, person_id, unnamed_id)!
update account set person_id = :person_id, unnamed_id = :unnamed_id
where tenant_id = :tenant_id and device_id = :device_id and name = :name;

-- name: other_accounts(tenant_id, person_id)$
select count(*) from account where tenant_id = :tenant_id and person_id = :person_id;

-- name: add_code(tenant_id, code_hash, person_id, valid_for, uses, purpose, made_by)$
insert into enrolment_code (tenant_id, code_hash, person_id, expires_at, uses_left, uses, purpose, made_by)
values (:tenant_id, :code_hash, :person_id, now() + :valid_for, :uses, :uses, :purpose, :made_by)
returning code_id;

-- name: open_codes(tenant_id)
select c.code_id, c.person_id, p.display_name as person, m.display_name as made_by, c.purpose, c.uses, c.uses_left,
    (c.created_at at time zone 'UTC')::date as made_on, (c.expires_at at time zone 'UTC')::date as expires_on
from enrolment_code c
left join person p on p.tenant_id = c.tenant_id and p.person_id = c.person_id
left join person m on m.tenant_id = c.tenant_id and m.person_id = c.made_by
where c.tenant_id = :tenant_id and c.uses_left > 0 and c.expires_at > now()
order by c.created_at desc;

-- name: end_code(tenant_id, code_id)$
-- Both ways, because who waits for this row to enrol judges its expiry by the time at which they began.
update enrolment_code set uses_left = 0, expires_at = least(expires_at, now())
where tenant_id = :tenant_id and code_id = :code_id and uses_left > 0 and expires_at > now()
returning code_id;

-- name: end_codes_of(tenant_id, person_ids)!
update enrolment_code set uses_left = 0, expires_at = least(expires_at, now())
where tenant_id = :tenant_id and person_id = any(:person_ids) and uses_left > 0;

-- name: forget_old_codes(tenant_id)!
-- Kept for a while after their end, so that an old code is called used or expired and not unknown.
delete from enrolment_code where tenant_id = :tenant_id and expires_at < now() - interval '30 days';
