-- name: elsewhere(region)
select slug, region from tenant where region <> :region order by slug limit 3;
