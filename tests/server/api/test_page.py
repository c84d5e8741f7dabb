"""The page on which programs are let in."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx

NEW = {"name": "Nightly report", "kind": "key", "days": "30", "usage:read": "on", "costs:read": "on"}
USAGE = "/v1/usage?from=2026-11-01&to=2026-11-02"


async def test_a_key_from_its_making_to_its_end(owner_api: httpx.AsyncClient, rows: Any) -> None:
    assert "None yet." in (await owner_api.get("/settings/api")).text
    made = await owner_api.post("/settings/api", data=NEW)
    assert made.status_code == 200
    found = re.search(r'<code class="command mono" translate="no">(north\.[\w-]{43})</code>', made.text)
    assert found
    secret = found[1]
    page = (await owner_api.get("/settings/api")).text
    assert secret not in page
    assert "usage:read, costs:read" in page
    assert "never" in page
    bearer = {"authorization": f"Bearer {secret}"}
    assert (await owner_api.get(USAGE, headers=bearer)).status_code == 200
    assert (await owner_api.get("/v1/providers", headers=bearer)).status_code == 403
    assert "never" not in (await owner_api.get("/settings/api")).text
    [(client_id,)] = await rows("select client_id from api_client")
    assert (await owner_api.post(f"/settings/api/{client_id}/revoke")).status_code == 303
    assert (await owner_api.get(USAGE, headers=bearer)).status_code == 401
    assert "Revoked on" in (await owner_api.get("/settings/api")).text
    assert (await owner_api.post(f"/settings/api/{client_id}/revoke")).status_code == 404
    trail = unescape((await owner_api.get("/audit")).text)
    assert "Program let to the API" in trail
    assert "Program’s access revoked" in trail
    assert secret not in trail


async def test_an_oauth_client_is_told_its_id(owner_api: httpx.AsyncClient) -> None:
    made = await owner_api.post("/settings/api", data={**NEW, "kind": "oauth"})
    assert re.search(r"north\.[0-9a-f]{8}-[0-9a-f-]{27}", made.text)
    assert "/v1/oauth/token" in made.text


async def test_what_is_missing_is_named_and_nothing_is_made(owner_api: httpx.AsyncClient, rows: Any) -> None:
    answer = await owner_api.post("/settings/api", data={"name": " ", "kind": "door", "days": "1"})
    assert answer.status_code == 422
    for word in ("Name: give", "Kind: choose", "Lifetime: choose", "Scopes: choose"):
        assert word in answer.text
    assert await rows("select 1 from api_client") == []
