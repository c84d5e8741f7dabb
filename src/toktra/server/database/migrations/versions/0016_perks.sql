-- Token Perks, as far as the organisation knows them: what it offers, whom it invited, and who takes part since which
-- month. No day, no mailbox, no record, and nothing of when somebody was in personal mode: that is in another database,
-- which this one's roles cannot even connect to.

-- `programme` is drawn at random and is all that the personal service knows of the organisation.
create table perks_programme (
    tenant_id   uuid primary key references tenant,
    programme   uuid not null default gen_random_uuid(),
    is_on       boolean not null default false
);

create table perks_tier (
    tenant_id           uuid not null references perks_programme,
    tier                text not null check (tier ~ '^[a-z0-9-]{1,40}$'),
    name                text not null check (length(name) between 1 and 60),
    tokens_per_ticket   bigint not null check (tokens_per_ticket between 100 and 1000000000),
    tickets             integer not null check (tickets between 1 and 1000),
    is_offered          boolean not null default true,
    primary key (tenant_id, tier)
);

-- Either a department, or one person, or, with neither, everybody.
create table perks_invitation (
    tenant_id       uuid not null,
    invitation_id   uuid not null default gen_random_uuid(),
    tier            text not null,
    department      text check (length(department) between 1 and 200),
    person_id       uuid,
    primary key (tenant_id, invitation_id),
    unique nulls not distinct (tenant_id, department, person_id),
    foreign key (tenant_id, tier) references perks_tier,
    foreign key (tenant_id, person_id) references person on delete cascade,
    check (num_nonnulls(department, person_id) <= 1)
);

-- Who takes part. `since` is the first day of a month and says no more. All rows of an organisation are written anew, in
-- random order, whenever one comes or goes (queries.sql), so that not even their place tells who came when.
create table perks_enrolment (
    tenant_id       uuid not null,
    person_id       uuid not null,
    tier            text not null,
    notice_version  integer not null check (notice_version > 0),
    since           date not null check (since = date_trunc('month', since)::date),
    primary key (tenant_id, person_id),
    foreign key (tenant_id, tier) references perks_tier,
    foreign key (tenant_id, person_id) references person on delete cascade
);

-- How many of a month's tickets somebody's devices have drawn. Devices draw all of them, used or not.
create table perks_drawn (
    tenant_id   uuid not null,
    person_id   uuid not null,
    month       date not null check (month = date_trunc('month', month)::date),
    tickets     integer not null check (tickets >= 0),
    primary key (tenant_id, person_id, month),
    foreign key (tenant_id, person_id) references person on delete cascade
);

-- How many took part by the end of a month, counted once when it was over: a number that moved from day to day would
-- tell who came and who left.
create table perks_counted (
    tenant_id   uuid not null references tenant,
    month       date not null check (month = date_trunc('month', month)::date),
    tier        text not null,
    people      integer not null check (people >= 0),
    primary key (tenant_id, month, tier)
);

do $$
declare
    name text;
begin
    foreach name in array array['perks_programme', 'perks_tier', 'perks_invitation', 'perks_enrolment', 'perks_drawn',
                                 'perks_counted'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
