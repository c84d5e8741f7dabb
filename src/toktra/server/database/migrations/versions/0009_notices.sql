-- Notices to the people of an organisation: what it says, each version as published, and who has confirmed which.

-- What the organisation says about itself in its notices, and whether anything is recorded of people before they have
-- been told. 'nothing' is what an organisation without a row has.
create table notice_settings (
    tenant_id    uuid primary key references tenant,
    variables    jsonb not null default '{}' check (jsonb_typeof(variables) = 'object'),
    must_precede text not null default 'nothing' check (must_precede in ('nothing', 'publication', 'acknowledgement'))
);

create table notice (
    tenant_id     uuid not null references tenant,
    version       integer not null check (version >= 1),
    jurisdiction  text not null,
    language      text not null,
    markdown      text not null,
    published_at  timestamptz not null default now(),
    published_by  uuid,
    primary key (tenant_id, version),
    foreign key (tenant_id, published_by) references person on delete set null (published_by)
);

create table notice_acknowledgement (
    tenant_id        uuid not null,
    person_id        uuid not null,
    version          integer not null,
    acknowledged_at  timestamptz not null default now(),
    primary key (tenant_id, person_id, version),
    foreign key (tenant_id, version) references notice,
    foreign key (tenant_id, person_id) references person on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['notice_settings', 'notice', 'notice_acknowledgement'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
