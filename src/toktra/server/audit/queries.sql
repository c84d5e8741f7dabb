-- name: wait_for_turn(tenant_id)!
-- One writer at a time for each organisation, until its transaction ends.
select pg_advisory_xact_lock(hashtextextended('toktra.audit_entry ' || (:tenant_id)::text, 0));

-- name: newest(tenant_id)^
select number, hash from audit_entry where tenant_id = :tenant_id order by number desc limit 1;

-- name: now()$
select clock_timestamp();

-- name: add(tenant_id, number, at, tag, actor, actor_id, actor_role, command, subject_id, reason, before, after, previous_hash, hash)!
insert into audit_entry (tenant_id, number, at, tag, actor, actor_id, actor_role, command, subject_id, reason,
    before, after, previous_hash, hash)
values (:tenant_id, :number, :at, :tag, :actor, :actor_id, :actor_role, :command, :subject_id, :reason,
    :before, :after, :previous_hash, :hash);

-- name: entries_from(tenant_id, number, most)
select tenant_id, number, at, tag, actor, actor_id, actor_role, command, subject_id, reason, before, after,
    previous_hash, hash
from audit_entry
where tenant_id = :tenant_id and number >= :number
order by number
limit :most;

-- name: search(tenant_id, tag, words, people, first, last, below, offset, most)
-- A person is sought as who did it and as whom it was done to. `words` is a pattern for the reason and the command.
select tenant_id, number, at, tag, actor, actor_id, actor_role, command, subject_id, reason, before, after,
    previous_hash, hash
from audit_entry
where tenant_id = :tenant_id
  and (:tag ::text is null or tag = :tag)
  and (:words ::text is null or reason ilike :words or command ilike :words)
  and (:people ::uuid[] is null or actor_id = any(:people) or subject_id = any(:people))
  and (:first ::date is null or at >= :first ::date::timestamp at time zone 'UTC')
  and (:last ::date is null or at < (:last ::date + 1)::timestamp at time zone 'UTC')
  and (:below ::bigint is null or number < :below)
order by number desc
limit :most offset :offset;

-- name: count_found(tenant_id, tag, words, people, first, last)$
select count(*) from audit_entry
where tenant_id = :tenant_id
  and (:tag ::text is null or tag = :tag)
  and (:words ::text is null or reason ilike :words or command ilike :words)
  and (:people ::uuid[] is null or actor_id = any(:people) or subject_id = any(:people))
  and (:first ::date is null or at >= :first ::date::timestamp at time zone 'UTC')
  and (:last ::date is null or at < (:last ::date + 1)::timestamp at time zone 'UTC');

-- name: was_noted(tenant_id, tag, actor_id, subject_id, since)$
select exists (
    select from audit_entry
    where tenant_id = :tenant_id and subject_id = :subject_id and tag = :tag and actor_id = :actor_id and at > :since);

-- name: about(tenant_id, person_id, tags, offset, most)
select at, tag, actor, actor_role, command, actor_id = subject_id as is_own, reason, after
from audit_entry
where tenant_id = :tenant_id and subject_id = :person_id and tag = any(:tags)
order by number desc
limit :most offset :offset;

-- name: count_about(tenant_id, person_id, tags)$
select count(*) from audit_entry
where tenant_id = :tenant_id and subject_id = :person_id and tag = any(:tags);

-- name: began_after(tenant_id)^
-- What the oldest entry follows on, once those before it are past their time.
select number, hash from audit_cut where tenant_id = :tenant_id;

-- name: oldest(tenant_id)$
select (at at time zone 'UTC')::date from audit_entry where tenant_id = :tenant_id order by number limit 1;

-- name: count_before(tenant_id, day)$
select count(*) from audit_entry where tenant_id = :tenant_id and at < (:day ::date)::timestamp at time zone 'UTC';

-- name: cut(tenant_id, day)$
select cut_audit_trail(:tenant_id, :day);
