-- What was done, by whom, to whom and why: one chain of entries for each organisation. Entries name people by id only,
-- and refer to none of their rows: an entry outlives what it tells of. The server's role may add entries and read
-- them; it is never granted more (see migrate.py).

create table audit_entry (
    tenant_id      uuid not null references tenant,
    number         bigint not null check (number >= 1),
    at             timestamptz not null check (isfinite(at)),
    tag            text not null check (tag ~ '^[a-z-]+:[a-z-]+$'),
    actor          text not null check (actor in ('person', 'command', 'system')),
    actor_id       uuid check ((actor = 'person') = (actor_id is not null)),
    actor_role     text check ((actor = 'person') = (actor_role is not null)),
    command        text check ((actor = 'command') = (command is not null)),
    subject_id     uuid,
    reason         text check (length(reason) between 1 and 400),
    before         jsonb check (jsonb_typeof(before) = 'object' and length(before::text) <= 2000),
    after          jsonb check (jsonb_typeof(after) = 'object' and length(after::text) <= 2000),
    previous_hash  bytea not null check (length(previous_hash) = 32),
    hash           bytea not null check (length(hash) = 32),
    primary key (tenant_id, number)  -- two entries cannot follow on the same one
);
create index audit_entry_subject on audit_entry (tenant_id, subject_id, number) where subject_id is not null;
create index audit_entry_tag on audit_entry (tenant_id, tag, number);

alter table audit_entry enable row level security;
alter table audit_entry force row level security;
create policy tenant_only on audit_entry
    using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid));
