-- Organisations of other regions: who asks for one here is sent on. All that is global about an organisation is in this
-- table, its id, its short name and its region; it is no table of tenants, so it has no tenant_id and nothing of people.
create table served_elsewhere (
    organisation_id  uuid primary key,
    slug             text not null unique,
    region           text not null check (region in ('eu', 'us', 'au', 'ca'))
);

-- The region of everything in this database, once it is said. It never changes afterwards.
create table home_region (
    only_row  boolean primary key default true check (only_row),
    region    text not null check (region in ('eu', 'us', 'au', 'ca'))
);

create trigger keep_region before update on home_region for each row execute function keep_region();
