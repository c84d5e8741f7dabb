-- name: write_letter(tenant_id, person_id, address, once, content)$
insert into mail_letter (tenant_id, person_id, address, once, content)
values (:tenant_id, :person_id, :address, :once, :content)
on conflict (tenant_id, once) do nothing
returning letter_id;

-- name: waits(tenant_id, letter_id)$
select sent_at is null and failed_at is null from mail_letter
where tenant_id = :tenant_id and letter_id = :letter_id;

-- name: claim(tenant_id, letter_id, lease)^
update mail_letter set claimed_until = now() + :lease
where tenant_id = :tenant_id and letter_id = :letter_id and sent_at is null and failed_at is null
  and (claimed_until is null or claimed_until < now())
returning person_id, address, content, written_at;

-- name: release(tenant_id, letter_id)!
update mail_letter set claimed_until = null where tenant_id = :tenant_id and letter_id = :letter_id;

-- name: sent(tenant_id, letter_id)!
update mail_letter set sent_at = now(), content = null, claimed_until = null
where tenant_id = :tenant_id and letter_id = :letter_id and failed_at is null;

-- name: failed(tenant_id, letter_id, fault)!
update mail_letter set failed_at = now(), fault = :fault, content = null, claimed_until = null
where tenant_id = :tenant_id and letter_id = :letter_id and sent_at is null;

-- name: forget(tenant_id, age)!
delete from mail_letter where tenant_id = :tenant_id and coalesce(sent_at, failed_at) < now() - :age;

-- name: newest_fault(tenant_id, person_id, address)$
-- Why the newest letter to somebody was given up; null when it was sent or waits.
select fault from mail_letter
where tenant_id = :tenant_id and (person_id = :person_id or address = :address)
order by written_at desc, letter_id limit 1;
