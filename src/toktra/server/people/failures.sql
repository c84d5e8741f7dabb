-- name: forget_earlier_days(tenant_id)!
delete from sign_in_failure where tenant_id = :tenant_id and day < (now() at time zone 'UTC')::date;

-- name: count(tenant_id, person_id, nobody, most_people, method)^
insert into sign_in_failure as failed (tenant_id, day, person_id, method, tries)
select :tenant_id, (now() at time zone 'UTC')::date,
    case when exists (select from sign_in_failure s where s.tenant_id = :tenant_id and s.person_id = :person_id)
              or (select count(distinct s.person_id) from sign_in_failure s where s.tenant_id = :tenant_id) < :most_people
         then :person_id ::uuid else :nobody ::uuid end,
    :method, 1
on conflict (tenant_id, day, person_id, method) do update set tries = failed.tries + 1
returning person_id, tries;
