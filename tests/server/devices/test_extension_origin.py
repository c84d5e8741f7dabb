"""Browser extensions are devices: from their own origin they may ask the device API, and nothing else. No page may."""

from __future__ import annotations

import httpx
import pytest

ASKED = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,content-digest,signature-input,signature",
}
EXTENSIONS = [
    "chrome-extension://gickamlabkoammlddlhcilpdiieonice",
    "moz-extension://0b2f6a54-3c1d-4e0a-9a57-6d1c0e7b9f21",
]
PAGES = ["https://evil.example", "https://chrome-extension.example", "null", "chrome-extension://a.evil.example"]


def from_elsewhere(origin: str) -> dict[str, str]:
    return {"origin": origin, "sec-fetch-site": "cross-site", "content-type": "application/json"}


@pytest.mark.parametrize("origin", EXTENSIONS)
async def test_an_extension_may_ask_the_device_api_and_reads_its_answer(api: httpx.AsyncClient, origin: str) -> None:
    before = await api.options("/ingest/v1/batches", headers={**ASKED, "origin": origin})
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in before.headers
    answer = await api.post("/ingest/v1/batches", headers=from_elsewhere(origin), content=b"{}")
    assert answer.status_code == 401  # as any device without a signature
    assert answer.headers["access-control-allow-origin"] == origin
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("origin", PAGES)
async def test_a_page_may_not(api: httpx.AsyncClient, origin: str) -> None:
    before = await api.options("/ingest/v1/batches", headers={**ASKED, "origin": origin})
    assert before.status_code == 400
    assert "access-control-allow-origin" not in before.headers
    answer = await api.post("/ingest/v1/batches", headers=from_elsewhere(origin), content=b"{}")
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_an_extension_may_not_ask_for_anything_else(api: httpx.AsyncClient) -> None:
    for path in ("/sign-in", "/v1/usage", "/ingest", "/sign-out"):
        answer = await api.post(path, headers=from_elsewhere(EXTENSIONS[0]), content=b"")
        assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (403, False), path


async def test_devices_without_an_origin_are_told_nothing_about_origins(api: httpx.AsyncClient) -> None:
    answer = await api.post("/ingest/v1/batches", content=b"{}")
    assert answer.status_code == 401
    assert "access-control-allow-origin" not in answer.headers
