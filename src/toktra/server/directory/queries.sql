-- name: wait_for_turn(tenant_id)!
-- One change of an organisation's directory at a time: rules about the whole of it then hold without further locks.
select pg_advisory_xact_lock(hashtextextended('toktra.directory ' || :tenant_id ::uuid, 0));

-- name: list_people(tenant_id, search, pattern, show, role, department, sort, descending, skip, most)
with listed as (
    select p.person_id, p.display_name, p.email, p.role, p.status, p.department, p.from_account,
        m.display_name as manager_name,
        case :sort when 'email' then lower(p.email) when 'department' then lower(p.department) when 'role' then p.role
                   when 'manager' then lower(m.display_name) else lower(p.display_name) end as place
    from person p
    left join person m on m.tenant_id = p.tenant_id and m.person_id = p.manager_id
    where p.tenant_id = :tenant_id
      and case :show when 'present' then p.status = 'active' and not p.from_account
                     when 'left' then p.status <> 'active' when 'accounts' then p.from_account else true end
      and (:role = '' or p.role = :role)
      and (:department = '' or p.department = :department)
      and (:search = '' or p.display_name ilike :pattern or p.email ilike :pattern or p.department ilike :pattern)
)
select person_id, display_name, email, role, status, department, from_account, manager_name, count(*) over () as total
from listed
order by case when not :descending then place end asc nulls last, case when :descending then place end desc nulls last,
    lower(display_name), person_id
limit :most offset :skip;

-- name: people_after(tenant_id, after, most)
-- In an order that nobody's change of name moves.
select p.person_id, p.display_name, p.email, p.role, p.status, p.department, p.from_account,
    m.display_name as manager_name
from person p
left join person m on m.tenant_id = p.tenant_id and m.person_id = p.manager_id
where p.tenant_id = :tenant_id and (:after ::uuid is null or p.person_id > :after)
order by p.person_id
limit :most;

-- name: counts(tenant_id)^
select count(*) filter (where status = 'active' and not from_account) as present,
    count(*) filter (where status <> 'active') as gone,
    count(*) filter (where status = 'active' and from_account) as unnamed
from person where tenant_id = :tenant_id;

-- name: departments(tenant_id)
select distinct department from person where tenant_id = :tenant_id and department is not null order by 1;

-- name: find_person(tenant_id, person_id)^
select p.person_id, p.display_name, p.email, p.department, p.manager_id, p.role, p.status, p.from_account,
    p.jurisdiction, (p.left_at at time zone 'UTC')::date as left_on, m.display_name as manager_name, m.email as manager_email
from person p
left join person m on m.tenant_id = p.tenant_id and m.person_id = p.manager_id
where p.tenant_id = :tenant_id and p.person_id = :person_id;

-- name: person_by_email(tenant_id, email)^
select person_id, display_name, email, department, manager_id, role, status, from_account
from person where tenant_id = :tenant_id and lower(email) = lower(:email);

-- name: everyone(tenant_id)
select person_id, display_name, email, department, manager_id, role, status, from_account
from person where tenant_id = :tenant_id;

-- name: managers(tenant_id)
select person_id, manager_id from person where tenant_id = :tenant_id and manager_id is not null;

-- name: other_owners(tenant_id, person_id)$
select count(*) from person
where tenant_id = :tenant_id and role = 'owner' and status = 'active' and person_id <> :person_id;

-- name: add_person(tenant_id, display_name, email, department, manager_id, role)$
insert into person (tenant_id, display_name, email, department, manager_id, role)
values (:tenant_id, :display_name, :email, :department, :manager_id, :role)
returning person_id;

-- name: change_person(tenant_id, person_id, display_name, email, department, manager_id, role, status)!
update person set display_name = :display_name, email = :email, department = :department, manager_id = :manager_id,
    role = :role, from_account = false, status = :status ::text,
    left_at = case when :status ::text = 'active' then null else coalesce(left_at, now()) end
where tenant_id = :tenant_id and person_id = :person_id;

-- name: put_jurisdiction(tenant_id, person_id, jurisdiction)!
update person set jurisdiction = :jurisdiction
where tenant_id = :tenant_id and person_id = :person_id and jurisdiction is distinct from :jurisdiction ::text;

-- name: forget_made_up_person(tenant_id, person_id)!
delete from person where tenant_id = :tenant_id and person_id = :person_id and from_account;

-- name: add_many(ids, names, emails, departments, roles, tenant_id)!
insert into person (tenant_id, person_id, display_name, email, department, role)
select :tenant_id, n.id, n.name, n.email, n.department, n.role
from unnest(:ids ::uuid[], :names ::text[], :emails ::text[], :departments ::text[], :roles ::text[])
    as n (id, name, email, department, role);

-- name: change_many(ids, names, departments, managers, roles, statuses, tenant_id)!
update person p set display_name = n.name, department = n.department, manager_id = n.manager, role = n.role,
    status = n.status, from_account = false,
    left_at = case when n.status = 'active' then null else coalesce(p.left_at, now()) end
from unnest(:ids ::uuid[], :names ::text[], :departments ::text[], :managers ::uuid[], :roles ::text[],
            :statuses ::text[]) as n (id, name, department, manager, role, status)
where p.tenant_id = :tenant_id and p.person_id = n.id;

-- name: keep_import(tenant_id, made_by, file_name, encoding, content, columns)$
insert into people_import (tenant_id, made_by, file_name, encoding, content, columns)
values (:tenant_id, :made_by, :file_name, :encoding, :content, :columns)
returning import_id;

-- name: find_import(tenant_id, import_id, made_by)^
select import_id, file_name, encoding, content, columns from people_import
where tenant_id = :tenant_id and import_id = :import_id and made_by = :made_by
  and made_at > now() - interval '1 hour';

-- name: change_columns(tenant_id, import_id, columns)!
update people_import set columns = :columns where tenant_id = :tenant_id and import_id = :import_id;

-- name: forget_import(tenant_id, import_id, made_by)!
delete from people_import where tenant_id = :tenant_id and import_id = :import_id and made_by = :made_by;

-- name: forget_old_imports(tenant_id)!
delete from people_import where tenant_id = :tenant_id and made_at <= now() - interval '1 hour';
