-- Letters on their way. What one says is kept until it is sent or given up, then only that it was, for a month.
create table mail_letter (
    tenant_id      uuid not null references tenant,
    letter_id      uuid not null default gen_random_uuid(),
    person_id      uuid,
    address        text check (length(address) between 3 and 320),
    once           text check (length(once) between 1 and 200),
    content        jsonb check (jsonb_typeof(content) = 'object'),
    written_at     timestamptz not null default now(),
    claimed_until  timestamptz,
    sent_at        timestamptz,
    failed_at      timestamptz,
    fault          text check (fault in ('no-relay', 'no-address', 'refused', 'unreachable')),
    primary key (tenant_id, letter_id),
    foreign key (tenant_id, person_id) references person on delete cascade,
    unique (tenant_id, once),
    check (num_nonnulls(person_id, address) = 1),
    check ((failed_at is null) = (fault is null)),
    check (num_nonnulls(sent_at, failed_at) <= 1),
    check ((content is null) = (num_nonnulls(sent_at, failed_at) = 1))
);
create index mail_letter_person on mail_letter (tenant_id, person_id) where person_id is not null;

alter table mail_letter enable row level security;
alter table mail_letter force row level security;
create policy tenant_only on mail_letter
    using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid));
