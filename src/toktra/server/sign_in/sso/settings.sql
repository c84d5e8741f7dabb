-- name: find(tenant_id)^
select issuer, client_id, sealed_secret, email_domains, adds_people, trusts_silence, group_claim from sso_provider
where tenant_id = :tenant_id;

-- name: groups(tenant_id)
select group_name, role from sso_group_role where tenant_id = :tenant_id order by place;

-- name: put(tenant_id, issuer, client_id, sealed_secret, email_domains, adds_people, trusts_silence, group_claim)!
insert into sso_provider (tenant_id, issuer, client_id, sealed_secret, email_domains, adds_people, trusts_silence,
    group_claim)
values (:tenant_id, :issuer, :client_id, :sealed_secret, :email_domains, :adds_people, :trusts_silence, :group_claim)
on conflict (tenant_id) do update set issuer = excluded.issuer, client_id = excluded.client_id,
    sealed_secret = excluded.sealed_secret, email_domains = excluded.email_domains,
    adds_people = excluded.adds_people, trusts_silence = excluded.trusts_silence,
    group_claim = excluded.group_claim, changed_at = now();

-- name: forget_groups(tenant_id)!
delete from sso_group_role where tenant_id = :tenant_id;

-- name: put_groups(tenant_id, groups, roles)!
insert into sso_group_role (tenant_id, place, group_name, role)
select :tenant_id, n.place, n.name, n.role
from unnest(:groups ::text[], :roles ::text[]) with ordinality as n (name, role, place);

-- name: remove(tenant_id)!
delete from sso_provider where tenant_id = :tenant_id;
