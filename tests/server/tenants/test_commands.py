"""`toktra server tenant …` over a real database, and what it means to devices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from toktra.server.commands import server

if TYPE_CHECKING:
    from tests.server.conftest import Urls


def tenant_command(urls: Urls, *arguments: str, typed: str | None = None) -> Result:
    environment = {"TOKTRA_DATA": None, "TOKTRA_DATABASE_URL": urls.app, "TOKTRA_OWNER_DATABASE_URL": urls.owner}
    return CliRunner(env=environment).invoke(server, ("tenant", *arguments), input=typed)


def test_created_and_listed(urls: Urls) -> None:
    assert "none yet" in tenant_command(urls, "list").stderr
    made = tenant_command(urls, "create", "west", "--name", "West & Co")
    assert made.stdout.startswith("The organisation West & Co (west) is created.\n"), made.stderr
    assert "was there already" in tenant_command(urls, "create", "west", "--name", "Other").stdout
    assert tenant_command(urls, "list").stdout.split()[:2] == ["west", "active"]


async def test_a_suspended_organisation_takes_nothing_until_it_is_resumed(urls: Urls, device: Any) -> None:
    assert (await device.send(device.batch(1, 1))).status_code == 200
    result = await asyncio.to_thread(tenant_command, urls, "suspend", "north")
    assert result.exit_code == 0, result.stderr
    refused = await device.send(device.batch(2, 1))
    assert refused.status_code == 403
    assert "suspended" in refused.json()["detail"]
    await asyncio.to_thread(tenant_command, urls, "resume", "north")
    assert (await device.send(device.batch(2, 1))).status_code == 200
    with psycopg.connect(urls.superuser) as connection:
        entries = connection.execute(
            "select tag, command from audit_entry where tag like 'organisation:%%' order by at"
        )
        assert entries.fetchall() == [
            ("organisation:suspended", "server tenant suspend"),
            ("organisation:resumed", "server tenant resume"),
        ]


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        (("delete", "north"), "south\n"),
        (("delete", "north"), "\n"),
        (("delete", "north", "--yes-delete", "south"), None),
        (("delete", "nowhere", "--yes-delete", "nowhere"), None),
        (("suspend", "nowhere"), None),
    ],
)
def test_what_is_not_meant_deletes_nothing(urls: Urls, tenant: Any, arguments: tuple[str, ...], typed: str) -> None:
    result = tenant_command(urls, *arguments, typed=typed)
    assert result.exit_code == 1
    assert "Error: " in result.stderr
    with psycopg.connect(urls.superuser) as connection:
        assert connection.execute("select status from tenant where slug = %s", [tenant.slug]).fetchall() == [
            ("active",)
        ]


async def test_deleting_leaves_nothing_of_it_and_all_of_the_others(
    urls: Urls, device: Any, other_tenant: Any, tenant: Any
) -> None:
    await device.send(device.batch(1, 5))
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("insert into person (tenant_id, display_name) values (%s, 'S')", [other_tenant.tenant_id])
        others = count_rows(connection, other_tenant.tenant_id)
        assert count_rows(connection, tenant.tenant_id) > 8
        connection.execute("update tenant set status = 'deleting' where slug = 'north'")  # as if it was broken off
    assert "is being deleted" in (await asyncio.to_thread(tenant_command, urls, "resume", "north")).stderr
    result = await asyncio.to_thread(tenant_command, urls, "delete", "north", typed="north\n")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("north is deleted: ")
    with psycopg.connect(urls.superuser) as connection:
        assert count_rows(connection, tenant.tenant_id) == 0
        assert count_rows(connection, other_tenant.tenant_id) == others
    assert (await device.send(device.batch(6, 1))).status_code in (401, 403)


def count_rows(connection: psycopg.Connection[Any], tenant_id: object) -> int:
    """All rows of an organisation in every table of every schema."""
    tables = connection.execute(
        "select c.oid::regclass::text, n.nspname, c.relname from pg_attribute a join pg_class c on c.oid = a.attrelid "
        "join pg_namespace n on n.oid = c.relnamespace where a.attname = 'tenant_id' and c.relkind in ('r', 'p') "
        "and not c.relispartition"
    ).fetchall()
    total = 0
    for _name, schema, table in tables:
        query = sql.SQL("select count(*) from {} where tenant_id = %s").format(sql.Identifier(schema, table))
        row = connection.execute(query, [tenant_id]).fetchone()
        assert row is not None
        total += row[0]
    return total
