-- name: budgets(tenant_id)
select b.budget_id, b.subject_kind, b.subject, b.person_id, b.unit, b.period, b.rolling_days, b.starts_on, b.ended_on,
    v.valid_from, v.amount, v.currency, v.thresholds, v.tells_of_forecast, v.owner_id, v.set_by, v.set_at
from budget b join budget_version v on v.tenant_id = b.tenant_id and v.budget_id = b.budget_id
where b.tenant_id = :tenant_id
order by b.created_at, b.budget_id, v.number;

-- name: add_budget(tenant_id, subject_kind, subject, person_id, unit, period, rolling_days, starts_on)$
insert into budget (tenant_id, subject_kind, subject, person_id, unit, period, rolling_days, starts_on)
values (:tenant_id, :subject_kind, :subject, :person_id, :unit, :period, :rolling_days, :starts_on)
returning budget_id;

-- name: add_version(tenant_id, budget_id, valid_from, amount, currency, thresholds, tells_of_forecast, owner_id, set_by)!
insert into budget_version (tenant_id, budget_id, valid_from, amount, currency, thresholds, tells_of_forecast, owner_id,
    set_by)
values (:tenant_id, :budget_id, :valid_from, :amount, :currency, :thresholds, :tells_of_forecast, :owner_id, :set_by);

-- name: end_budget(tenant_id, budget_id, ended_on)!
update budget set ended_on = :ended_on where tenant_id = :tenant_id and budget_id = :budget_id and ended_on is null;

-- name: add_alert(tenant_id, budget_id, period_first, threshold, is_certain, amount, low, high, currency)!
insert into budget_alert (tenant_id, budget_id, period_first, threshold, is_certain, amount, low, high, currency)
values (:tenant_id, :budget_id, :period_first, :threshold, :is_certain, :amount, :low, :high, :currency)
on conflict do nothing;

-- name: told(tenant_id, budget_id, since)
select threshold from budget_alert
where tenant_id = :tenant_id and budget_id = :budget_id and period_first >= :since;

-- name: alerts(tenant_id, most)
select budget_id, period_first, threshold, is_certain, told_at, amount, low, high, currency from budget_alert
where tenant_id = :tenant_id
order by told_at desc, threshold desc
limit :most;

-- name: add_period(tenant_id, budget_id, period_first, period_last, amount, currency, low, high, fault)!
insert into budget_period (tenant_id, budget_id, period_first, period_last, amount, currency, low, high, fault)
values (:tenant_id, :budget_id, :period_first, :period_last, :amount, :currency, :low, :high, :fault)
on conflict do nothing;

-- name: periods(tenant_id, budget_id)
select period_first, period_last, amount, currency, low, high, fault from budget_period
where tenant_id = :tenant_id and budget_id = :budget_id
order by period_first desc;

-- name: last_closed(tenant_id, budget_id)$
select max(period_first) from budget_period where tenant_id = :tenant_id and budget_id = :budget_id;

-- name: lock_budget(tenant_id, budget_id)$
select budget_id from budget where tenant_id = :tenant_id and budget_id = :budget_id for update;
