-- name: find_token(tenant_id, token_hash)^
select token_id, last_used_on is distinct from (now() at time zone 'UTC')::date as is_first_today from scim_token
where tenant_id = :tenant_id and token_hash = :token_hash and expires_at > now();

-- name: note_use(tenant_id, token_id)!
update scim_token set last_used_on = (now() at time zone 'UTC')::date
where tenant_id = :tenant_id and token_id = :token_id;

-- name: tokens(tenant_id)
select t.token_id, t.name, p.display_name as made_by, (t.made_at at time zone 'UTC')::date as made_on,
    (t.expires_at at time zone 'UTC')::date as expires_on, t.last_used_on
from scim_token t left join person p on p.tenant_id = t.tenant_id and p.person_id = t.made_by
where t.tenant_id = :tenant_id and t.expires_at > now()
order by t.made_at desc;

-- name: add_token(tenant_id, token_hash, name, made_by, valid_for)!
insert into scim_token (tenant_id, token_hash, name, made_by, expires_at)
values (:tenant_id, :token_hash, :name, :made_by, now() + :valid_for);

-- name: end_token(tenant_id, token_id)$
delete from scim_token where tenant_id = :tenant_id and token_id = :token_id returning name;

-- name: users(tenant_id, user_name, external_id, email, person_id)
-- Someone whom the organisation's directory deleted has left and has no name there any more: they are not listed.
select person_id, display_name, email, department, manager_id, role, status, from_account, user_name, external_id, created_at
from person
where tenant_id = :tenant_id and not from_account and (status = 'active' or user_name is not null)
  and (:user_name ::text is null or lower(coalesce(user_name, email)) = lower(:user_name))
  and (:external_id ::text is null or external_id = :external_id)
  and (:email ::text is null or lower(email) = lower(:email))
  and (:person_id ::uuid is null or person_id = :person_id)
order by created_at, person_id;

-- name: left_with_email(tenant_id, email)$
select person_id from person
where tenant_id = :tenant_id and lower(email) = lower(:email) and status <> 'active' and user_name is null
  and role = 'employee';

-- name: set_names(tenant_id, person_id, user_name, external_id)!
update person set user_name = :user_name, external_id = :external_id
where tenant_id = :tenant_id and person_id = :person_id;

-- name: groups(tenant_id, group_id, display_name, external_id)
select g.group_id, g.display_name, g.external_id, g.gives_role, g.is_department, g.changed_at,
    coalesce(m.members, '{}') as members
from scim_group g
left join lateral (
    select array_agg(s.person_id order by s.person_id) as members from scim_member s
    where s.tenant_id = g.tenant_id and s.group_id = g.group_id) m on true
where g.tenant_id = :tenant_id
  and (:group_id ::uuid is null or g.group_id = :group_id)
  and (:display_name ::text is null or lower(g.display_name) = lower(:display_name))
  and (:external_id ::text is null or g.external_id = :external_id)
order by lower(g.display_name);

-- name: add_group(tenant_id, display_name, external_id)$
insert into scim_group (tenant_id, display_name, external_id) values (:tenant_id, :display_name, :external_id)
returning group_id;

-- name: change_group(tenant_id, group_id, display_name, external_id)!
update scim_group set display_name = :display_name, external_id = :external_id, changed_at = now()
where tenant_id = :tenant_id and group_id = :group_id;

-- name: give_meaning(tenant_id, group_id, gives_role, is_department)!
update scim_group set gives_role = :gives_role, is_department = :is_department
where tenant_id = :tenant_id and group_id = :group_id;

-- name: delete_group(tenant_id, group_id)!
delete from scim_group where tenant_id = :tenant_id and group_id = :group_id;

-- name: clear_members(tenant_id, group_id, people)!
delete from scim_member where tenant_id = :tenant_id and group_id = :group_id and not person_id = any(:people);

-- name: add_members(people, tenant_id, group_id)!
insert into scim_member (tenant_id, group_id, person_id)
select :tenant_id, :group_id, p.person_id from person p
where p.tenant_id = :tenant_id and p.person_id = any(:people)
on conflict do nothing;

-- name: known(tenant_id, people)
select person_id from person where tenant_id = :tenant_id and person_id = any(:people) and not from_account;

-- name: given(tenant_id, people)
-- What the groups these people are in give them.
select m.person_id, array_agg(g.gives_role) filter (where g.gives_role is not null) as roles,
    min(g.display_name) filter (where g.is_department) as department
from scim_member m join scim_group g on g.tenant_id = m.tenant_id and g.group_id = m.group_id
where m.tenant_id = :tenant_id and m.person_id = any(:people)
group by m.person_id;
