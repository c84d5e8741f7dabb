-- The queue serves the whole server, so its workers see every job; but a transaction that names a tenant sees, changes
-- and adds that tenant's jobs only.

alter table procrastinate_jobs enable row level security;
alter table procrastinate_jobs force row level security;
create policy tenant_or_worker on procrastinate_jobs
    using ((select nullif(current_setting('toktra.tenant_id', true), '')) is null
           or args ->> 'tenant_id' = (select nullif(current_setting('toktra.tenant_id', true), '')))
    with check ((select nullif(current_setting('toktra.tenant_id', true), '')) is null
                or args ->> 'tenant_id' = (select nullif(current_setting('toktra.tenant_id', true), '')));
