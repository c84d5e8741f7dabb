"""Every operation of the device API's document, signed, with what its schema allows and what not, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import subprocess
import sys
import threading
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import psycopg
import pytest
import requests
import schemathesis
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from starlette.routing import Mount, Route

from toktra.server.app import create_app
from toktra.server.database.pool import Database
from toktra.server.devices.contract import SERVER, document
from toktra.server.devices.service import create_enrolment_code
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant
from toktra.wire.portal import QUESTION_BYTES
from toktra.wire.signatures import KeyId, sign

if TYPE_CHECKING:
    from tests.server.conftest import Tenant, Urls

ROOT = Path(__file__).parents[3]
NOT_HERE = {
    # Rules between fields, such as consecutive sequences, cannot be said in a schema: they are 400, in words.
    "positive_data_acceptance",
}
schema = schemathesis.openapi.from_dict(document())
_answered: dict[str, set[int]] = defaultdict(set)


class Fleet:
    """Devices of one organisation, each with a key that the test holds."""

    def __init__(self, address: str, url: str, tenant_id: UUID, code: str) -> None:
        self.address, self._url, self._tenant_id, self.code = address, url, tenant_id, code

    def device(self) -> tuple[KeyId, Ed25519PrivateKey]:
        """A new one, so that a changed key is nobody else's."""
        private, account = Ed25519PrivateKey.generate(), secrets.token_hex(4)
        with psycopg.connect(self._url) as connection:
            connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(self._tenant_id)])
            row = connection.execute(
                "insert into device (tenant_id, public_key, hostname, platform, agent_version) "
                "values (%s, %s, %s, 'linux', '1.0') returning device_id",
                [self._tenant_id, private.public_key().public_bytes_raw(), account],
            ).fetchone()
        assert row is not None
        return KeyId(self._tenant_id, row[0]), private


@pytest.fixture(scope="module")
def fleet(module_urls: Urls, module_tenants: tuple[Tenant, Tenant]) -> Iterator[Fleet]:
    """The whole application, served on loopback, and a code for as many devices as may come."""

    async def code() -> tuple[UUID, str]:
        async with Database(module_urls.app, connections=1) as database:
            tenant = await find_tenant(database, module_tenants[0].slug)
            assert tenant is not None
            return tenant.tenant_id, str(await create_enrolment_code(database, tenant, uses=1000))

    app = create_app(ServerSettings(database_url=module_urls.app, run_jobs=False))
    tenant_id, enrolment_code = asyncio.run(code())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield Fleet(f"http://127.0.0.1:{listener.getsockname()[1]}", module_urls.app, tenant_id, enrolment_code)
        server.should_exit = True
        thread.join(timeout=20)


def completed(path: str, body: dict[str, Any], fleet: Fleet, device: str, private: Ed25519PrivateKey) -> dict[str, Any]:
    """What a schema cannot say made true: the key that signs, a code that is good, sequences that follow."""
    match path:
        case "/enrol":
            raw = private.public_key().public_bytes_raw()
            public = urlsafe_b64encode(raw).decode().rstrip("=")
            return body | {"public_key": public, "code": fleet.code, "person": None}
        case "/batches":
            event = {
                "provider_host": "api.openai.com",
                "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "device": device,
                "user": "someone",
            }
            events = [{**one, **event, "sequence": place + 1} for place, one in enumerate(body.get("events", []))]
            sizes = {"request_bytes", "response_bytes", "estimated_input_tokens", "estimated_output_tokens"}
            for one in events:
                one.update({name: value % 10**9 for name, value in one.items() if name in sizes})
            return body | {"epoch": 1, "prev_seq": 0, "events": events, "missed": 0}
        case "/weeks":
            short = {"agent_version": body["agent_version"], "in_use": body["in_use"], "filling": ""}
            return short | {"filling": " " * (QUESTION_BYTES - len(json.dumps(short)))}
        case _:
            return body


@schema.parametrize()
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_keeps_the_contract(case: Any, fleet: Fleet) -> None:
    key, private = fleet.device()
    asked = requests.Request(**case.as_transport_kwargs(base_url=fleet.address + SERVER))
    is_right = case.meta is not None and not case.meta.generation.mode.is_negative
    if is_right and isinstance(case.body, dict) and secrets.randbelow(4):
        case.body = completed(case.path, case.body, fleet, str(key.device), private)
        asked.json, asked.data = None, json.dumps(case.body).encode()
    sent = asked.prepare()
    body = sent.body if isinstance(sent.body, bytes) else str(sent.body or "").encode()
    sent.headers.setdefault("content-type", "application/json")
    sign(
        method=sent.method or "",
        url=sent.url or "",
        headers=cast(MutableMapping[str, str], sent.headers),
        body=body,
        key_id=str(key),
        private_key=private,
    )
    with requests.Session() as session:
        answer = session.send(sent, allow_redirects=False)
    _answered[case.path].add(answer.status_code)
    # A message that breaks the schema by its length is 413, which is refused and not in the list of that check.
    left_out = NOT_HERE | ({"negative_data_rejection"} if answer.status_code == 413 else set())
    excluded = [check for name, check in CHECKS._items.items() if name in left_out]
    case.validate_response(answer, excluded_checks=excluded)


def test_signed_requests_got_past_the_signature() -> None:
    """Runs after the others, and says that what they tried was more than the door."""
    if not _answered:
        pytest.skip("the operations were not tried in this run")
    assert {path: 200 in statuses for path, statuses in _answered.items()} == dict.fromkeys(document()["paths"], True)


def test_the_document_names_every_route(module_urls: Urls) -> None:
    app = create_app(ServerSettings(database_url=module_urls.app, run_jobs=False))
    device_api: Any
    [device_api] = [route.app for route in app.routes if isinstance(route, Mount) and route.path == SERVER]
    routes = {route.path for route in device_api.routes if isinstance(route, Route)}
    assert routes == set(document()["paths"])


def test_the_printed_document_is_up_to_date() -> None:
    check = subprocess.run([sys.executable, "scripts/build_device_api.py", "--check"], cwd=ROOT, check=False)
    assert check.returncode == 0, "run scripts/build_device_api.py"
