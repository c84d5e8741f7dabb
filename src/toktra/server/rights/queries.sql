-- name: wait_for_turn(tenant_id)!
select pg_advisory_xact_lock(hashtextextended('toktra.rights_request ' || (:tenant_id)::text, 0));

-- name: add(tenant_id, kind, regulation, person_id, channel, stage, received_on, confirm_by, due_on, details)^
insert into rights_request (tenant_id, number, kind, regulation, person_id, channel, stage, received_on, confirm_by,
    due_on, details)
select :tenant_id, coalesce(max(number), 0) + 1, :kind, :regulation, :person_id, :channel, :stage, :received_on,
    :confirm_by, :due_on, :details
from rights_request where tenant_id = :tenant_id
returning request_id, number;

-- name: add_mailed(tenant_id, kind, regulation, channel, stage, asked_from, received_on, confirm_by, due_on, details)^
-- Until it is known whose it is, person_id stands for nobody.
insert into rights_request (tenant_id, number, kind, regulation, person_id, channel, stage, asked_from, received_on,
    confirm_by, due_on, details)
select :tenant_id, coalesce(max(number), 0) + 1, :kind, :regulation, gen_random_uuid(), :channel, :stage, :asked_from,
    :received_on, :confirm_by, :due_on, :details
from rights_request where tenant_id = :tenant_id
returning request_id, number;

-- name: identify(tenant_id, request_id, person_id, stage, regulation, confirm_by, due_on)!
update rights_request
set person_id = :person_id, stage = :stage, regulation = :regulation, confirm_by = :confirm_by, due_on = :due_on
where tenant_id = :tenant_id and request_id = :request_id and stage = 'check';

-- name: add_step(tenant_id, request_id, step, note, by_role)!
insert into rights_step (tenant_id, request_id, number, step, note, by_role)
select :tenant_id, :request_id, coalesce(max(number), 0) + 1, :step, :note, :by_role
from rights_step where tenant_id = :tenant_id and request_id = :request_id;

-- name: find(tenant_id, request_id)^
select r.request_id, r.number, r.kind, r.regulation, r.person_id, p.display_name, r.asked_from, r.channel, r.stage, r.received_on,
    r.confirm_by, r.due_on, r.is_extended, r.details, (r.closed_at at time zone 'UTC')::date as closed_on,
    b.is_whole, b.sealed_bytes, b.expires_at, b.sealed_identity is not null as has_passphrase,
    r.owner_id, o.display_name as owner
from rights_request r
left join person p on p.tenant_id = r.tenant_id and p.person_id = r.person_id
left join person o on o.tenant_id = r.tenant_id and o.person_id = r.owner_id
left join rights_bundle b on b.tenant_id = r.tenant_id and b.request_id = r.request_id
where r.tenant_id = :tenant_id and r.request_id = :request_id;

-- name: lock(tenant_id, request_id)$
select number from rights_request where tenant_id = :tenant_id and request_id = :request_id for update;

-- name: list(tenant_id, is_open)
select r.request_id, r.number, r.kind, r.regulation, r.person_id, p.display_name, r.asked_from, r.channel, r.stage, r.received_on,
    r.confirm_by, r.due_on, r.is_extended, r.details, (r.closed_at at time zone 'UTC')::date as closed_on,
    b.is_whole, b.sealed_bytes, b.expires_at, b.sealed_identity is not null as has_passphrase,
    r.owner_id, o.display_name as owner
from rights_request r
left join person p on p.tenant_id = r.tenant_id and p.person_id = r.person_id
left join person o on o.tenant_id = r.tenant_id and o.person_id = r.owner_id
left join rights_bundle b on b.tenant_id = r.tenant_id and b.request_id = r.request_id
where r.tenant_id = :tenant_id and (r.closed_at is null) = :is_open
order by case when :is_open then r.due_on end, r.closed_at desc, r.number
limit 500;

-- name: list_below(tenant_id, is_open, below, most)
select r.request_id, r.number, r.kind, r.regulation, r.person_id, p.display_name, r.asked_from, r.channel, r.stage, r.received_on,
    r.confirm_by, r.due_on, r.is_extended, r.details, (r.closed_at at time zone 'UTC')::date as closed_on,
    b.is_whole, b.sealed_bytes, b.expires_at, b.sealed_identity is not null as has_passphrase,
    r.owner_id, o.display_name as owner
from rights_request r
left join person p on p.tenant_id = r.tenant_id and p.person_id = r.person_id
left join person o on o.tenant_id = r.tenant_id and o.person_id = r.owner_id
left join rights_bundle b on b.tenant_id = r.tenant_id and b.request_id = r.request_id
where r.tenant_id = :tenant_id and (:is_open ::boolean is null or (r.closed_at is null) = :is_open)
  and (:below ::integer is null or r.number < :below)
order by r.number desc limit :most;

