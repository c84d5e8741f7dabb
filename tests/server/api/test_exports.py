"""Exports by the API are the page's files, and each one stands in the trail with the program's name."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import httpx
from tests.server.api.conftest import get

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


async def test_a_file_is_that_of_the_page(office: Any, owner_api: httpx.AsyncClient, key: dict[str, str]) -> None:
    desk = await office.desk(enrolled_days_ago=9)
    await desk.use(at=datetime.combine(YESTERDAY, time(9, 17), UTC), times=3)
    known = await get(owner_api, "/exports", key)
    assert {one["dataset"] for one in known["items"]} == {"events", "daily", "costs"}
    asked = {"format": "csv", "from": str(YESTERDAY), "to": str(YESTERDAY)}
    for one in known["items"]:
        taken = await owner_api.get(f"/v1/exports/{one['dataset']}", params=asked, headers=key)
        page = await owner_api.get("/exports/file", params={**asked, "dataset": one["dataset"]})
        assert taken.status_code == 200, taken.text
        assert taken.content == page.content
        header = taken.content.decode("utf-8-sig").splitlines()[0]
        assert header == ",".join(column["name"] for column in one["columns"])
    trail = await get(owner_api, "/audit", key, tag="figures:exported")
    assert [one["actor"] for one in trail["items"]] == ["person", "program"] * 3


async def test_today_is_not_exported(api: httpx.AsyncClient, key: dict[str, str]) -> None:
    today = str(YESTERDAY + timedelta(days=1))
    asked: dict[str, Any] = {"from": today, "to": today}
    assert (await get(api, "/exports/daily", key, 422, **asked))["field"] == "to"
