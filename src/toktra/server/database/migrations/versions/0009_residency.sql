-- An organisation's region is fixed when it is created: moving its data is an export, an import and an erasure.

alter table tenant add constraint tenant_region_check check (region in ('local', 'eu', 'us', 'au', 'ca'));

create function keep_region() returns trigger language plpgsql as $$
begin
    raise exception 'the region of an organisation cannot be changed' using errcode = 'check_violation';
end $$;
create trigger keep_region before update of region on tenant
    for each row when (new.region <> old.region) execute function keep_region();
