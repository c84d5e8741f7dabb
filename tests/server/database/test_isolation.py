"""Row-level security, tried on every table there is: with another tenant's context, and with none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from toktra.server.database.pool import Database
from toktra.server.tenants.administration import delete

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls

GLOBAL_TABLES = {
    "tenant",
    "alembic_version",
    "home_region",  # of the whole database, and of nobody's people
    "served_elsewhere",
    "procrastinate_jobs",  # of the whole server; what a tenant's transaction sees of it: tests/server/jobs
    "procrastinate_events",
    "procrastinate_workers",
    "procrastinate_periodic_defers",
}
APPEND_ONLY = {"audit_entry", "audit_cut"}

ROWS: dict[str, LiteralString] = {
    "person": "insert into person (tenant_id, person_id, display_name) values (%(t)s, %(id)s, 'Someone')",
    "device": "insert into device (tenant_id, device_id, public_key, hostname, platform, agent_version) "
    "values (%(t)s, %(id)s, decode(repeat('ab', 32), 'hex'), 'desk', 'linux', '1')",
    "account": "insert into account (tenant_id, device_id, name, person_id) values (%(t)s, %(id)s, 'a', %(id)s)",
    "enrolment_code": "insert into enrolment_code (tenant_id, code_hash, expires_at, uses_left) "
    "values (%(t)s, decode(repeat('ab', 32), 'hex'), now(), 1)",
    "sign_in_link": "insert into sign_in_link (tenant_id, token_hash, person_id, expires_at) "
    "values (%(t)s, decode(repeat('ab', 32), 'hex'), %(id)s, now())",
    "session": "insert into session (tenant_id, token_hash, person_id, expires_at) "
    "values (%(t)s, decode(repeat('ab', 32), 'hex'), %(id)s, now())",
    "passkey": "insert into passkey (tenant_id, credential_id, person_id, public_key, sign_count, name) "
    "values (%(t)s, 'credential', %(id)s, 'key', 0, 'Laptop')",
    "password": "insert into password (tenant_id, person_id, password_hash, sealed_totp, totp_step) "
    "values (%(t)s, %(id)s, 'hash', 'sealed', 0)",
    "recovery_code": "insert into recovery_code (tenant_id, person_id, code_hash) "
    "values (%(t)s, %(id)s, decode(repeat('ab', 32), 'hex'))",
    "sign_in_attempt": "insert into sign_in_attempt (tenant_id, attempt_hash, purpose, kept, expires_at) "
    "values (%(t)s, decode(repeat('ab', 32), 'hex'), 'sso', '{}', now())",
    "sso_provider": "insert into sso_provider (tenant_id, issuer, client_id, sealed_secret, email_domains, "
    "adds_people, trusts_silence, group_claim) "
    "values (%(t)s, 'https://login.example.org', 'toktra', 'sealed', '{example.org}', true, false, '')",
    "sso_group_role": "insert into sso_group_role (tenant_id, place, group_name, role) "
    "values (%(t)s, 1, 'auditors', 'auditor')",
    "work_account": "insert into work_account (tenant_id, issuer, subject, person_id) "
    "values (%(t)s, 'https://login.example.org', '1', %(id)s)",
    "usage_event": "insert into usage_event "
    "values (%(t)s, now(), %(id)s, 1, 1, %(id)s, 'api.openai.com', 1, 1, 1, 1, '1')",
    "usage_daily": "insert into usage_daily values (%(t)s, now()::date, %(id)s, 'api.openai.com', '1', 1, 1, 1, 1, 1)",
    "usage_hourly": "insert into usage_hourly values (%(t)s, now(), 'api.openai.com', '1', 1, 1, 1, 1, 1)",
    "device_day": "insert into device_day (tenant_id, day, device_id) values (%(t)s, now()::date, %(id)s)",
    "cost_assumption": "insert into cost_assumption (tenant_id, kind, subject, valid_from, set_by) "
    "values (%(t)s, 'contract', 'openai', now()::date, %(id)s)",
    "usage_api": "insert into usage_api (tenant_id, provider_id, sealed_key, key_hint) "
    "values (%(t)s, 'openai', 'sealed', 'abcd')",
    "reported_day": "insert into reported_day (tenant_id, provider_id, day, input_tokens, output_tokens) "
    "values (%(t)s, 'openai', now()::date, 1, 1)",
    "people_import": "insert into people_import (tenant_id, made_by, file_name, encoding, content, columns) "
    "values (%(t)s, %(id)s, 'people.csv', 'UTF-8', 'name', '{}')",
    "works_agreement": "insert into works_agreement (tenant_id, version, title, schedule) "
    "values (%(t)s, 1, 'Nights', '{}')",
    "device_privacy": "insert into device_privacy (tenant_id, device_id) values (%(t)s, %(id)s)",
    "rights_request": "insert into rights_request (tenant_id, request_id, number, kind, regulation, person_id, "
    "channel, stage, received_on, due_on) "
    "values (%(t)s, %(id)s, 1, 'access', 'gdpr', %(id)s, 'portal', 'identity', '2026-11-01', '2026-12-01')",
    "rights_step": "insert into rights_step (tenant_id, request_id, number, step) "
    "values (%(t)s, %(id)s, 1, 'received')",
    "rights_bundle": "insert into rights_bundle (tenant_id, request_id, recipient) "
    "values (%(t)s, %(id)s, 'age1' || repeat('q', 58))",
    "rights_bundle_part": "insert into rights_bundle_part values (%(t)s, %(id)s, 1, 'sealed')",
    "rights_link": "insert into rights_link (tenant_id, token_hash, address, kind, expires_at) "
    "values (%(t)s, decode(repeat('ab', 32), 'hex'), 'a@example.org', 'access', now())",
    "account_claim": "insert into account_claim (tenant_id, device_id, name, code_hash, expires_at) "
    "values (%(t)s, %(id)s, 'a', decode(repeat('ab', 32), 'hex'), now())",
    "sign_in_failure": "insert into sign_in_failure (tenant_id, day, person_id, method, tries) "
    "values (%(t)s, '2026-11-01', %(id)s, 'password', 1)",
    "recording_stop": "insert into recording_stop (tenant_id, person_id, cause, request_id) "
    "values (%(t)s, %(id)s, 'objection', %(id)s)",
    "erased_account": "insert into erased_account values (%(t)s, %(id)s, decode(repeat('ab', 32), 'hex'))",
    "receipt_key": "insert into receipt_key (tenant_id, sealed_private) values (%(t)s, 'sealed')",
    "legal_hold": "insert into legal_hold (tenant_id, person_id, authority, reason, ends_on) "
    "values (%(t)s, %(id)s, 'a court', 'a case', '2027-01-01')",
    "retention_rule": "insert into retention_rule (tenant_id, kind, keep_days) values (%(t)s, 'events', 30)",
    "retention_run": "insert into retention_run (tenant_id, kind, kept_from, rows_deleted) "
    "values (%(t)s, 'events', '2026-11-01', 0)",
    "notice_settings": "insert into notice_settings (tenant_id) values (%(t)s)",
    "notice": "insert into notice (tenant_id, version, jurisdiction, language, markdown) "
    "values (%(t)s, 1, 'eu-gdpr', 'en', '# Notice')",
    "notice_acknowledgement": "insert into notice_acknowledgement (tenant_id, person_id, version) "
    "values (%(t)s, %(id)s, 1)",
    "budget": "insert into budget (tenant_id, budget_id, subject_kind, subject, unit, period, starts_on) "
    "values (%(t)s, %(id)s, 'organisation', '', 'tokens', 'month', '2026-11-01')",
    "budget_version": "insert into budget_version (tenant_id, budget_id, valid_from, amount, thresholds, "
    "tells_of_forecast) values (%(t)s, %(id)s, '2026-11-01', 1, '{80}', true)",
    "budget_alert": "insert into budget_alert (tenant_id, budget_id, period_first, threshold, is_certain, amount, "
    "low, high) "
    "values (%(t)s, %(id)s, '2026-11-01', 80, true, 1, 1, 1)",
    "budget_period": "insert into budget_period (tenant_id, budget_id, period_first, period_last, amount, low, high) "
    "values (%(t)s, %(id)s, '2026-11-01', '2026-11-30', 1, 1, 1)",
    "export_schedule": "insert into export_schedule (tenant_id, schedule_id, dataset, format, rhythm, wait_days, "
    "starts_on, target, folder) "
    "values (%(t)s, %(id)s, 'daily', 'csv', 'daily', 3, '2026-11-01', 'folder', 'finance')",
    "export_run": "insert into export_run (tenant_id, schedule_id, first_day, last_day) "
    "values (%(t)s, %(id)s, '2026-11-01', '2026-11-01')",
    "webhook_endpoint": "insert into webhook_endpoint (tenant_id, endpoint_id, url, sealed_secret) "
    "values (%(t)s, %(id)s, 'https://a.example', 'sealed')",
    "webhook_delivery": "insert into webhook_delivery (tenant_id, endpoint_id, event, body) "
    "values (%(t)s, %(id)s, 'budget.reached', '{}')",
    "mail_letter": "insert into mail_letter (tenant_id, person_id, content) values (%(t)s, %(id)s, '{}')",
    "attribution": "insert into attribution (tenant_id) values (%(t)s)",
    "attribution_change": "insert into attribution_change (tenant_id, former, level, effective_at, reason) "
    "values (%(t)s, 'person', 'department', now(), 'agreed')",
    # The first of a person's is written by a trigger, with the person above.
    "department_period": "insert into department_period values (%(t)s, %(id)s, '2020-01-01') on conflict do nothing",
    "usage_group_daily": "insert into usage_group_daily "
    "values (%(t)s, now()::date, '', 'api.openai.com', '1', 1, 1, 1, 1, 1)",
    "usage_group_day": "insert into usage_group_day values (%(t)s, now()::date, '', 5, true)",
    "scim_token": "insert into scim_token (tenant_id, token_hash, name, expires_at) "
    "values (%(t)s, decode(repeat('ab', 32), 'hex'), 'directory', now())",
    "scim_group": "insert into scim_group (tenant_id, group_id, display_name) values (%(t)s, %(id)s, 'Sales')",
    "scim_member": "insert into scim_member values (%(t)s, %(id)s, %(id)s)",
    "api_client": "insert into api_client (tenant_id, client_id, kind, name, secret_hash, scopes, made_by, expires_at) "
    "values (%(t)s, %(id)s, 'key', 'report', decode(repeat('ab', 32), 'hex'), '{usage:read}', %(id)s, now())",
    "api_token": "insert into api_token (tenant_id, token_hash, client_id, scopes, expires_at) "
    "values (%(t)s, decode(repeat('ab', 32), 'hex'), %(id)s, '{usage:read}', now())",
    "api_answer": "insert into api_answer (tenant_id, client_id, key, request_hash, status, body) "
    "values (%(t)s, %(id)s, 'one', decode(repeat('ab', 32), 'hex'), 201, '{}')",
    "perks_programme": "insert into perks_programme (tenant_id) values (%(t)s)",
    "perks_tier": "insert into perks_tier (tenant_id, tier, name, tokens_per_ticket, tickets) "
    "values (%(t)s, 'all', 'All', 50000, 10)",
    "perks_invitation": "insert into perks_invitation (tenant_id, tier) values (%(t)s, 'all')",
    "perks_enrolment": "insert into perks_enrolment values (%(t)s, %(id)s, 'all', 1, '2026-11-01')",
    "perks_drawn": "insert into perks_drawn values (%(t)s, %(id)s, '2026-11-01', 1)",
    "perks_counted": "insert into perks_counted values (%(t)s, '2026-11-01', 'all', 12)",
    "organisation_language": "insert into organisation_language values (%(t)s, 'de')",
    "audit_cut": "insert into audit_cut (tenant_id, number, hash) values (%(t)s, 1, decode(repeat('ab', 32), 'hex'))",
    "audit_entry": "insert into audit_entry (tenant_id, number, at, tag, actor, previous_hash, hash) "
    "values (%(t)s, 1, now(), 'device:enrolled', 'system', decode(repeat('ab', 32), 'hex'), "
    "decode(repeat('ab', 32), 'hex'))",
}


def _as_tenant(connection: psycopg.Connection[Any], tenant_id: UUID | None) -> None:
    if tenant_id is not None:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])


@pytest.fixture(scope="module")
def tenant(module_tenants: tuple[Tenant, Tenant]) -> Tenant:
    return module_tenants[0]


@pytest.fixture(scope="module")
def other_tenant(module_tenants: tuple[Tenant, Tenant]) -> Tenant:
    return module_tenants[1]


@pytest.fixture(scope="module")
def filled(module_urls: Urls, tenant: Tenant) -> Urls:
    """One row of the first tenant in every table."""
    with psycopg.connect(module_urls.app) as connection:
        connection.execute("select create_usage_event_month(now()::date)")
        _as_tenant(connection, tenant.tenant_id)
        for statement in ROWS.values():
            connection.execute(statement, {"t": tenant.tenant_id, "id": tenant.tenant_id})
    return module_urls


def test_every_table_with_a_tenant_is_tried_here(filled: Urls) -> None:
    with psycopg.connect(filled.owner) as connection:
        tables = {
            row[0]
            for row in connection.execute(
                "select relname from pg_class where relnamespace = 'public'::regnamespace "
                "and relkind in ('r', 'p') and not relispartition"
            )
        }
    assert tables - GLOBAL_TABLES == set(ROWS)


@pytest.mark.parametrize("table", sorted(ROWS))
def test_its_own_tenant_sees_a_row(filled: Urls, tenant: Tenant, table: str) -> None:
    with psycopg.connect(filled.app) as connection:
        _as_tenant(connection, tenant.tenant_id)
        assert _count(connection, table) == 1


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("context", ["another tenant", "no tenant", "a tenant before"])
@pytest.mark.parametrize("table", sorted(ROWS))
def test_nobody_else_sees_or_changes_or_adds_a_row(
    filled: Urls, tenant: Tenant, other_tenant: Tenant, table: str, context: str, role: str
) -> None:
    name = sql.Identifier(table)
    with psycopg.connect(getattr(filled, role), autocommit=True) as connection:
        if context == "a tenant before":  # the setting then reads as '' and not as null
            with connection.transaction():
                _as_tenant(connection, tenant.tenant_id)
        with connection.transaction(force_rollback=True):
            _as_tenant(connection, other_tenant.tenant_id if context == "another tenant" else None)
            assert _count(connection, table) == 0
            if role == "owner" or table not in APPEND_ONLY:
                changed = connection.execute(
                    sql.SQL("update {} set tenant_id = %s").format(name), [other_tenant.tenant_id]
                )
                assert changed.rowcount == 0
                assert connection.execute(sql.SQL("delete from {}").format(name)).rowcount == 0
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(ROWS[table], {"t": tenant.tenant_id, "id": uuid4()})


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize("statement", ["update {} set tenant_id = tenant_id", "delete from {}", "truncate {}"])
def test_what_is_only_added_to_cannot_be_changed_by_the_servers_role(
    filled: Urls, tenant: Tenant, table: str, statement: LiteralString
) -> None:
    with psycopg.connect(filled.app) as connection:
        _as_tenant(connection, tenant.tenant_id)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(table)))


def test_a_month_of_events_cannot_be_read_by_its_own_name(filled: Urls, tenant: Tenant) -> None:
    with psycopg.connect(filled.owner) as connection:
        month = connection.execute("select relname from pg_class where relispartition and relkind = 'r'").fetchone()
    assert month is not None
    with psycopg.connect(filled.app) as connection:
        _as_tenant(connection, tenant.tenant_id)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            _count(connection, month[0])


@pytest.mark.parametrize(
    "statement",
    [
        "alter table device disable row level security",
        "drop policy tenant_only on device",
        "create table mine ()",
        "insert into tenant (slug, name) values ('x', 'X')",
        "set role toktra_owner",
        "set session authorization toktra_owner",
        "alter role toktra_app bypassrls",
    ],
)
def test_the_servers_role_cannot_lift_its_own_limits(filled: Urls, statement: LiteralString) -> None:
    with psycopg.connect(filled.app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_turning_row_security_off_is_an_error_not_a_way_round(filled: Urls) -> None:
    with psycopg.connect(filled.app) as connection:
        connection.execute("set row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            _count(connection, "device")


def test_deleting_an_organisation_leaves_no_row_of_it_in_any_table(module_urls: Urls, filled: Urls) -> None:
    with psycopg.connect(module_urls.owner) as connection:
        row = connection.execute(
            "insert into tenant (slug, name) values ('east', 'East') returning tenant_id"
        ).fetchone()
    assert row is not None
    with psycopg.connect(module_urls.app) as connection:
        _as_tenant(connection, row[0])
        for statement in ROWS.values():
            connection.execute(statement, {"t": row[0], "id": row[0]})
    assert delete(module_urls.owner, "east") == len(ROWS)
    with psycopg.connect(module_urls.superuser) as connection:
        left = {
            table: connection.execute(
                sql.SQL("select count(*) from {} where tenant_id = %s").format(sql.Identifier(table)), row
            ).fetchone()
            for table in [*ROWS, "tenant"]
        }
        assert {table for table, count in left.items() if count != (0,)} == set()
        assert _count(connection, "tenant") >= 1
    with psycopg.connect(filled.owner) as connection:
        assert connection.execute("select count(*) from tenant where slug = 'north'").fetchone() == (1,)


async def test_the_pool_confines_a_transaction_to_one_tenant(
    filled: Urls, tenant: Tenant, other_tenant: Tenant
) -> None:
    async with Database(filled.app, connections=1) as database:
        await _confined(database, tenant, other_tenant)


async def _confined(database: Database, tenant: Tenant, other_tenant: Tenant) -> None:
    for tenant_id, rows in ((tenant.tenant_id, 1), (other_tenant.tenant_id, 0), (tenant.tenant_id, 1)):
        async with database.tenant(tenant_id) as connection:
            cursor = await connection.execute("select * from device")
            assert len(await cursor.fetchall()) == rows
    async with database.global_tables() as connection:
        cursor = await connection.execute("select * from device")
        assert await cursor.fetchall() == []


def _count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])