-- name: of_person(tenant_id, person_id)
select r.request_id, r.number, r.kind, r.regulation, r.person_id, p.display_name, r.asked_from, r.channel, r.stage, r.received_on,
    r.confirm_by, r.due_on, r.is_extended, r.details, (r.closed_at at time zone 'UTC')::date as closed_on,
    b.is_whole, b.sealed_bytes, b.expires_at, b.sealed_identity is not null as has_passphrase,
    r.owner_id, o.display_name as owner
from rights_request r
left join person p on p.tenant_id = r.tenant_id and p.person_id = r.person_id
left join person o on o.tenant_id = r.tenant_id and o.person_id = r.owner_id
left join rights_bundle b on b.tenant_id = r.tenant_id and b.request_id = r.request_id
where r.tenant_id = :tenant_id and r.person_id = :person_id
order by r.number desc;

-- name: counts(tenant_id, today, year)^
select count(*) filter (where closed_at is null) as open,
    count(*) filter (where closed_at is null and due_on < :today) as overdue,
    count(*) filter (where closed_at >= :year) as closed,
    count(*) filter (where closed_at >= :year and (closed_at at time zone 'UTC')::date <= due_on) as on_time
from rights_request where tenant_id = :tenant_id;

-- name: steps(tenant_id, request_id)
select at, step, note, by_role from rights_step where tenant_id = :tenant_id and request_id = :request_id
order by number desc;

-- name: open_like(tenant_id, person_id, kind)$
select number from rights_request
where tenant_id = :tenant_id and person_id = :person_id and kind = :kind and closed_at is null
limit 1;

-- name: move(tenant_id, request_id, stage)!
update rights_request
set stage = :stage, closed_at = case when :stage in ('done', 'refused') then clock_timestamp() end
where tenant_id = :tenant_id and request_id = :request_id;

-- name: take(tenant_id, request_id, owner_id)!
update rights_request set owner_id = :owner_id where tenant_id = :tenant_id and request_id = :request_id;

-- name: extend(tenant_id, request_id, due_on)!
update rights_request set is_extended = true, due_on = :due_on
where tenant_id = :tenant_id and request_id = :request_id;

-- name: stop_recording(tenant_id, person_id, cause, request_id)!
insert into recording_stop (tenant_id, person_id, cause, request_id)
values (:tenant_id, :person_id, :cause, :request_id)
on conflict do nothing;

-- name: resume_recording(tenant_id, person_id, request_id)!
delete from recording_stop where tenant_id = :tenant_id and person_id = :person_id and request_id = :request_id;

-- name: stops_of(tenant_id, person_id)
select cause, since from recording_stop where tenant_id = :tenant_id and person_id = :person_id order by since;

-- name: is_restricted(tenant_id, person_id)$
select exists (select from recording_stop
               where tenant_id = :tenant_id and person_id = :person_id and cause in ('restriction', 'objection'));

-- name: hold_on(tenant_id, person_id, today)^
select authority, reason, ends_on, is_told from legal_hold
where tenant_id = :tenant_id and person_id = :person_id and ends_on >= :today;

-- name: put_hold(tenant_id, person_id, authority, reason, ends_on, is_told)!
insert into legal_hold (tenant_id, person_id, authority, reason, ends_on, is_told)
values (:tenant_id, :person_id, :authority, :reason, :ends_on, :is_told)
on conflict (tenant_id, person_id) do update set authority = excluded.authority, reason = excluded.reason,
    ends_on = excluded.ends_on, is_told = excluded.is_told;

-- name: forget_words(tenant_id, person_id)!
update rights_request set details = null where tenant_id = :tenant_id and person_id = :person_id;

-- name: forget_notes(tenant_id, person_id)!
update rights_step s set note = null
from rights_request r
where r.tenant_id = :tenant_id and r.person_id = :person_id and s.tenant_id = :tenant_id and s.request_id = r.request_id;

-- name: forget_copies(tenant_id, person_id)!
delete from rights_bundle b using rights_request r
where r.tenant_id = :tenant_id and r.person_id = :person_id and b.tenant_id = :tenant_id and b.request_id = r.request_id;

-- name: close_others(tenant_id, person_id, request_id)!
-- Whatever else an erased person asked for cannot be done any more.
update rights_request set stage = 'done', closed_at = clock_timestamp()
where tenant_id = :tenant_id and person_id = :person_id and request_id <> :request_id and closed_at is null;

-- name: erased(tenant_id)
select person_id, request_id, since from recording_stop where tenant_id = :tenant_id and cause = 'erasure' order by since;

-- name: receipt_key(tenant_id)$
select sealed_private from receipt_key where tenant_id = :tenant_id;

-- name: add_receipt_key(tenant_id, sealed_private)!
insert into receipt_key (tenant_id, sealed_private) values (:tenant_id, :sealed_private) on conflict do nothing;
