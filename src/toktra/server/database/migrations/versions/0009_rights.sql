-- What people ask for under the law, and what became of it. A request outlives the person it is about: person_id then
-- stands for nobody any more, so it is no foreign key.

create table rights_request (
    tenant_id    uuid not null references tenant,
    request_id   uuid not null default gen_random_uuid(),
    number       integer not null check (number >= 1),
    kind         text not null
                 check (kind in ('access', 'erasure', 'portability', 'rectification', 'objection', 'restriction')),
    regulation   text not null check (regulation in ('gdpr', 'uk-gdpr', 'ccpa')),
    person_id    uuid not null,
    channel      text not null check (channel in ('portal', 'officer')),
    stage        text not null check (stage in ('identity', 'decision', 'working', 'ready', 'done', 'refused')),
    received_on  date not null,
    confirm_by   date,
    due_on       date not null check (due_on >= received_on),
    is_extended  boolean not null default false,
    details      text check (length(details) between 1 and 2000),
    made_at      timestamptz not null default now(),
    closed_at    timestamptz,
    primary key (tenant_id, request_id),
    unique (tenant_id, number),
    check ((stage in ('done', 'refused')) = (closed_at is not null))
);
create index rights_request_due on rights_request (tenant_id, due_on) where closed_at is null;
create index rights_request_person on rights_request (tenant_id, person_id);

-- What happened to a request, in order. Rows are only added.
create table rights_step (
    tenant_id   uuid not null,
    request_id  uuid not null,
    number      integer not null,
    at          timestamptz not null default clock_timestamp(),
    step        text not null check (step ~ '^[a-z-]+$'),
    note        text check (length(note) between 1 and 2000),
    by_role     text,
    primary key (tenant_id, request_id, number),
    foreign key (tenant_id, request_id) references rights_request on delete cascade
);

-- The copy of someone's data, sealed to a key that only they can use. sealed_identity: that key, itself sealed to their
-- passphrase; null when they gave an age recipient of their own.
create table rights_bundle (
    tenant_id        uuid not null,
    request_id       uuid not null,
    recipient        text not null check (recipient ~ '^age1[a-z0-9]{50,}$'),
    sealed_identity  bytea,
    is_whole         boolean not null default false,
    sealed_bytes     bigint not null default 0,
    made_at          timestamptz,
    expires_at       timestamptz,
    primary key (tenant_id, request_id),
    foreign key (tenant_id, request_id) references rights_request on delete cascade,
    check (is_whole = (expires_at is not null))
);
create table rights_bundle_part (
    tenant_id   uuid not null,
    request_id  uuid not null,
    place       integer not null,
    content     bytea not null,
    primary key (tenant_id, request_id, place),
    foreign key (tenant_id, request_id) references rights_bundle on delete cascade
);

-- People of whom nothing new is recorded: they objected, asked for restriction, or were erased. No foreign key: the
-- entry of someone erased is the list that is replayed after a backup was restored.
create table recording_stop (
    tenant_id   uuid not null references tenant,
    person_id   uuid not null,
    cause       text not null check (cause in ('restriction', 'objection', 'erasure')),
    request_id  uuid not null,
    since       timestamptz not null default now(),
    primary key (tenant_id, person_id, cause)
);

-- An account of someone erased that may report again from a device others use too; its name only as a digest.
create table erased_account (
    tenant_id    uuid not null references tenant,
    device_id    uuid not null,
    name_digest  bytea not null check (length(name_digest) = 32),
    primary key (tenant_id, device_id, name_digest)
);

-- What must not be erased for now, and on whose authority. The person reads it, unless the law forbids to tell.
create table legal_hold (
    tenant_id   uuid not null references tenant,
    person_id   uuid not null,
    authority   text not null check (length(authority) between 1 and 200),
    reason      text not null check (length(reason) between 1 and 400),
    ends_on     date not null,
    is_told     boolean not null default true,
    made_at     timestamptz not null default now(),
    primary key (tenant_id, person_id)
);

do $$
declare
    name text;
begin
    foreach name in array array['rights_request', 'rights_step', 'rights_bundle', 'rights_bundle_part', 'recording_stop',
                                'erased_account', 'legal_hold'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;

-- From when on something may be recorded of each of these people, and never before p_since; 'infinity' for not at all:
-- they objected, asked for restriction or were erased (a null), or the notice that must come first has not.
create or replace function recordable_since(p_tenant uuid, p_people uuid[], p_since timestamptz)
returns timestamptz[] language plpgsql stable as $$
begin
    return (select array_agg(
        case
            when o.person_id is null
                or exists (select from recording_stop s where s.tenant_id = p_tenant and s.person_id = o.person_id)
                then 'infinity'
            when policy.must_precede = 'publication'
                then greatest(p_since, coalesce(current.published_at, 'infinity'))
            when policy.must_precede = 'acknowledgement'
                then greatest(p_since, coalesce(
                    (select a.acknowledged_at from notice_acknowledgement a
                     where a.tenant_id = p_tenant and a.person_id = o.person_id and a.version = current.version),
                    'infinity'))
            else p_since
        end order by o.place)
    from unnest(p_people) with ordinality o (person_id, place)
    left join notice_settings policy on policy.tenant_id = p_tenant
    left join lateral (select n.version, min(n.published_at) over () as published_at from notice n
                       where n.tenant_id = p_tenant order by n.version desc limit 1) current on true);
end $$;

-- As before, but an account of someone erased is nobody's: no person is made up for it again.
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
          and not exists (select from erased_account e
                          where e.tenant_id = p_tenant and e.device_id = p_device
                            and e.name_digest = sha256(convert_to(u.name, 'UTF8')))
    loop
        insert into person (tenant_id, display_name, from_account) values (p_tenant, who || ' on ' || p_hostname, true)
        returning person_id into new_person;
        insert into account (tenant_id, device_id, name, person_id) values (p_tenant, p_device, who, new_person);
    end loop;
    return (select array_agg(a.person_id order by u.place)
            from unnest(p_users) with ordinality u (name, place)
            left join account a on a.tenant_id = p_tenant and a.device_id = p_device and a.name = u.name);
end $$;

-- The key that signs an organisation's receipts of erasures, sealed with the server's own key (see the room vault).
create table receipt_key (
    tenant_id       uuid primary key references tenant,
    sealed_private  bytea not null
);
alter table receipt_key enable row level security;
alter table receipt_key force row level security;
create policy tenant_only on receipt_key
    using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid));
