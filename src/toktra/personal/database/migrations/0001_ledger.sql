-- The second ledger. No table has a time finer than a day, and none a name, a device or an address.

-- Who owns a mailbox presents its secret; this is the secret's SHA-256.
create table mailbox (
    digest bytea primary key check (length(digest) = 32)
);

-- An age file for each hour. No foreign key: a finished day is written anew on its own (settle_day), and mailboxes as
-- well; store_uploads and delete_mailbox exclude one another by a lock on the mailbox instead.
create table record (
    mailbox bytea not null,
    day date not null,
    record uuid not null,
    sealed bytea not null check (length(sealed) between 1 and 8704),
    primary key (mailbox, day, record)
) partition by range (day);
alter table record alter column sealed set storage external;  -- what is sealed does not get smaller

-- The days that have a partition. Settled: nothing has changed since it was written anew.
create table record_day (
    day date primary key,
    settled boolean not null default false
);

-- A programme's tiers, by the random id the organisation's server knows it under. `most_tickets` is the most one person
-- could ever get in a month; it only grows, since it says how much noise hides one person.
create table programme_tier (
    programme text not null,
    tier text not null,
    most_tickets integer not null check (most_tickets > 0),
    first_month date not null,
    last_month date,  -- null while tickets are issued
    primary key (programme, tier)
);

-- Tickets spent in months that are still open, each by the digest of its nonce and what it was for. `opening` ones
-- opened a mailbox and stand for no use.
create table spent_ticket (
    digest bytea primary key check (length(digest) = 32),
    programme text not null,
    tier text not null,
    month date not null,
    opening boolean not null
);
create index on spent_ticket (month, programme, tier);

-- Redemptions of closed months, noise included. The exact number is nowhere.
create table closed_month (
    programme text not null,
    tier text not null,
    month date not null,
    tickets integer not null check (tickets >= 0),
    most_tickets integer not null check (most_tickets > 0),  -- as wide as the noise was drawn
    primary key (programme, tier, month)
);

-- The service's role may make and drop days and write them anew, but only as these functions do it: they run as the
-- owner of the tables and take a date, never a text.

create function mailbox_lock(p_mailbox bytea) returns bigint
language sql immutable strict parallel safe
return ('x' || encode(substr(p_mailbox, 1, 8), 'hex'))::bit(64)::bigint;

create function create_record_day(p_day date) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    part text := 'record_' || to_char(p_day, 'YYYYMMDD');
begin
    if p_day < date '2020-01-01' or p_day >= date '2100-01-01' then
        raise exception 'no record can be of %', p_day using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('toktra.record_day', 0));
    if to_regclass('public.' || part) is not null then
        return false;
    end if;
    execute format('create table public.%I (like public.record including all)', part);
    execute format('alter table public.record attach partition public.%I for values from (%L) to (%L)',
                   part, p_day, p_day + 1);
    insert into public.record_day (day) values (p_day);
    return true;
end $$;

-- The end of every record: a table dropped, for everybody at once. How long is written here and nowhere else.
create function drop_lapsed_days(p_today date) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    lapsed date;
    dropped integer := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('toktra.record_day', 0));
    for lapsed in select day from public.record_day where day <= p_today - 90 order by day loop
        execute format('drop table if exists public.%I', 'record_' || to_char(lapsed, 'YYYYMMDD'));
        delete from public.record_day where day = lapsed;
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;

-- Writes a day anew in the order of its random keys, in one transaction: then neither the place of a row (ctid) nor the
-- number of its transaction (xmin) says when it came. What was deleted is gone from the disk as well. The lock is the
-- strongest from the beginning: who has read and is about to write would otherwise wait for us, and we for them.
create function settle_day(p_day date) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    part text := 'record_' || to_char(p_day, 'YYYYMMDD');
begin
    execute format('lock table public.%I in access exclusive mode', part);
    execute format('create temporary table settling on commit drop as table public.%I', part);
    execute format('truncate table public.%I', part);
    execute format('insert into public.%I select * from settling order by record', part);
    drop table settling;
    update public.record_day set settled = true where day = p_day;
end $$;

-- The same for mailboxes and tickets.
create function settle_mailboxes_and_tickets() returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    part text;
begin
    foreach part in array array['mailbox', 'spent_ticket'] loop
        execute format('lock table public.%I in access exclusive mode', part);
        execute format('create temporary table settling on commit drop as table public.%I', part);
        execute format('truncate table public.%I', part);
        execute format('insert into public.%I select * from settling order by digest', part);
        drop table settling;
    end loop;
end $$;

-- Uploads of a day that came together; which of them have a mailbox. What is there already stays as it is.
-- Locks are taken in one order, so that two of these never wait for each other.
create function store_uploads(p_day date, p_mailboxes bytea[], p_records uuid[], p_sealed bytea[]) returns boolean[]
language plpgsql as $$
declare
    known bytea[];
begin
    perform pg_advisory_xact_lock_shared(lock)
    from (select distinct mailbox_lock(mailbox) as lock from unnest(p_mailboxes) given (mailbox) order by 1) locks;
    known := array(select digest from mailbox where digest = any(p_mailboxes));
    insert into record (mailbox, day, record, sealed)
    select mailbox, p_day, record, sealed
    from unnest(p_mailboxes, p_records, p_sealed) given (mailbox, record, sealed)
    where mailbox = any(known)
    on conflict do nothing;
    update record_day set settled = false where day = p_day and settled;
    return array(
        select mailbox = any(known) from unnest(p_mailboxes) with ordinality given (mailbox, place) order by place
    );
end $$;

-- Everything of a mailbox, at once. An upload under way is waited for; one that comes after finds no mailbox.
create function delete_mailbox(p_mailbox bytea) returns void
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(mailbox_lock(p_mailbox));
    delete from mailbox where digest = p_mailbox;
    with gone as (delete from record where mailbox = p_mailbox returning day),
    touched as (select distinct day from gone)
    update record_day set settled = false from touched where record_day.day = touched.day and settled;
end $$;

revoke all on all functions in schema public from public;
