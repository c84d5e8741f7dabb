"""An organisation whose people ask for their rights, with a worker for what is done afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from tests.server.portal.conftest import Browsers, Desk, Office, browsers, office

from toktra.server.jobs.worker import work_off
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Urls

__all__ = ["Browsers", "Desk", "Office", "browsers", "office"]


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own key, which is otherwise in its data directory."""
    monkeypatch.setenv("TOKTRA_SECRET_KEY", Fernet.generate_key().decode())


@pytest.fixture
def work(urls: Urls) -> Callable[[], Awaitable[None]]:
    """Does every job that is due."""
    settings = ServerSettings(database_url=urls.app)

    async def do() -> None:
        await work_off(settings)

    return do
