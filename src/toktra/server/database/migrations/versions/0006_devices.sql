-- Devices whose key changes, which are set up anew, and whose accounts are claimed by the people who use them.

alter table device
    add column missed         bigint not null default 0 check (missed >= 0),
    add column set_up_anew_on date;
comment on column device.missed is 'Exchanges the device knows it could not keep, ever, as it last said.';
comment on column device.set_up_anew_on is 'When the machine was last enrolled again as the device it already was.';

-- Someone at the device asks that an account become theirs; whoever signs in to the site with this code is who it is.
create table account_claim (
    tenant_id   uuid not null,
    code_hash   bytea not null check (length(code_hash) = 32),
    device_id   uuid not null,
    account     text not null,
    expires_at  timestamptz not null,
    primary key (tenant_id, code_hash),
    foreign key (tenant_id, device_id) references device on delete cascade
);
alter table account_claim enable row level security;
alter table account_claim force row level security;
create policy tenant_only on account_claim
    using (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('toktra.tenant_id', true), '')::uuid));

-- Deleting an organisation takes many transactions; meanwhile it is neither active nor suspended.
alter table tenant drop constraint tenant_status_check;
alter table tenant add constraint tenant_status_check check (status in ('active', 'suspended', 'deleting'));
