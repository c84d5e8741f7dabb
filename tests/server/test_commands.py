"""`toktra server …` as a person uses it, over a database of its own in a fresh directory."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner, Result

from toktra.server.commands import server
from toktra.server.devices.codes import EnrolmentCode

if TYPE_CHECKING:
    from tests.server.conftest import Urls


def toktra_server(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=dict.fromkeys(("TOKTRA_DATA", "TOKTRA_DATABASE_URL")) | environment).invoke(server, arguments)


def test_an_organisation_and_a_code_in_a_fresh_directory(open_directory: Path) -> None:
    data = ("--data", str(open_directory / "data"))
    missing = toktra_server("enrolment-code", *data)
    assert missing.exit_code == 1
    assert "toktra server init" in missing.stderr
    made = toktra_server("init", *data, "--slug", "north", "--name", "North & Co")
    assert made.stdout == "The organisation North & Co (north) is created.\n", made.stderr
    again = toktra_server("init", *data, "--slug", "north")
    assert again.stdout == "The organisation North & Co (north) was there already.\n"
    code = toktra_server("enrolment-code", *data, "--organisation", "north", "--uses", "3")
    parsed = EnrolmentCode.parse(code.stdout)
    assert parsed is not None
    assert parsed.slug == "north"
    assert re.fullmatch(r"north(-\w{4}){3}\n", code.stdout)


def test_a_database_of_ones_own_by_url(urls: Urls) -> None:
    own = {"TOKTRA_DATABASE_URL": urls.app, "TOKTRA_OWNER_DATABASE_URL": urls.owner}
    assert toktra_server("migrate", **own).stdout == "The tables were up to date already.\n"
    assert toktra_server("init", **own).exit_code == 0
    with psycopg.connect(urls.superuser) as connection:
        assert connection.execute("select display_name, role from person").fetchall() == [("Owner", "owner")]
    assert toktra_server("enrolment-code", TOKTRA_DATABASE_URL=urls.app).exit_code == 0


def test_a_link_for_the_owner(urls: Urls) -> None:
    own = {"TOKTRA_DATABASE_URL": urls.app, "TOKTRA_OWNER_DATABASE_URL": urls.owner}
    assert "toktra server init" in toktra_server("sign-in-link", **own).stderr
    toktra_server("init", **own)
    link = toktra_server("sign-in-link", "--address", "https://ai.example/", **own)
    assert re.fullmatch(r"https://ai\.example/sign-in/local\.[\w-]{43}\n", link.stdout), link.stderr


def test_what_needs_the_owner_says_so(urls: Urls) -> None:
    result = toktra_server("migrate", TOKTRA_DATABASE_URL=urls.app)
    assert result.exit_code == 1
    assert "TOKTRA_OWNER_DATABASE_URL is missing" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("init", "--slug", "North Co"), "'North Co' cannot be an organisation's short name"),
        (("enrolment-code", "--uses", "0"), "a code may be used 1 to"),
        (("enrolment-code", "--valid-days", "1000"), "a code may be valid for up to"),
        (("run", "--port", "99999"), "--port: expected"),
        (("run", "--host", "0.0.0.0"), "is served with a certificate only"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(urls: Urls, arguments: tuple[str, ...], says: str) -> None:
    own = {"TOKTRA_DATABASE_URL": urls.app, "TOKTRA_OWNER_DATABASE_URL": urls.owner}
    toktra_server("init", **own)
    result = toktra_server(*arguments, **own)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert says in result.stderr


def test_a_port_in_use_is_told_before_anything_is_started(open_directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = toktra_server("run", "--port", port, "--data", str(open_directory / "data"))
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 is in use" in result.stderr
    assert not (open_directory / "data").exists()


def test_a_database_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktra.server.database.pool.WAIT_S", 0.2)
    away = "postgresql://toktra_app@/toktra?host=/nowhere"
    assert "does not answer" in toktra_server("enrolment-code", TOKTRA_DATABASE_URL=away).stderr
    result = toktra_server("migrate", TOKTRA_DATABASE_URL=away, TOKTRA_OWNER_DATABASE_URL=away)
    assert "cannot reach the database as its owner" in result.stderr
