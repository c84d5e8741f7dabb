-- name: language(tenant_id)$
select language from organisation_language where tenant_id = :tenant_id;

-- name: put_language(tenant_id, language)!
insert into organisation_language (tenant_id, language) values (:tenant_id, :language)
on conflict (tenant_id) do update set language = excluded.language;
