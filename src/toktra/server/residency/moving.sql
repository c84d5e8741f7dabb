-- name: tenant(slug)^
select tenant_id, slug, name, region, status from tenant where slug = :slug;

-- name: version()$
select version_num from alembic_version;

-- name: confine(organisation_id)!
-- Row-level security binds the owner of the tables, too.
select set_config('toktra.tenant_id', :organisation_id, false);

-- name: columns(place)
select a.attname as name from pg_attribute a
where a.attrelid = (:place)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
order by a.attnum;

-- name: add_tenant(organisation_id, slug, name, region)$
-- Suspended until all of it is there.
insert into tenant (tenant_id, slug, name, region, status)
values (:organisation_id, :slug, :name, :region, 'suspended')
on conflict do nothing
returning tenant_id;

-- name: activate(organisation_id)!
update tenant set status = 'active' where tenant_id = :organisation_id;

-- name: forget_elsewhere(organisation_id)!
delete from served_elsewhere where organisation_id = :organisation_id;

-- name: serve_elsewhere(organisation_id, slug, region)!
insert into served_elsewhere (organisation_id, slug, region) values (:organisation_id, :slug, :region)
on conflict (organisation_id) do update set slug = excluded.slug, region = excluded.region;

-- name: months(organisation_id)
select distinct date_trunc('month', at at time zone 'UTC')::date as month from usage_event
where tenant_id = :organisation_id order by 1;

-- name: create_month(month)!
select create_usage_event_month(:month);
