-- name: programme(tenant_id)^
select programme, is_on from perks_programme where tenant_id = :tenant_id;

-- name: switch(tenant_id, is_on)$
insert into perks_programme (tenant_id, is_on) values (:tenant_id, :is_on)
on conflict (tenant_id) do update set is_on = excluded.is_on
returning programme;

-- name: lock_programme(tenant_id)^
select programme, is_on from perks_programme where tenant_id = :tenant_id for update;

-- name: tiers(tenant_id)
select tier, name, tokens_per_ticket, tickets from perks_tier
where tenant_id = :tenant_id and is_offered
order by tokens_per_ticket * tickets, tier;

-- name: set_tier(tenant_id, tier, name, tokens_per_ticket, tickets)!
insert into perks_tier (tenant_id, tier, name, tokens_per_ticket, tickets)
values (:tenant_id, :tier, :name, :tokens_per_ticket, :tickets)
on conflict (tenant_id, tier) do update set name = excluded.name, tokens_per_ticket = excluded.tokens_per_ticket,
    tickets = excluded.tickets, is_offered = true;

-- name: end_tier(tenant_id, tier)$
update perks_tier set is_offered = false where tenant_id = :tenant_id and tier = :tier and is_offered returning name;

-- name: end_invitations_to(tenant_id, tier)!
delete from perks_invitation where tenant_id = :tenant_id and tier = :tier;

-- name: invitations(tenant_id)
select i.invitation_id, i.tier, t.name as tier_name, i.department, i.person_id, p.display_name
from perks_invitation i
join perks_tier t on t.tenant_id = i.tenant_id and t.tier = i.tier
left join person p on p.tenant_id = i.tenant_id and p.person_id = i.person_id
where i.tenant_id = :tenant_id
order by i.department nulls first, lower(p.display_name), i.invitation_id;

-- name: invite(tenant_id, tier, department, person_id)!
insert into perks_invitation (tenant_id, tier, department, person_id)
values (:tenant_id, :tier, :department, :person_id)
on conflict (tenant_id, department, person_id) do update set tier = excluded.tier;

-- name: withdraw(tenant_id, invitation_id)^
delete from perks_invitation where tenant_id = :tenant_id and invitation_id = :invitation_id
returning tier, department, person_id;

-- name: person_of_account(tenant_id, device_id, account)^
select d.status as device, t.status as tenant, p.person_id
from device d
join tenant t on t.tenant_id = d.tenant_id
left join account a on a.tenant_id = d.tenant_id and a.device_id = d.device_id and a.name = :account
left join person p on p.tenant_id = a.tenant_id and p.person_id = a.person_id and p.status = 'active'
    and not p.from_account
where d.tenant_id = :tenant_id and d.device_id = :device_id;

-- name: invited_to(tenant_id, person_id)^
-- The narrowest invitation counts: one's own before that of one's department, and that before everybody's.
select t.tier, t.name, t.tokens_per_ticket, t.tickets
from person p
join perks_invitation i on i.tenant_id = p.tenant_id
    and (i.person_id = p.person_id or i.department = p.department or (i.person_id is null and i.department is null))
join perks_tier t on t.tenant_id = i.tenant_id and t.tier = i.tier and t.is_offered
where p.tenant_id = :tenant_id and p.person_id = :person_id and p.status = 'active'
order by i.person_id is null, i.department is null
limit 1;

-- name: enrolment(tenant_id, person_id)^
select e.tier, t.name, t.tokens_per_ticket, case when t.is_offered then t.tickets else 0 end as tickets, e.since,
    e.notice_version
from perks_enrolment e
join perks_tier t on t.tenant_id = e.tenant_id and t.tier = e.tier
where e.tenant_id = :tenant_id and e.person_id = :person_id;

-- name: opt_in(tenant_id, person_id, tier, notice_version, since)!
insert into perks_enrolment (tenant_id, person_id, tier, notice_version, since)
values (:tenant_id, :person_id, :tier, :notice_version, :since)
on conflict (tenant_id, person_id) do nothing;

-- name: opt_out(tenant_id, person_id)!
delete from perks_enrolment where tenant_id = :tenant_id and person_id = :person_id;

-- name: forget_drawn(tenant_id, month)!
-- What was drawn in months before tells who took part when, and nobody needs it.
delete from perks_drawn where tenant_id = :tenant_id and month < :month;

-- name: write_anew(tenant_id)!
-- In random order, and all by one transaction: neither the place of a row nor its transaction tells who came when.
with taken as (
    delete from perks_enrolment where tenant_id = :tenant_id
    returning tenant_id, person_id, tier, notice_version, since
)
insert into perks_enrolment (tenant_id, person_id, tier, notice_version, since)
select tenant_id, person_id, tier, notice_version, since from taken order by random();

-- name: drawn(tenant_id, person_id, month)$
select tickets from perks_drawn where tenant_id = :tenant_id and person_id = :person_id and month = :month;

-- name: draw(tenant_id, person_id, month, tickets, most)$
insert into perks_drawn as d (tenant_id, person_id, month, tickets)
select :tenant_id, :person_id, :month, :tickets where :tickets <= :most
on conflict (tenant_id, person_id, month) do update set tickets = d.tickets + excluded.tickets
    where d.tickets + excluded.tickets <= :most
returning tickets;

-- name: give_back(tenant_id, person_id, month, tickets)!
update perks_drawn set tickets = greatest(0, tickets - :tickets)
where tenant_id = :tenant_id and person_id = :person_id and month = :month;

-- name: count_month(tenant_id, month, next_month)!
insert into perks_counted (tenant_id, month, tier, people)
select t.tenant_id, :month, t.tier, count(e.person_id)
from perks_tier t
left join perks_enrolment e on e.tenant_id = t.tenant_id and e.tier = t.tier and e.since < :next_month
where t.tenant_id = :tenant_id
group by t.tenant_id, t.tier
on conflict do nothing;

-- name: is_counted(tenant_id, month)$
select exists (select from perks_counted where tenant_id = :tenant_id and month = :month);

-- name: counted(tenant_id)
select c.month, c.tier, t.name, c.people
from perks_counted c
left join perks_tier t on t.tenant_id = c.tenant_id and t.tier = c.tier
where c.tenant_id = :tenant_id
order by c.month desc, c.tier;
