"""Secrets of a real conversation are nowhere behind the kernel: no process, no file, no table, no log.

The clients are OpenSSL's by way of curl, and Node's own. What may be found is shown to be found: a secret put where
a name belongs turns up in the same scan.
"""

from __future__ import annotations

import getpass
import json
import shutil

import psycopg
import pytest
from tests.end_to_end.installation import Installation, until
from tests.lab.canary import Finding, new_secret, scan_bytes, scan_files, scan_process
from tests.lab.lab import SERVER_4, Lab

from toktra.server.database.embedded import urls_of_running

pytestmark = pytest.mark.kernel

HOST = "api.anthropic.com"
NODE = shutil.which("node")
"""tests/agent/capture/linux/test_canary.py says so when it is missing."""


def converse(here: Installation, lab: Lab, *secrets: str) -> None:
    """Sends the secrets as header, body and path and gets them back in the answer, until all is in the ledger."""
    before = recorded(here)
    with lab.serve(HOST) as server:
        for version in ("--http1.1", "--http2"):
            for secret in secrets:
                said = lab.curl(
                    *(version, "-H", f"Authorization: Bearer {secret}", "-d", secret * 30),
                    f"https://{HOST}/say/{secret}",
                )
                assert secret.encode() in said
        for secret in secrets if NODE else ():
            assert secret.encode() in lab.node("say", SERVER_4, "443", HOST, secret, f"/say/{secret}")
        conversations = (4 if NODE else 2) * len(secrets)
        server.wait_closed(conversations)
    until(lambda: recorded(here) == before + conversations, why=lambda: recorded(here))


def recorded(here: Installation) -> int:
    [(count,)] = here.query("select count(*) from usage_event where estimated_input_tokens > 0")
    return int(count)


def tables(here: Installation) -> bytes:
    """Every row of every table, as text: also what compression hides from a look at the files."""
    urls = urls_of_running(here.data)
    assert urls is not None
    with psycopg.connect(urls[1]) as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        assert ("usage_event",) in names
        tenants = connection.execute("select tenant_id::text from tenant").fetchall()
        rows = []
        for (tenant,) in tenants:
            connection.execute("select set_config('toktra.tenant_id', %s, true)", [tenant])
            for (name,) in names:
                rows += connection.execute(f'select t::text from "{name}" t'.encode()).fetchall()
    return "\n".join(row for (row,) in rows).encode()


def look_everywhere(here: Installation, secrets: list[str]) -> list[Finding]:
    children = here.children()
    assert set(children) == {"agent", "server", "personal", "postgres"}
    found = scan_bytes("tables", tables(here), secrets) + scan_files(here.data, secrets)
    for pid in (here.pid, *children.values()):
        found += scan_process(pid, secrets)
    return found


def test_secrets_of_a_conversation_are_nowhere(here: Installation, lab: Lab) -> None:
    secrets = [new_secret(), new_secret()]
    here.start()
    converse(here, lab, *secrets)
    assert look_everywhere(here, secrets) == []
    here.stop()
    assert scan_files(here.data, secrets) == []


def test_the_same_look_finds_a_secret_that_is_there(here: Installation, lab: Lab) -> None:
    planted = new_secret()
    here.start()
    here.stop()
    (here.data / "agent" / "accounts.toml").write_text(f"[accounts]\n{getpass.getuser()} = {json.dumps(planted)}\n")
    here.start()
    converse(here, lab, new_secret())
    where = {finding.where for finding in look_everywhere(here, [planted])}
    assert "tables" in where
    assert any("postgresql/cluster" in place for place in where), where
    assert scan_process(here.children()["agent"], [planted])
