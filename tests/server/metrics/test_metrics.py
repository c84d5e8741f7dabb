"""/metrics over the whole application: what it says, to whom, and what it must not tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from toktra.server.app import create_app
from toktra.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice, Urls

TOKEN = "a token of sixteen or more"


@pytest.fixture
async def api(urls: Urls) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(ServerSettings(database_url=urls.app, run_jobs=False, metrics_token=TOKEN))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        yield api


async def read(api: httpx.AsyncClient) -> dict[str, dict[tuple[str, ...], float]]:
    """Every series by name and the values of its labels."""
    answer = await api.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def test_it_says_how_the_service_is_doing(api: httpx.AsyncClient) -> None:
    for _ in range(3):
        await api.get("/healthz")
    await api.get("/no/such/page/ada@north.example")
    found = await read(api)
    assert found["toktra_requests_total"]["GET", "/healthz", "200"] == 3
    assert found["toktra_request_seconds_count"]["/healthz",] == 3
    assert found["toktra_database_up"][()] == 1
    assert found["toktra_jobs"] == {("waiting",): 0, ("running",): 0, ("failed",): 0}
    assert "process_cpu_seconds_total" in found


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"])
async def test_only_to_who_has_the_token(api: httpx.AsyncClient, authorization: str) -> None:
    answer = await api.get("/metrics", headers={b"authorization": authorization.encode()})
    assert answer.status_code == 401
    assert "toktra" not in answer.text


async def test_without_a_token_in_the_settings_there_is_none(urls: Urls) -> None:
    app = create_app(ServerSettings(database_url=urls.app, run_jobs=False))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        assert (await api.get("/metrics")).status_code == 404


async def test_uploads_are_counted_only_among_five_devices(
    api: httpx.AsyncClient, enrol: Callable[..., Awaitable[SignedDevice]]
) -> None:
    devices = [await enrol(hostname=f"desk-{number}") for number in range(5)]
    batches = ("POST", "/ingest/v1/batches", "200")
    for device in devices[:4]:
        for first in (1, 2):
            assert (await device.send(device.batch(first, 1))).status_code == 200
    assert not any("/ingest/" in labels[1] for labels in (await read(api)).get("toktra_requests_total", {}))
    await devices[4].post(b"{}", signed_body=b"other")  # not its own: counts for nobody
    assert batches not in (await read(api))["toktra_requests_total"]
    assert (await devices[4].send(devices[4].batch(1, 1))).status_code == 200
    assert (await read(api))["toktra_requests_total"][batches] == 1


async def test_no_label_names_anybody(api: httpx.AsyncClient, device: SignedDevice) -> None:
    await device.send(device.batch(1, 3))
    text = (await api.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})).text
    for secret in (device.enrolled.device, device.enrolled.key_id, "ada", "north", "api.openai.com"):
        assert secret not in text
