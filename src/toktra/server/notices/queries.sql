-- name: settings(tenant_id)^
select variables, must_precede from notice_settings where tenant_id = :tenant_id;

-- name: put_variables(tenant_id, variables)!
insert into notice_settings (tenant_id, variables) values (:tenant_id, :variables)
on conflict (tenant_id) do update set variables = excluded.variables;

-- name: put_must_precede(tenant_id, must_precede)!
insert into notice_settings (tenant_id, must_precede) values (:tenant_id, :must_precede)
on conflict (tenant_id) do update set must_precede = excluded.must_precede;

-- name: wait_for_turn(tenant_id)!
select pg_advisory_xact_lock(hashtextextended('toktra.notice ' || (:tenant_id)::text, 0));

-- name: publish(tenant_id, jurisdiction, language, markdown, published_by)$
insert into notice (tenant_id, version, jurisdiction, language, markdown, published_by)
select :tenant_id, coalesce(max(version), 0) + 1, :jurisdiction, :language, :markdown, :published_by
from notice where tenant_id = :tenant_id
returning version;

-- name: newest(tenant_id)^
select version, jurisdiction, language, markdown, published_at from notice
where tenant_id = :tenant_id order by version desc limit 1;

-- name: versions(tenant_id)
select n.version, n.jurisdiction, n.language, n.published_at,
    (select count(*) from notice_acknowledgement a where a.tenant_id = n.tenant_id and a.version = n.version) as confirmed
from notice n where n.tenant_id = :tenant_id order by n.version desc;

-- name: version(tenant_id, version)^
select version, jurisdiction, language, markdown, published_at from notice
where tenant_id = :tenant_id and version = :version;

-- name: acknowledge(tenant_id, person_id, version)!
insert into notice_acknowledgement (tenant_id, person_id, version) values (:tenant_id, :person_id, :version)
on conflict do nothing;

-- name: acknowledged_by(tenant_id, person_id)
select version, acknowledged_at from notice_acknowledgement
where tenant_id = :tenant_id and person_id = :person_id order by version desc;

-- name: coverage(tenant_id, version)^
-- Accounts nobody was named for cannot confirm anything, so they are counted apart.
select count(*) filter (where not p.from_account) as people,
    count(a.person_id) filter (where not p.from_account) as confirmed,
    count(*) filter (where p.from_account) as unnamed
from person p
left join notice_acknowledgement a
    on a.tenant_id = p.tenant_id and a.person_id = p.person_id and a.version = :version
where p.tenant_id = :tenant_id and p.status = 'active';

-- name: unconfirmed(tenant_id, version, most)
-- Who can be written to and has not confirmed, and since when they could have.
select p.person_id, greatest(n.published_at, p.created_at) as since
from person p
join notice n on n.tenant_id = p.tenant_id and n.version = :version
where p.tenant_id = :tenant_id and p.status = 'active' and not p.from_account and p.email is not null
  and not exists (select from notice_acknowledgement a
                  where a.tenant_id = p.tenant_id and a.person_id = p.person_id and a.version = :version)
order by p.person_id limit :most;
