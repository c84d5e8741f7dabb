-- name: tenant_by_slug(slug)^
select tenant_id, slug, name, region, status from tenant where slug = :slug;

-- name: tenant_by_id(tenant_id)^
select tenant_id, slug, name, region, status from tenant where tenant_id = :tenant_id;

-- name: slug(tenant_id)$
select slug from tenant where tenant_id = :tenant_id;

-- name: first_two_active()
select tenant_id, slug, name, region, status from tenant where status = 'active' order by slug limit 2;

-- name: all()
select tenant_id, slug, name, region, status from tenant order by slug;

-- name: add_tenant(slug, name, region)$
-- As the owner of the tables only: the server's role cannot add organisations.
insert into tenant (slug, name, region) values (:slug, :name, :region)
on conflict (slug) do nothing
returning tenant_id;

-- name: name_tenant(tenant_id)!
select set_config('toktra.tenant_id', :tenant_id, true);

-- name: owner_of(tenant_id)$
select person_id from person
where tenant_id = :tenant_id and role = 'owner' and status = 'active'
order by created_at, person_id
limit 1;

-- name: add_owner(tenant_id, display_name)$
insert into person (tenant_id, display_name, role) values (:tenant_id, :display_name, 'owner')
returning person_id;
