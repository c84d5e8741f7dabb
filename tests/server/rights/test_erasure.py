"""Erasure, searched for in every table afterwards; what is sent late, a restored backup, a job that was broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from tests.server.conftest import Urls
from tests.server.portal.conftest import Browsers, Office

from toktra.cli import main
from toktra.compliance.receipts import verified
from toktra.server.ingest.service import DeviceRefused
from toktra.server.web.access import Role

Work = Callable[[], Awaitable[None]]
NAME = "Ina Unverwechselbar"
WORDS = ("Unverwechselbar", "ina.u@sample.example", "ina-laptop", "unverwechselbares-konto", "Meine Gründe dafür")


async def prepared(office: Office, browsers: Browsers, urls: Urls) -> tuple[UUID, Any, str]:
    """Someone with traces in many tables, their browser, and the request to be erased."""
    person = await office.person(NAME)
    colleague = await office.person("Max Placeholder")
    await office.person("Olga Owner", Role.OWNER)
    own, shared = await office.desk(person, "ina-laptop"), await office.desk(colleague, "front-desk")
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update person set email = 'ina.u@sample.example' where person_id = %s", [person])
        connection.execute(
            "insert into account (tenant_id, device_id, name, person_id) "
            "values (%s, %s, 'unverwechselbares-konto', %s)",
            [office.tenant.tenant_id, shared.key.device, person],
        )
    await own.use(days_ago=2, times=4)
    await shared.use(days_ago=2, times=3)
    await shared.use(days_ago=2, times=2, user="unverwechselbares-konto")
    browser = await browsers.of(office, person)
    await browser.post("/me/rights/new", data={"kind": "objection", "details": "Meine Gründe dafür, ausführlich."})
    made = await browser.post("/me/rights/new", data={"kind": "erasure"})
    return person, (own, shared), made.headers["location"].partition("?")[0].replace("/me", "")


async def test_nothing_of_a_person_is_found_in_any_table_afterwards(
    office: Office, browsers: Browsers, urls: Urls, work: Work
) -> None:
    person, (own, shared), here = await prepared(office, browsers, urls)
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    assert found_in_tables(urls, WORDS[0])
    hours_before = sums(urls, "usage_hourly")
    assert (await theirs.post(f"{here}/grant", data={"reason": ""})).status_code == 303
    await work()
    assert {word: found_in_tables(urls, word) for word in WORDS} == {word: [] for word in WORDS}
    # A number that names nobody is all that is left, where it has to be.
    assert {table for table, _row in found_in_tables(urls, str(person))} == {
        "audit_entry", "recording_stop", "rights_request"
    }  # fmt: skip
    assert sums(urls, "usage_daily") == 3
    assert (hours_before, sums(urls, "usage_hourly")) == (9, 3)
    page = (await theirs.get(here)).text
    assert "Erased: single uses, sums, devices, identity" in page
    assert "<span>erased</span>" in page
    file = (await theirs.get(f"{here}/receipt.json")).content
    receipt, public_key = verified(file)
    assert (receipt.person, receipt.events, receipt.devices, receipt.organisation) == (person, 6, 1, "North")
    assert verified((await theirs.get(f"{here}/receipt.json")).content)[1] == public_key
    assert receipt.audit_entry in await command(urls, "audit-verify", expected=receipt.audit_entry)
    browser = await browsers.of(office, person)
    assert (await browser.get("/me")).status_code == 401

    # What is sent late: their own device is refused, and on the shared one only their account is nobody's.
    with pytest.raises(DeviceRefused, match="revoked"):
        await own.use(times=1)
    await shared.use(times=1)
    await shared.use(times=5, user="unverwechselbares-konto")
    assert sums(urls, "usage_daily") == 4
    assert found_in_tables(urls, "unverwechselbares-konto") == []


async def test_a_legal_hold_and_the_last_owner_are_in_the_way_and_said(
    office: Office, browsers: Browsers, urls: Urls, work: Work
) -> None:
    person, _desks, here = await prepared(office, browsers, urls)
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    held = {"authority": "Sample Court", "reason": "A case that runs", "ends_on": "2099-01-01"}
    assert (await theirs.post(f"{here}/hold", data=held)).status_code == 422  # more than ten years
    assert (await theirs.post(f"{here}/hold", data={**held, "ends_on": "2030-01-01"})).status_code == 303
    refused = await theirs.post(f"{here}/grant", data={"reason": ""})
    assert refused.status_code == 422
    assert "Sample Court" in refused.text
    own = await browsers.of(office, person)
    assert "On the authority of Sample Court" in (await own.get("/me/rights")).text
    assert (await theirs.get(f"{here}/receipt.json")).status_code == 404
    await theirs.post(f"{here}/hold", data={**held, "ends_on": "2030-01-01", "told": "no"})
    assert "Sample Court" not in (await own.get("/me/rights")).text
    await work()
    assert found_in_tables(urls, NAME)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("delete from legal_hold")
        connection.execute(
            "update person set role = case when person_id = %s then 'owner' else 'privacy_officer' end", [person]
        )
    refused = await theirs.post(f"{here}/grant", data={"reason": ""})
    assert refused.status_code == 422
    assert "without an owner" in refused.text


async def test_a_restored_backup_is_erased_again(office: Office, browsers: Browsers, urls: Urls, work: Work) -> None:
    _person, _desks, here = await prepared(office, browsers, urls)
    with psycopg.connect(urls.superuser) as connection:  # what the backup holds
        tables = ["person", "account", "device", "usage_event", "usage_daily", "usage_hourly"]
        backup = {
            name: connection.execute(sql.SQL("select * from {}").format(sql.Identifier(name))).fetchall()
            for name in tables
        }
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    await theirs.post(f"{here}/grant", data={"reason": ""})
    await work()
    listed = await command(urls, "erased")
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from recording_stop where cause = 'erasure'")  # the backup is older than the list
        for name, rows in backup.items():
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier(name)))
            for row in rows:
                places = sql.SQL(", ").join([sql.Placeholder()] * len(row))
                connection.execute(sql.SQL("insert into {} values ({})").format(sql.Identifier(name), places), row)
    assert found_in_tables(urls, NAME)
    for said in ("1 on the list, 1 were in the database again", "1 on the list, 0 were in the database again"):
        assert said in await command(urls, "erase-again", listed)
    assert {word: found_in_tables(urls, word) for word in WORDS} == {word: [] for word in WORDS}
    assert sums(urls, "usage_daily") == 3


async def test_a_job_that_is_broken_off_leaves_nothing_half_erased(
    office: Office, browsers: Browsers, urls: Urls, work: Work
) -> None:
    _person, _desks, here = await prepared(office, browsers, urls)
    theirs = await browsers.of(office, await office.person("Kim Sample", Role.PRIVACY_OFFICER))
    await theirs.post(f"{here}/grant", data={"reason": ""})
    with psycopg.connect(urls.superuser) as connection:  # fails at its last step
        connection.execute("create function no() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
        connection.execute("create trigger no before insert on audit_entry for each row execute function no()")
    await work()
    assert sums(urls, "usage_daily") == 9
    assert found_in_tables(urls, NAME)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("drop trigger no on audit_entry")
        connection.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
    await work()
    assert found_in_tables(urls, NAME) == []


async def command(urls: Urls, name: str, typed: str = "", expected: str = "") -> str:
    """What `toktra server …` prints, in a thread of its own because it runs a loop of its own."""
    arguments = ["server", name, "--organisation", "north", *(["-"] if typed else [])]
    arguments += ["--expect", expected] if expected else []
    environment = {"TOKTRA_DATABASE_URL": urls.app}
    answer = await asyncio.to_thread(CliRunner().invoke, main, arguments, input=typed, env=environment)
    assert answer.exit_code == 0, answer.output
    return answer.output


def found_in_tables(urls: Urls, word: str) -> list[tuple[str, str]]:
    """Every table and row in which the word stands, as text, whatever the column."""
    with psycopg.connect(urls.superuser) as connection:
        names = connection.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall()
        found = []
        for schema, table in names:
            query = sql.SQL("select t::text from {} t where position({} in t::text) > 0").format(
                sql.Identifier(schema, table), sql.Literal(word)
            )
            found += [(table, str(row[0])) for row in connection.execute(query)]
    return found


def sums(urls: Urls, table: str) -> int:
    with psycopg.connect(urls.superuser) as connection:
        row = connection.execute(
            sql.SQL("select coalesce(sum(exchanges), 0) from {}").format(sql.Identifier(table))
        ).fetchone()
    assert row is not None
    return int(row[0])
