-- A program that may use the public API: an API key, or a client that fetches short-lived access tokens (OAuth 2.0 client
-- credentials). Its secret is shown once; here is only its hash. It acts for the person who made it: it can do what its
-- scopes name and that person's role still allows, and ends when they leave.
create table api_client (
    tenant_id     uuid not null references tenant,
    client_id     uuid not null default gen_random_uuid(),
    kind          text not null check (kind in ('key', 'oauth')),
    name          text not null check (length(name) between 1 and 100),
    secret_hash   bytea not null check (length(secret_hash) = 32),
    scopes        text[] not null check (cardinality(scopes) between 1 and 20),
    made_by       uuid not null,
    made_at       timestamptz not null default now(),
    expires_at    timestamptz not null,
    last_used_on  date,
    revoked_at    timestamptz,
    revoked_by    uuid,
    primary key (tenant_id, client_id),
    unique (tenant_id, secret_hash),
    foreign key (tenant_id, made_by) references person on delete cascade,
    foreign key (tenant_id, revoked_by) references person on delete set null (revoked_by)
);
create index api_client_made_by on api_client (tenant_id, made_by);

-- What a client got for its secret: good for an hour, for the same scopes or fewer.
create table api_token (
    tenant_id   uuid not null,
    token_hash  bytea not null check (length(token_hash) = 32),
    client_id   uuid not null,
    scopes      text[] not null check (cardinality(scopes) between 1 and 20),
    expires_at  timestamptz not null,
    primary key (tenant_id, token_hash),
    foreign key (tenant_id, client_id) references api_client on delete cascade
);
create index api_token_expires on api_token (tenant_id, expires_at);

-- What a write was answered, so that the same write sent twice is done once. What was sent is kept as a hash only.
create table api_answer (
    tenant_id     uuid not null,
    client_id     uuid not null,
    key           text not null check (length(key) between 1 and 200),
    request_hash  bytea not null check (length(request_hash) = 32),
    status        integer not null check (status between 200 and 499),
    body          text not null,
    location      text,
    answered_at   timestamptz not null default now(),
    primary key (tenant_id, client_id, key),
    foreign key (tenant_id, client_id) references api_client on delete cascade
);
create index api_answer_answered_at on api_answer (tenant_id, answered_at);

do $$
declare
    name text;
begin
    foreach name in array array['api_client', 'api_token', 'api_answer'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy tenant_only on %I
            using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
            $policy$, name);
    end loop;
end $$;

-- In the trail a program stands with its name, and with the person it acts for and their role.
alter table audit_entry
    drop constraint audit_entry_actor_check,
    drop constraint audit_entry_check,
    drop constraint audit_entry_check1,
    drop constraint audit_entry_check2,
    add constraint audit_entry_actor_check check (actor in ('person', 'command', 'system', 'program')),
    add constraint audit_entry_actor_id_check check ((actor in ('person', 'program')) = (actor_id is not null)),
    add constraint audit_entry_actor_role_check check ((actor in ('person', 'program')) = (actor_role is not null)),
    add constraint audit_entry_command_check check ((actor in ('command', 'program')) = (command is not null));
