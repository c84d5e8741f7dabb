-- An organisation's own directory tells us by SCIM who is there.

-- A token by which it proves that it may. Shown once, when an administrator makes it; here is only its hash.
create table scim_token (
    tenant_id     uuid not null references tenant,
    token_id      uuid not null default gen_random_uuid(),
    token_hash    bytea not null check (length(token_hash) = 32),
    name          text not null check (length(name) between 1 and 100),
    made_by       uuid,
    made_at       timestamptz not null default now(),
    expires_at    timestamptz not null,
    last_used_on  date,
    primary key (tenant_id, token_id),
    unique (tenant_id, token_hash),
    foreign key (tenant_id, made_by) references person on delete set null (made_by)
);

-- What the organisation's own directory calls a person, so that it finds them again.
alter table person
    add column user_name    text check (length(user_name) between 1 and 254),
    add column external_id  text check (length(external_id) between 1 and 200);
create unique index person_user_name on person (tenant_id, lower(user_name)) where user_name is not null;
create index person_external_id on person (tenant_id, external_id) where external_id is not null;

-- A group of that directory, and what it means here: nothing, a role, or a department of the same name.
create table scim_group (
    tenant_id     uuid not null references tenant,
    group_id      uuid not null default gen_random_uuid(),
    display_name  text not null check (length(display_name) between 1 and 200),
    external_id   text check (length(external_id) between 1 and 200),
    gives_role    text check (gives_role in ('administrator', 'finance', 'privacy_officer', 'auditor')),
    is_department boolean not null default false,
    changed_at    timestamptz not null default now(),
    primary key (tenant_id, group_id),
    check (gives_role is null or not is_department)
);
create unique index scim_group_name on scim_group (tenant_id, lower(display_name));

create table scim_member (
    tenant_id  uuid not null,
    group_id   uuid not null,
    person_id  uuid not null,
    primary key (tenant_id, group_id, person_id),
    foreign key (tenant_id, group_id) references scim_group on delete cascade,
    foreign key (tenant_id, person_id) references person on delete cascade
);
create index scim_member_person on scim_member (tenant_id, person_id);

do $$
declare
    name text;
begin
    foreach name in array array['scim_token', 'scim_group', 'scim_member'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
