"""/healthz and /readyz, with the database there, away, and not up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

import httpx
import psycopg
import pytest

from toktra.server.app import create_app
from toktra.server.database.failures import DataDirectoryTooNew, MigrationsPending, UnsafeDatabaseRole
from toktra.server.database.source import DatabaseUrls
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Urls


async def test_with_its_database_it_is_alive_and_ready(api: httpx.AsyncClient) -> None:
    assert (await api.get("/healthz")).status_code == 200
    assert (await api.get("/readyz")).text == "ready\n"


async def test_without_its_database_it_starts_says_so_and_refuses_politely() -> None:
    app = create_app(ServerSettings(database_url="postgresql://toktra_app@/none?host=/nowhere"))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        assert (await api.get("/healthz")).status_code == 200
        answer = await api.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "not ready: the database does not answer\n")
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("update alembic_version set version_num = '0000'", "DataDirectoryTooNew"),
        ("delete from alembic_version", "toktra server migrate"),
    ],
)
async def test_tables_of_another_version_are_not_ready(
    urls: Urls, api: httpx.AsyncClient, statement: LiteralString, says: str
) -> None:
    with psycopg.connect(urls.owner) as connection:
        connection.execute(statement)
    answer = await api.get("/readyz")
    assert answer.status_code == 503
    assert says in answer.text


def test_a_start_is_refused_over_tables_that_do_not_fit(urls: Urls) -> None:
    DatabaseUrls(urls.app, None).check()
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        with pytest.raises(DataDirectoryTooNew, match="tables 9999"):
            DatabaseUrls(urls.app, None).check()
        connection.execute("delete from alembic_version")
        with pytest.raises(MigrationsPending, match="toktra server migrate"):
            DatabaseUrls(urls.app, None).check()


def test_a_start_is_refused_as_a_role_that_row_level_security_does_not_bind(urls: Urls) -> None:
    for url in (urls.owner, urls.superuser):
        with pytest.raises(UnsafeDatabaseRole, match="TOKTRA_DATABASE_URL"):
            DatabaseUrls(url, None).check()


def test_a_database_that_is_away_does_not_keep_it_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktra.server.database.pool.WAIT_S", 0.2)
    DatabaseUrls("postgresql://toktra_app@/none?host=/nowhere", None).check()
