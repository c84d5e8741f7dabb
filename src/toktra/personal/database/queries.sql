-- name: version()$
select version from schema_version;

-- name: create_day(day)$
select create_record_day(:day);

-- name: store_uploads(day, mailboxes, records, sealed)$
select store_uploads(:day, :mailboxes::bytea[], :records::uuid[], :sealed::bytea[]);

-- name: mailbox_exists(mailbox)$
select exists (select from mailbox where digest = :mailbox);

-- name: open_mailbox(mailbox)!
insert into mailbox (digest) values (:mailbox) on conflict do nothing;

-- name: delete_mailbox(mailbox)!
select delete_mailbox(:mailbox);

-- name: first_records(mailbox, oldest, most)
select record, day, sealed from record
where mailbox = :mailbox and day >= :oldest
order by day desc, record desc
limit :most;

-- name: next_records(mailbox, oldest, most, after_day, after_record)
select record, day, sealed from record
where mailbox = :mailbox and day >= :oldest and day <= :after_day
  and (day < :after_day or record < :after_record)
order by day desc, record desc
limit :most;

-- name: replace_records(mailbox, oldest, records, sealed)$
with given as (
    select * from unnest(:records::uuid[], :sealed::bytea[]) given (record, sealed)
), replaced as (
    update record set sealed = given.sealed from given
    where record.mailbox = :mailbox and record.day >= :oldest and record.record = given.record
    returning record.day
), touched as (
    update record_day set settled = false
    where settled and day in (select distinct replaced.day from replaced)
)
select count(*) from replaced;

-- name: drop_lapsed_days(today)$
select drop_lapsed_days(:today);

-- name: unsettled_days(before)
select day from record_day where day < :before and not settled order by day;

-- name: has_at_most(day, most)$
select count(*) <= :most from (select from record where day = :day limit :most::bigint + 1) found;

-- name: settle_day(day)!
select settle_day(:day);

-- name: settle_mailboxes_and_tickets()!
select settle_mailboxes_and_tickets();

-- name: lock_mailbox(mailbox)!
select pg_advisory_xact_lock(mailbox_lock(:mailbox));

-- name: tiers(programme, month)
select tier from programme_tier
where programme = :programme and first_month <= :month and (last_month is null or last_month >= :month)
order by tier;

-- name: is_issuing(programme, tier)$
select exists (select from programme_tier where programme = :programme and tier = :tier and last_month is null);

-- name: spend(digest, programme, tier, month, opening)!
insert into spent_ticket (digest, programme, tier, month, opening)
values (:digest, :programme, :tier, :month, :opening)
on conflict do nothing;

-- name: offer_tier(programme, tier, most_tickets, month)!
insert into programme_tier (programme, tier, most_tickets, first_month)
values (:programme, :tier, :most_tickets, :month)
on conflict (programme, tier) do update
set most_tickets = greatest(programme_tier.most_tickets, excluded.most_tickets), last_month = null;

-- name: end_tiers_but(programme, tiers, month)!
update programme_tier set last_month = :month
where programme = :programme and last_month is null and tier <> all (:tiers);

-- name: closed_months(programme)
select month, tier, tickets, most_tickets from closed_month where programme = :programme order by month desc, tier;

-- name: begin_housekeeping()$
select pg_try_advisory_lock(hashtextextended('toktra.housekeeping', 0));

-- name: end_housekeeping()$
select pg_advisory_unlock(hashtextextended('toktra.housekeeping', 0));

-- name: unclosed_months(newest)
select t.programme, t.tier, t.most_tickets, due.month::date as month
from programme_tier t,
     generate_series(t.first_month, least(coalesce(t.last_month, :newest), :newest), interval '1 month') due (month)
where not exists (
    select from closed_month c where (c.programme, c.tier, c.month) = (t.programme, t.tier, due.month::date)
)
order by due.month, t.programme, t.tier;

-- name: take_spent(programme, tier, month)$
with taken as (
    delete from spent_ticket where programme = :programme and tier = :tier and month = :month returning opening
)
select count(*) from taken where not opening;

-- name: publish(programme, tier, month, tickets, most_tickets)!
insert into closed_month (programme, tier, month, tickets, most_tickets)
values (:programme, :tier, :month, :tickets, :most_tickets);

-- name: delete_late_spent(newest)!
delete from spent_ticket where month <= :newest;
