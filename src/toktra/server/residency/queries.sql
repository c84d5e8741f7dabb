-- name: elsewhere(region)
select slug, region from tenant where region <> :region order by slug limit 3;

-- name: home()$
select region from home_region;

-- name: settle(region)!
-- As the owner of the tables only.
insert into home_region (region) values (:region) on conflict do nothing;

-- name: region_of_slug(slug)$
select region from served_elsewhere where slug = :slug;

-- name: region_of_id(organisation_id)$
select region from served_elsewhere where organisation_id = :organisation_id;

-- name: public()
select tenant_id as organisation_id, slug, region from tenant where region <> 'local' order by slug;

-- name: learn(organisation_id, slug, region)!
-- What is served here is not elsewhere.
insert into served_elsewhere (organisation_id, slug, region)
select :organisation_id, :slug, :region
where not exists (select from tenant where tenant_id = :organisation_id or slug = :slug)
on conflict (organisation_id) do update set slug = excluded.slug, region = excluded.region;

-- name: unlearn(organisation_id)!
delete from served_elsewhere where organisation_id = :organisation_id;
