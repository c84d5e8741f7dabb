"""A server serves the organisations of its own region, and an organisation never changes its region."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner

from toktra.cli import main
from toktra.server.residency.service import WrongRegion, check_region_of
from toktra.server.tenants.service import found

if TYPE_CHECKING:
    from tests.server.conftest import Urls


def test_a_database_of_another_region_is_refused_before_anything_is_served(urls: Urls, tmp_path: Path) -> None:
    found(urls.owner, slug="south", name="South", owner_name="Owner", region="au")
    check_region_of(urls.app, "au")
    with pytest.raises(WrongRegion, match="south of the region au"):
        check_region_of(urls.app, "eu")
    answer = CliRunner().invoke(
        main,
        ["server", "run", "--port", "1"],
        env={"TOKTRA_DATABASE_URL": urls.app, "TOKTRA_REGION": "eu", "TOKTRA_DATA": str(tmp_path)},
    )
    assert answer.exit_code == 1
    assert "the region eu" in answer.output
    assert "Serving" not in answer.output


def test_an_organisation_is_created_in_the_servers_region_and_stays_there(urls: Urls) -> None:
    environment = {
        "TOKTRA_DATABASE_URL": urls.app,
        "TOKTRA_OWNER_DATABASE_URL": urls.owner,
        "TOKTRA_REGION": "ca",
    }
    answer = CliRunner().invoke(main, ["server", "init", "--slug", "west", "--name", "West"], env=environment)
    assert answer.exit_code == 0, answer.output
    with psycopg.connect(urls.superuser) as connection:
        assert connection.execute("select region from tenant where slug = 'west'").fetchone() == ("ca",)
        with pytest.raises(psycopg.errors.CheckViolation, match="region"):
            connection.execute("update tenant set region = 'eu' where slug = 'west'")


def test_a_region_that_does_not_exist_is_refused(urls: Urls) -> None:
    answer = CliRunner().invoke(main, ["server", "run"], env={"TOKTRA_DATABASE_URL": urls.app, "TOKTRA_REGION": "moon"})
    assert answer.exit_code == 1
    assert "TOKTRA_REGION" in answer.output
