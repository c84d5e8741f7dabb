"""Figures of the API are those of the pages, by the same rules."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, time, timedelta
from typing import Any

import httpx
from tests.server.api.conftest import get

TODAY = datetime.now(UTC).date()
FIRST = TODAY - timedelta(days=9)
YESTERDAY = TODAY - timedelta(days=1)


async def used(office: Any, rows: Any) -> None:
    """Seven people of Engineering and two of Legal over some days, on two providers."""
    for number, department in enumerate(["Engineering"] * 7 + ["Legal"] * 2):
        desk = await office.desk(enrolled_days_ago=30)
        [(person,)] = await rows("select person_id from account where device_id = %s", desk.key.device)
        await rows("update person set department = %s where person_id = %s returning 1", department, person)
        await rows("delete from department_period where person_id = %s returning 1", person)
        await rows(
            "insert into department_period (tenant_id, person_id, since, department)"
            " values (%s, %s, '2020-01-01', %s) returning 1",
            office.tenant.tenant_id,
            person,
            department,
        )
        for back in (1, 2, 5):
            at = datetime.combine(TODAY - timedelta(days=back), time(9, 17), UTC)
            await desk.use(at=at, times=2, request_bytes=1000 + number)
        await desk.use(host="chatgpt.com", at=datetime.combine(YESTERDAY, time(11), UTC))


async def test_usage_is_what_the_page_downloads(
    office: Any, rows: Any, owner_api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    await used(office, rows)
    for by in ("provider", "kind", "host", "department"):
        asked: dict[str, Any] = {"from": str(FIRST), "to": str(YESTERDAY), "by": by, "grain": "day"}
        page = await owner_api.get("/usage.csv", params={**asked, "period": "dates", "against": "nothing"})
        lines = [
            row
            for row in csv.DictReader(io.StringIO(page.content.decode("utf-8-sig")))
            if (row["from"], row["to"]) == (asked["from"], asked["to"])
        ]
        found = await get(owner_api, "/usage", key, **asked)
        said = [*found["lines"], {"name": "", "hosts": [], "amounts": found["total"]}]
        assert len(lines) == len(said) > 1
        for row, line in zip(lines, said, strict=True):
            amounts, cost = line["amounts"], line["amounts"]["cost"]
            assert row["name"] == line["name"]
            assert row["hosts"].split() == line["hosts"]
            for name in ("exchanges", "request_bytes", "response_bytes", "unpriced_exchanges"):
                assert int(row[name]) == amounts[name]
            assert (int(row["tokens_low"]), int(row["tokens_high"])) == (
                amounts["tokens"]["low"],
                amounts["tokens"]["high"],
            )
            assert (float(row["cost_low"]) if row["cost_low"] else None) == (cost["low"] if cost else None)
            assert int(row["device_days_reported"]) == found["coverage"]["device_days_reported"]
        assert sum(point["amounts"]["exchanges"] for point in found["points"] if point["amounts"]) == 63


async def test_no_small_department_is_told_nor_can_be_found(
    office: Any, rows: Any, api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    await used(office, rows)
    asked: dict[str, Any] = {"from": str(FIRST), "to": str(TODAY), "by": "department"}
    found = await get(api, "/usage", key, **asked)
    assert [line["key"] for line in found["lines"]] == [""]  # Legal is two people, so Engineering hides them
    assert found["days"]["last"] == str(YESTERDAY)
    nothing = await get(api, "/usage", key, **asked, department="Legal")
    assert nothing["total"]["exchanges"] == 0


async def test_hours_of_a_day_with_few_people_are_not_told(
    office: Any, api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    desk = await office.desk(enrolled_days_ago=30)
    await desk.use(at=datetime.combine(YESTERDAY, time(9, 17), UTC), times=3)
    hourly: dict[str, Any] = {"from": str(YESTERDAY), "to": str(YESTERDAY), "grain": "hour"}
    found = await get(api, "/usage", key, **hourly)
    assert found["hours_withheld"]
    assert found["total"]["exchanges"] == 3
    assert {point["amounts"] and point["amounts"]["exchanges"] for point in found["points"]} == {None}


async def test_costs_are_those_of_usage_and_of_the_page(
    office: Any, rows: Any, owner_api: httpx.AsyncClient, key: dict[str, str]
) -> None:
    await used(office, rows)
    asked: dict[str, Any] = {"from": str(TODAY - timedelta(days=6)), "to": str(TODAY)}
    found = await get(owner_api, "/costs", key, **asked)
    usage = await get(owner_api, "/usage", key, **asked)
    assert found["cost"] == usage["total"]["cost"]
    assert found["exchanges"] == usage["total"]["exchanges"] == 63
    by_id = {one["provider_id"]: one for one in found["providers"]}
    assert {line["key"]: line["amounts"]["cost"] for line in usage["lines"]} == {
        key: one["cost"] for key, one in by_id.items()
    }
    assert by_id["chatgpt"]["cost"] is None
    page = (await owner_api.get("/cost?period=7d")).text
    assert all(one["name"] in page for one in found["providers"])


async def test_what_is_asked_wrongly_is_named(api: httpx.AsyncClient, key: dict[str, str]) -> None:
    backwards: dict[str, Any] = {"from": str(TODAY), "to": str(FIRST)}
    wrong = await get(api, "/usage", key, 422, **backwards)
    assert (wrong["type"], wrong["field"]) == ("urn:toktra:problem:invalid-request", "from")
    assert "Exchange the two dates" in wrong["detail"]
    missing = await get(api, "/costs", key, 422, to="soon")
    assert {one["field"] for one in missing["errors"]} == {"from", "to"}
    hourly: dict[str, Any] = {"from": str(FIRST), "to": str(TODAY), "grain": "hour"}
    assert (await get(api, "/usage", key, 422, **hourly))["field"] == "grain"


async def test_the_catalogue_goes_on_where_it_stopped(api: httpx.AsyncClient, key: dict[str, str]) -> None:
    ids: list[str] = []
    cursor = None
    while True:
        page = await get(api, "/providers", key, limit=70, cursor=cursor or "")
        ids += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert ids == sorted(set(ids))
    assert len(ids) > 150
    assert (await get(api, "/providers", key, 422, cursor="!"))["field"] == "cursor"
    priced = await get(api, "/providers/anthropic", key)
    assert priced["price_basis"] == "assumed_model"
    assert priced["price"][0]["output_usd_per_million"] > 0
    assert (await get(api, "/providers/nobody", key, 404))["type"] == "urn:toktra:problem:not-found"
