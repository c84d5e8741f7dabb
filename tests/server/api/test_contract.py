"""Every operation of the document, asked with whatever its schema allows and does not allow, over real HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from starlette.routing import Mount
from tests.server.usage.conftest import Office

from toktra.catalogue import load_catalogue
from toktra.server.api.app import api_app, document
from toktra.server.api.clients import Kind, create
from toktra.server.api.scopes import Scope
from toktra.server.app import create_app
from toktra.server.database.pool import Database
from toktra.server.exports.scheduled import arranging
from toktra.server.ingest.service import Ingest
from toktra.server.people.service import add_person
from toktra.server.people.signed_in import SignedIn
from toktra.server.people.tokens import Token
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant
from toktra.server.web.access import Role
from toktra.server.web.rate_limit import FailureLimit

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls

NOT_HERE = {
    # Rules between parts of a request, such as two dates in order, cannot be said in a schema: they are 422, in words.
    "positive_data_acceptance",
}
KEY = Token.new("north")
"""Known before there is a database, as the requests are made up when tests are collected."""
_KNOWN: dict[str, str] = {}
"""Ids of what is there, so that a half of the requests finds something."""


async def _fill(urls: Urls, slug: str, settings: ServerSettings) -> None:
    """A person with a device and some use, a scheduled export, and a key with every scope."""
    async with Database(urls.app, connections=2) as database:
        tenant = await find_tenant(database, slug)
        assert tenant is not None
        owner = await add_person(
            database, tenant.tenant_id, display_name="Robin Example", role=Role.OWNER, email="robin@north.example"
        )
        office = Office(database, tenant, owner, Ingest(database, load_catalogue(), accepted_age_days=400))
        desk = await office.desk(owner, enrolled_days_ago=9)
        await desk.use(at=datetime.now(UTC) - timedelta(days=2), times=3)
        reader = SignedIn(tenant, owner, "Robin Example", Role.OWNER)
        async with database.tenant(tenant.tenant_id) as connection:
            await create(connection, reader, Kind.KEY, "contract", tuple(Scope), days=30)
            await connection.execute("update api_client set secret_hash = %s", [KEY.hash])
        day = str(datetime.now(UTC).date() - timedelta(days=9))
        where = {"target": "folder", "folder": "finance"}
        taken = await arranging.check_new({"rhythm": "daily", "starts_on": day, **where}, settings)
        async with database.tenant(tenant.tenant_id) as connection:
            schedule_id = await arranging.set_up(connection, reader, taken)
        _KNOWN.update(person_id=str(owner), device_id=str(desk.key.device), provider_id="anthropic")
        _KNOWN.update(schedule_id=str(schedule_id), first_day=day)


@pytest.fixture(scope="module")
def server_settings(module_urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    return ServerSettings(
        database_url=module_urls.app,
        database_connections=10,
        data=tmp_path_factory.mktemp("data"),
        export_directory=tmp_path_factory.mktemp("exports"),
        run_jobs=False,
        api_requests_per_minute=1_000_000,
    )


@pytest.fixture(scope="module")
def address(server_settings: ServerSettings) -> Iterator[str]:
    """The whole application, served on loopback."""
    app = create_app(server_settings)
    api: Any
    [api] = [route.app for route in app.routes if isinstance(route, Mount) and route.path == "/v1"]
    api.state.failures = FailureLimit(failures=1_000_000, window_s=60)  # what is tried without a key is the test's own
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="module")
def filled(module_urls: Urls, module_tenants: tuple[Tenant, Tenant], server_settings: ServerSettings) -> None:
    asyncio.run(_fill(module_urls, module_tenants[0].slug, server_settings))


schema = schemathesis.openapi.from_dict(document(api_app(None)))


@schema.auth()
class OurKey:
    """Sent with every request but those that check that none is let in without it."""

    def get(self, case: Any, context: Any) -> str:
        del case, context
        return str(KEY)

    def set(self, case: Any, data: str, context: Any) -> None:
        del context
        case.headers["authorization"] = f"Bearer {data}"


@schema.parametrize()
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_keeps_the_contract(case: Any, address: str, filled: None) -> None:
    del filled
    if case.path_parameters and case.meta is not None and not case.meta.generation.mode.is_negative:
        for name, known in _KNOWN.items():
            if name in case.path_parameters and len(str(case.headers)) % 2:
                case.path_parameters[name] = known
    excluded = [check for name, check in CHECKS._items.items() if name in NOT_HERE]
    case.call_and_validate(base_url=f"{address}/v1", excluded_checks=excluded)
