-- name: find(tenant_id)^
-- Times are compared here: '-infinity' is no moment that a program could hold.
select is_clearing, coalesce(person_since <= clock_timestamp(), false) as is_person,
    coalesce(department_since <= clock_timestamp(), false) as is_department,
    case when person_since > clock_timestamp() then 'person'
         when department_since > clock_timestamp() then 'department' end as next_level,
    case when person_since > clock_timestamp() then person_since
         when department_since > clock_timestamp() then department_since end as next_at
from attribution where tenant_id = :tenant_id;

-- name: begin(tenant_id)!
insert into attribution (tenant_id) values (:tenant_id) on conflict do nothing;

-- name: lower_to_department(tenant_id)!
update attribution set person_since = null, is_clearing = true where tenant_id = :tenant_id;

-- name: lower_to_organisation(tenant_id)!
update attribution set person_since = null, department_since = null, is_clearing = true where tenant_id = :tenant_id;

-- name: raise_to_department(tenant_id, since)!
update attribution set department_since = :since where tenant_id = :tenant_id;

-- name: raise_to_person(tenant_id, since)!
-- A department that is to begin later begins no later than persons do.
update attribution set person_since = :since, department_since = coalesce(department_since, :since)
where tenant_id = :tenant_id;

-- name: finish_clearing(tenant_id)!
update attribution set is_clearing = false where tenant_id = :tenant_id;

-- name: add_change(tenant_id, changed_by, former, level, effective_at, reason)!
insert into attribution_change (tenant_id, changed_by, former, level, effective_at, reason)
values (:tenant_id, :changed_by, :former, :level, :effective_at, :reason);

-- name: changes(tenant_id)
select changed_at, former, level, effective_at, reason from attribution_change
where tenant_id = :tenant_id
order by number desc
limit 100;
