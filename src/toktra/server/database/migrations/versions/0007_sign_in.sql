-- How people sign in, and what a session says about how its holder did. Secrets are kept as hashes, or sealed with a
-- key that is not in the database (see the room vault).

-- A session's method and when its holder last proved who they are ('-infinity': before this was kept). `role` is the
-- role under which the browser got its token: when the person's role has changed, the browser gets a new one.
alter table session
    add column session_id  uuid not null default gen_random_uuid(),
    add column method      text not null default 'link'
                           check (method in ('link', 'passkey', 'password', 'recovery_code', 'work_account')),
    add column proven_at   timestamptz not null default '-infinity',
    add column role        text,
    add unique (tenant_id, session_id);
alter table session alter column proven_at set default now();
create index session_person on session (tenant_id, person_id);

create table passkey (
    tenant_id      uuid not null,
    credential_id  bytea not null check (length(credential_id) between 1 and 1023),
    passkey_id     uuid not null default gen_random_uuid(),
    person_id      uuid not null,
    public_key     bytea not null,
    sign_count     bigint not null check (sign_count >= 0),
    name           text not null check (length(name) between 1 and 60),
    added_at       timestamptz not null default now(),
    used_on        date,
    primary key (tenant_id, credential_id),
    unique (tenant_id, passkey_id),
    foreign key (tenant_id, person_id) references person on delete cascade
);
create index passkey_person on passkey (tenant_id, person_id);

-- A password never stands alone: its row holds the authenticator app's secret too. totp_step is the newest time step
-- whose code was taken; none is taken twice.
create table password (
    tenant_id      uuid not null,
    person_id      uuid not null,
    password_hash  text not null,
    sealed_totp    bytea not null,
    totp_step      bigint not null,
    set_at         timestamptz not null default now(),
    primary key (tenant_id, person_id),
    foreign key (tenant_id, person_id) references person on delete cascade
);

create table recovery_code (
    tenant_id  uuid not null,
    person_id  uuid not null,
    code_hash  bytea not null check (length(code_hash) = 32),
    used_at    timestamptz,
    primary key (tenant_id, code_hash),
    foreign key (tenant_id, person_id) references person on delete cascade
);
create index recovery_code_person on recovery_code (tenant_id, person_id);

-- What was begun and must come back within minutes, once: a passkey's challenge, a journey to the organisation's
-- sign-in, an authenticator app that is being set up.
create table sign_in_attempt (
    tenant_id     uuid not null references tenant,
    attempt_hash  bytea not null check (length(attempt_hash) = 32),
    purpose       text not null,
    person_id     uuid,
    kept          jsonb not null,
    expires_at    timestamptz not null,
    primary key (tenant_id, attempt_hash),
    foreign key (tenant_id, person_id) references person on delete cascade
);

-- The organisation's own sign-in (OpenID Connect); one at most.
create table sso_provider (
    tenant_id       uuid not null references tenant,
    issuer          text not null check (length(issuer) <= 500),
    client_id       text not null check (length(client_id) between 1 and 500),
    sealed_secret   bytea not null,
    email_domains   text[] not null check (cardinality(email_domains) >= 1),
    adds_people     boolean not null,
    trusts_silence  boolean not null,  -- no word about an address's verification counts as verified
    group_claim     text not null check (length(group_claim) <= 200),
    changed_at      timestamptz not null default now(),
    primary key (tenant_id)
);

-- The first line, by place, whose group a person is in gives their role. None makes an owner.
create table sso_group_role (
    tenant_id   uuid not null,
    place       integer not null,
    group_name  text not null check (length(group_name) between 1 and 500),
    role        text not null check (role in ('administrator', 'finance', 'privacy_officer', 'auditor', 'employee')),
    primary key (tenant_id, place),
    unique (tenant_id, group_name),
    foreign key (tenant_id) references sso_provider on delete cascade
);

-- Who a person is at the organisation's sign-in. role_given: the role that a group gave them, to be taken back with it.
create table work_account (
    tenant_id     uuid not null,
    issuer        text not null,
    subject       text not null check (length(subject) between 1 and 255),
    person_id     uuid not null,
    role_given    text,
    connected_at  timestamptz not null default now(),
    primary key (tenant_id, issuer, subject),
    unique (tenant_id, person_id, issuer),
    foreign key (tenant_id, person_id) references person on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['passkey', 'password', 'recovery_code', 'sign_in_attempt', 'sso_provider',
                                'sso_group_role', 'work_account'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;
