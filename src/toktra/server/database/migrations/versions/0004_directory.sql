-- The directory: what an organisation says about its people. from_account marks a person that ingest made up for an
-- account nobody had been named for; it stops being one when an administrator says who it is.

alter table person
    add column department    text check (length(department) between 1 and 200),
    add column manager_id    uuid check (manager_id <> person_id),
    add column left_at       timestamptz,
    add column from_account  boolean not null default false,
    add foreign key (tenant_id, manager_id) references person on delete set null (manager_id);
create index person_manager on person (tenant_id, manager_id) where manager_id is not null;

-- Row-level security binds the owner of the tables too, and this is about every organisation's rows.
alter table person no force row level security;
alter table account no force row level security;
alter table device no force row level security;
update person p set from_account = true
from account a join device d on d.tenant_id = a.tenant_id and d.device_id = a.device_id
where a.tenant_id = p.tenant_id and a.person_id = p.person_id and p.email is null and p.role = 'employee'
  and p.display_name = a.name || ' on ' || d.hostname;
alter table person force row level security;
alter table account force row level security;
alter table device force row level security;

create or replace function people_of_accounts(p_tenant uuid, p_device uuid, p_hostname text, p_users text[])
returns uuid[] language plpgsql as $$
declare
    who text;
    new_person uuid;
begin
    for who in
        select u.name from unnest(p_users) u (name)
        where not exists (select from account a
                          where a.tenant_id = p_tenant and a.device_id = p_device and a.name = u.name)
    loop
        insert into person (tenant_id, display_name, from_account) values (p_tenant, who || ' on ' || p_hostname, true)
        returning person_id into new_person;
        insert into account (tenant_id, device_id, name, person_id) values (p_tenant, p_device, who, new_person);
    end loop;
    return (select array_agg(a.person_id order by u.place)
            from unnest(p_users) with ordinality u (name, place)
            join account a on a.tenant_id = p_tenant and a.device_id = p_device and a.name = u.name);
end $$;

-- A code is named by its id where it is listed: a hash of 60 bits is no name to hand around.
alter table enrolment_code
    add column code_id  uuid not null default gen_random_uuid(),
    add column uses     integer,
    add column purpose  text not null default '' check (length(purpose) <= 200),
    add column made_by  uuid,
    add unique (tenant_id, code_id),
    add foreign key (tenant_id, made_by) references person on delete set null (made_by);

-- The newest day before last_report_on with a report, so that what administrators see of a device can leave out the
-- day that is not over. Kept by a trigger, which costs a batch one comparison.
alter table device add column previous_report_on date;
alter table device no force row level security;
alter table device_day no force row level security;
update device d set previous_report_on = before.day
from (select r.tenant_id, r.device_id, max(r.day) as day
      from device_day r join device k on k.tenant_id = r.tenant_id and k.device_id = r.device_id
      where r.day < k.last_report_on group by 1, 2) before
where before.tenant_id = d.tenant_id and before.device_id = d.device_id;
alter table device force row level security;
alter table device_day force row level security;

create function keep_previous_report() returns trigger language plpgsql as $$
begin
    new.previous_report_on := old.last_report_on;
    return new;
end $$;
create trigger keep_previous_report before update of last_report_on on device
    for each row when (new.last_report_on > old.last_report_on) execute function keep_previous_report();

-- A file of people between its upload and the decision about it; kept for an hour at most.
create table people_import (
    tenant_id   uuid not null references tenant,
    import_id   uuid not null default gen_random_uuid(),
    made_by     uuid not null,
    file_name   text not null check (length(file_name) <= 200),
    encoding    text not null,
    content     text not null,
    columns     jsonb not null,
    made_at     timestamptz not null default now(),
    primary key (tenant_id, import_id),
    foreign key (tenant_id, made_by) references person on delete cascade
);
alter table people_import enable row level security;
alter table people_import force row level security;
create policy tenant_only on people_import
    using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid));
