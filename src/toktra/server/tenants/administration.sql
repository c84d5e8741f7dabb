-- name: list_tenants()
select t.slug, t.name, t.status, (t.created_at at time zone 'UTC')::date as created_on from tenant t order by t.slug;

-- name: find(slug)^
select tenant_id, slug, name, status from tenant where slug = :slug for update;

-- name: set_status(tenant_id, status)!
update tenant set status = :status where tenant_id = :tenant_id;

-- name: tables()
-- Every table with rows of tenants, and after it those that refer to it; partitions are reached through their parent.
with recursive tenant_table as (
    select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')
      and c.oid <> 'public.tenant'::regclass
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
), reference as (
    select distinct k.conrelid as child, k.confrelid as parent from pg_constraint k
    where k.contype = 'f' and k.conparentid = 0 and k.conrelid <> k.confrelid
), depth as (
    select t.oid, 0 as depth from tenant_table t
    union
    select r.child, d.depth + 1 from depth d join reference r on r.parent = d.oid where d.depth < 50
)
select t.nspname as schema_name, t.relname as table_name
from tenant_table t join depth d on d.oid = t.oid
group by 1, 2
order by max(d.depth) desc, 1, 2;

-- name: wait_for_batches(tenant_id)!
-- Those that began while the organisation was active have ended when this returns. See ingest_batch.
select pg_advisory_xact_lock(hashtextextended('toktra.attribution ' || (:tenant_id)::text, 0));

-- name: delete_jobs(tenant_id)!
delete from procrastinate_jobs where args ->> 'tenant_id' = :tenant_id;

-- name: delete_tenant(tenant_id)!
delete from tenant where tenant_id = :tenant_id;
