"""`toktra server worker` as an engineer starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from toktra.server.database.pool import Database
from toktra.server.mail import Letter, post

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls


async def test_once_does_what_waits_and_stops(database: Database, tenant: Tenant, urls: Urls) -> None:
    async with database.tenant(tenant.tenant_id) as connection:
        letter = Letter(subject="A letter", paragraphs=["Without a relay it is given up."])
        await post(connection, tenant.tenant_id, letter, address="ada@north.example")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOKTRA_")}
    done = subprocess.run(
        [sys.executable, "-m", "toktra", "server", "worker", "--once"],
        env={**environment, "TOKTRA_DATABASE_URL": urls.app},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"outcome": "given up"' in done.stderr
    assert "ada@north.example" not in done.stderr
    async with database.tenant(tenant.tenant_id) as connection:
        row = await (await connection.execute("select fault from mail_letter")).fetchone()
    assert row is not None
    assert row[0] == "no-relay"
