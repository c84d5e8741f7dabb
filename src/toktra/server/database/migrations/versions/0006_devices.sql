-- Devices that say what they missed, and that are set up anew.

alter table device
    add column missed         bigint not null default 0 check (missed >= 0),
    add column set_up_anew_on date;
comment on column device.missed is 'Events the device could not keep, ever, as it last said.';
comment on column device.set_up_anew_on is 'When the machine was last enrolled again as the device it already was.';

-- Deleting an organisation takes many transactions; meanwhile it is neither active nor suspended.
alter table tenant drop constraint tenant_status_check;
alter table tenant add constraint tenant_status_check check (status in ('active', 'suspended', 'deleting'));
