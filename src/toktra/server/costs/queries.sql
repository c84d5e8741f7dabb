-- name: entries(tenant_id)
-- Everything ever assumed, with the name of who said it. A few rows for each provider in use.
select a.kind, a.subject, a.valid_from, a.value, a.set_at, p.display_name as set_by
from cost_assumption a
left join person p on p.tenant_id = a.tenant_id and p.person_id = a.set_by
where a.tenant_id = :tenant_id
order by a.valid_from, a.set_at;

-- name: add_entry(tenant_id, kind, subject, valid_from, value, set_by)!
-- clock_timestamp and not now(): of two entries of one transaction the second is the later.
insert into cost_assumption (tenant_id, kind, subject, valid_from, value, set_by, set_at)
values (:tenant_id, :kind, :subject, :valid_from, :value, :set_by, clock_timestamp());
