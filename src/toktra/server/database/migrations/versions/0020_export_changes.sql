-- A schedule that is paused sends nothing until it goes on; no period is lost meanwhile.
alter table export_schedule add column paused_at timestamptz;

-- A schedule can change while one of its periods is being sent. begun_as says what is sent where, sealed_begun are the
-- sealed keys to that place; may_be_there, that something of it may have arrived there, so that it ends as it began.
-- The keys go with the end of the delivery.
alter table export_run
    add column begun_as jsonb,
    add column sealed_begun bytea,
    add column may_be_there boolean not null default false;
