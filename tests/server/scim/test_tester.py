"""scim2-tester against a real server on loopback: every check it has, for users and groups."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx2
import pytest
import uvicorn
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from toktra.server.app import create_app
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import Urls


@pytest.fixture
def address(urls: Urls) -> Iterator[str]:
    """The whole server, listening."""
    app = create_app(ServerSettings(database_url=urls.app, database_connections=4, run_jobs=False))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/scim/v2"
    finally:
        server.should_exit = True
        thread.join()


def test_every_check_is_clean(address: str, token: str) -> None:
    with httpx2.Client(base_url=address, headers={"authorization": f"Bearer {token}"}) as client:
        results = check_server(SyncSCIMClient(client))
    faults = [f"{one.title}: {one.reason}" for one in results if one.status in {Status.ERROR, Status.CRITICAL}]
    assert not faults, "\n".join(faults)
    assert sum(one.status is Status.SUCCESS for one in results) > 30
