"""`toktra server audit-verify` and `sign-in-link --person`, as they are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner, Result

from toktra.server.audit.chain import Head
from toktra.server.commands import server

if TYPE_CHECKING:
    from tests.server.conftest import Urls


@pytest.fixture
def own(urls: Urls) -> dict[str, str]:
    return {"TOKTRA_DATABASE_URL": urls.app, "TOKTRA_OWNER_DATABASE_URL": urls.owner}


def run(own: dict[str, str], *arguments: str) -> Result:
    return CliRunner(env={"TOKTRA_DATA": None, **own}).invoke(server, arguments)


def test_the_trail_is_checked_and_its_seal_printed(own: dict[str, str], urls: Urls) -> None:
    run(own, "init")
    empty = run(own, "audit-verify")
    assert (empty.exit_code, empty.stdout) == (0, "There is no entry yet.\n")
    for _ in range(3):
        assert run(own, "sign-in-link").exit_code == 0
    whole = run(own, "audit-verify")
    seal = Head.parse(whole.stdout)
    assert seal is not None
    assert (whole.exit_code, seal.number) == (0, 3)
    run(own, "enrolment-code")
    assert run(own, "audit-verify", "--expect", str(seal)).exit_code == 0

    with psycopg.connect(urls.superuser) as connection:
        connection.execute("delete from audit_entry where number >= 3")
    assert run(own, "audit-verify").exit_code == 0
    cut = run(own, "audit-verify", "--expect", str(seal))
    assert cut.exit_code == 1
    assert "entry 3 was the newest once and is gone" in cut.stderr

    with psycopg.connect(urls.superuser) as connection:
        connection.execute("update audit_entry set command = 'server run' where number = 2")
    changed = run(own, "audit-verify")
    assert changed.exit_code == 1
    assert "The audit trail of local is broken: entry 2 was changed after it was written" in changed.stderr
    assert "Up to 1:" in changed.stderr


def test_what_is_no_seal_is_refused(own: dict[str, str]) -> None:
    result = run(own, "audit-verify", "--expect", "42")
    assert result.exit_code == 2
    assert "not a seal" in result.stderr


def test_an_organisation_that_is_not_there(own: dict[str, str]) -> None:
    result = run(own, "audit-verify", "--organisation", "elsewhere")
    assert result.exit_code == 1
    assert "there is no organisation 'elsewhere'" in result.stderr


def test_a_link_for_one_person_is_recorded_with_whom_it_is_for(own: dict[str, str], urls: Urls) -> None:
    run(own, "init")
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(
            "insert into person (tenant_id, display_name, email) select tenant_id, 'Kim Example', 'kim@example.org' "
            "from tenant union all select tenant_id, 'Kim Example', 'kim2@example.org' from tenant"
        )
    assert "/sign-in/local." in run(own, "sign-in-link", "--person", "KIM@example.org").stdout
    several = run(own, "sign-in-link", "--person", "Kim Example")
    assert several.exit_code == 1
    assert "2 people are called 'Kim Example'" in several.stderr
    assert "nobody is called 'Nobody'" in run(own, "sign-in-link", "--person", "Nobody").stderr
    with psycopg.connect(urls.superuser) as connection:
        found = connection.execute(
            "select a.tag, a.actor, a.command, p.email from audit_entry a join person p on p.person_id = a.subject_id"
        ).fetchall()
    assert found == [("sign-in-link:created", "command", "server sign-in-link", "kim@example.org")]
