"""Jobs of these tests, apart from those of the rooms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from toktra.server.jobs import Job
from toktra.server.jobs.declaring import REGISTRY
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Urls


@pytest.fixture
def jobs() -> Iterator[dict[str, Job[Any]]]:
    """What a test declares; forgotten afterwards."""
    before = dict(REGISTRY)
    REGISTRY.clear()
    yield REGISTRY
    REGISTRY.clear()
    REGISTRY.update(before)


@pytest.fixture
def settings(urls: Urls) -> ServerSettings:
    return ServerSettings(database_url=urls.app)


@pytest.fixture
def queue(urls: Urls) -> Callable[[], list[dict[str, Any]]]:
    """All jobs in the database as a worker sees them, but for those of the queue's own upkeep."""

    def read() -> list[dict[str, Any]]:
        with psycopg.connect(urls.app, row_factory=dict_row) as connection:
            return connection.execute(
                "select * from procrastinate_jobs where task_name not like 'jobs:%' order by id"
            ).fetchall()

    return read
