-- Requests under the law by people who have no account, whose law a person stands under, whose an account on a device
-- is by its owner's own word, sign-ins that failed, and a person's week in the copy of their data.

-- The country or state whose law a person asks under, as ISO 3166 writes it: DE, DE-BY, GB, US-CA. null: as the
-- organisation.
alter table person
    add column jurisdiction text check (jurisdiction ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$');

-- A request that came by mail has the address it came from, and until the officer has found out whom it is about a
-- person_id that stands for nobody.
alter table rights_request drop constraint rights_request_channel_check;
alter table rights_request drop constraint rights_request_stage_check;
alter table rights_request
    add column asked_from text check (length(asked_from) between 3 and 254),
    add constraint rights_request_channel_check check (channel in ('portal', 'officer', 'mail')),
    add constraint rights_request_stage_check
        check (stage in ('check', 'identity', 'decision', 'working', 'ready', 'done', 'refused'));
create index rights_request_asked_from on rights_request (tenant_id, lower(asked_from)) where asked_from is not null;

-- Links that were mailed to who has no account: until it is opened one stands for the wish to ask (`kind`), afterwards
-- for the request it made. Of the link there is only the hash.
create table rights_link (
    tenant_id   uuid not null references tenant,
    token_hash  bytea not null check (length(token_hash) = 32),
    address     text not null check (length(address) between 3 and 254),
    kind        text not null
                check (kind in ('access', 'erasure', 'portability', 'rectification', 'objection', 'restriction')),
    request_id  uuid,
    made_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    primary key (tenant_id, token_hash),
    foreign key (tenant_id, request_id) references rights_request on delete cascade
);
create index rights_link_made on rights_link (tenant_id, made_at);
create index rights_link_request on rights_link (tenant_id, request_id) where request_id is not null;

-- An account on a device that somebody may say is theirs: asked for on the device, confirmed by who is signed in at the
-- portal. One at a time for each account; the newest counts.
create table account_claim (
    tenant_id   uuid not null,
    device_id   uuid not null,
    name        text not null check (length(name) between 1 and 256),
    code_hash   bytea not null check (length(code_hash) = 32),
    expires_at  timestamptz not null,
    primary key (tenant_id, device_id, name),
    unique (tenant_id, code_hash),
    foreign key (tenant_id, device_id) references device on delete cascade
);

-- Whose unnamed records wait: who said on the device that the account is theirs has what follows, and what was recorded
-- before is theirs only when a second person says so too.
alter table account
    add column unnamed_id uuid,
    add foreign key (tenant_id, unnamed_id) references person on delete set null (unnamed_id);

-- How often signing in failed on a day, by whom it was tried for; the zero id stands for whoever is not known here. So
-- the trail gets an entry for the first, the tenth, the hundredth, and guessing cannot fill it.
create table sign_in_failure (
    tenant_id  uuid not null references tenant,
    day        date not null,
    person_id  uuid not null,
    method     text not null check (method in ('link', 'passkey', 'password', 'recovery_code', 'work_account')),
    tries      bigint not null check (tries >= 1),
    primary key (tenant_id, day, person_id, method)
);

do $$
declare
    name text;
begin
    foreach name in array array['rights_link', 'account_claim', 'sign_in_failure'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;

-- Leave to put a week into the copy of its owner's data: given in the owner's session when they say how the copy is
-- sealed, taken back when the copy is made. The job that makes it names the request, and sees that one person's.
create table privacy_hours.copy_leave (
    tenant_id   uuid not null,
    person_id   uuid not null,
    request_id  uuid not null,
    expires_at  timestamptz not null default now() + interval '1 day',
    primary key (tenant_id, person_id),
    foreign key (tenant_id, person_id) references public.person on delete cascade
);

create function privacy_hours.copied_request() returns uuid language sql stable set search_path = pg_catalog as $$
    select nullif(current_setting('toktra.copied_request', true), '')::uuid
$$;

alter table privacy_hours.copy_leave enable row level security;
alter table privacy_hours.copy_leave force row level security;
create policy own on privacy_hours.copy_leave
    using (tenant_id = (select privacy_hours.tenant()) and person_id = (select privacy_hours.reader()))
    with check (tenant_id = (select privacy_hours.tenant()) and person_id = (select privacy_hours.reader()));
create policy for_copy on privacy_hours.copy_leave for select
    using (tenant_id = (select privacy_hours.tenant()) and request_id = (select privacy_hours.copied_request())
           and expires_at > now());
create policy after_copy on privacy_hours.copy_leave for delete
    using (tenant_id = (select privacy_hours.tenant()) and request_id = (select privacy_hours.copied_request()));

do $$
declare
    name text;
begin
    foreach name in array array['week', 'change', 'delivery'] loop
        execute format($policy$
            create policy for_copy on privacy_hours.%I for select
            using (tenant_id = (select privacy_hours.tenant())
                   and person_id in (select c.person_id from privacy_hours.copy_leave c
                                     where c.tenant_id = (select privacy_hours.tenant())
                                       and c.request_id = (select privacy_hours.copied_request())))
            $policy$, name);
    end loop;
end $$;

revoke all on all functions in schema privacy_hours from public;
