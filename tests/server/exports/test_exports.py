"""Exports over the whole application: figures equal to the records, nobody and no time in them, each one recorded."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from toktra.server.exports.datasets import Dataset
from toktra.server.exports.focus import COLUMNS as FOCUS_COLUMNS
from toktra.server.exports.formats import Format

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


def at(days_ago: int, hour: int = 9) -> datetime:
    return datetime.combine(TODAY - timedelta(days=days_ago), time(hour, 17, 23), UTC)


async def used(office: Any) -> None:
    """Seven people in a department whose name a spreadsheet would compute, two in another."""
    for number, department in enumerate(["=Engineering"] * 7 + ["Legal"] * 2):
        desk = await office.desk(enrolled_days_ago=30)
        async with office.database.tenant(office.tenant.tenant_id) as connection:
            named = [office.tenant.tenant_id, desk.key.device]
            await connection.execute(
                "update person set department = '=Engineering' where department is null and role = 'owner'"
            )
            cursor = await connection.execute(
                "select person_id from account where tenant_id = %s and device_id = %s", named
            )
            row = await cursor.fetchone()
            await connection.execute("update person set department = %s where person_id = %s", [department, row[0]])
            await connection.execute("delete from department_period where person_id = %s", [row[0]])
            await connection.execute(
                "insert into department_period (tenant_id, person_id, since, department)"
                " values (%s, %s, '2020-01-01', %s)",
                [office.tenant.tenant_id, row[0], department],
            )
        await desk.use(at=at(2), times=2, request_bytes=1000 + number)
        await desk.use(host="chatgpt.com", at=at(1))


async def take(browser: httpx.AsyncClient, dataset: str, form: str, first: date | None = None) -> httpx.Response:
    asked = {"dataset": dataset, "format": form, "from": str(first or TODAY - timedelta(days=3)), "to": str(YESTERDAY)}
    answer = await browser.get("/exports/file", params=asked)
    assert answer.status_code == 200, answer.text
    return answer


def rows_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_records_are_all_there_without_who_and_when(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    answer = await take(owner_api, "events", "csv")
    rows = rows_of(answer)
    assert len(rows) == 9 * 3
    assert sum(int(row["request_bytes"]) for row in rows) == 2 * sum(1000 + n for n in range(9)) + 9 * 16_000
    assert {row["day"] for row in rows} == {str(TODAY - timedelta(days=2)), str(YESTERDAY)}
    # Legal is two people, so it and the next larger one are not told apart.
    assert {row["department"] for row in rows} == {""}
    assert not re.search(r"\d\d:\d\d", answer.text)
    assert "someone" not in answer.text
    assert {row["schema_version"] for row in rows} == {"1"}


async def test_every_format_holds_the_same_rows(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    for dataset in Dataset:
        rows = rows_of(await take(owner_api, dataset, "csv"))
        lines = [json.loads(line) for line in (await take(owner_api, dataset, "ndjson")).text.splitlines()]
        table = pq.read_table(io.BytesIO((await take(owner_api, dataset, "parquet")).content))
        assert len(rows) == len(lines) == table.num_rows > 0
        assert [list(row) for row in rows[:1]] == [list(line) for line in lines[:1]] == [table.column_names]
        for row, line in zip(rows, lines, strict=True):
            assert {name: "" if value is None else value for name, value in line.items()}.keys() == row.keys()
            for name, value in line.items():
                same = row[name] == "" if value is None else float(row[name]) == value if _is_number(value) else False
                assert same or row[name] == value
        assert table.schema.metadata[b"toktra.schema_version"] == b"1"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


async def test_daily_sums_are_those_of_the_records(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    rows = rows_of(await take(owner_api, "daily", "csv"))
    assert sum(int(row["exchanges"]) for row in rows) == 27
    assert {(row["provider_host"], row["department"]) for row in rows} == {
        ("api.anthropic.com", ""),
        ("chatgpt.com", ""),
    }


async def test_cost_has_the_columns_of_focus_and_leaves_the_unpriced_out(
    office: Any, owner_api: httpx.AsyncClient
) -> None:
    await used(office)
    rows = rows_of(await take(owner_api, "costs", "csv"))
    assert [column.name for column in FOCUS_COLUMNS] == list(rows[0])
    assert {row["ServiceName"] for row in rows} == {"Anthropic API"}
    [row] = rows
    assert float(row["x_CostLow"]) < float(row["BilledCost"]) < float(row["x_CostHigh"])
    assert row["BillingCurrency"] == "USD"
    assert row["ChargePeriodStart"] == f"{TODAY - timedelta(days=2)}T00:00:00Z"
    assert json.loads(row["Tags"]) == {"provider_hosts": "api.anthropic.com"}


async def test_a_department_that_begins_like_a_formula_is_text(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update department_period set department = '=Engineering'")
        await connection.execute("update person set department = '=Engineering'")
    for dataset in ("daily", "events"):
        assert {row["department"] for row in rows_of(await take(owner_api, dataset, "csv"))} == {"'=Engineering"}


async def test_a_department_that_is_no_more_is_not_shown(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    async with office.database.tenant(office.tenant.tenant_id) as connection:
        await connection.execute("update person set department = '=Engineering'")
    for dataset in ("daily", "events"):
        assert {row["department"] for row in rows_of(await take(owner_api, dataset, "csv"))} == {""}


async def test_each_export_is_recorded(office: Any, owner_api: httpx.AsyncClient) -> None:
    await used(office)
    await take(owner_api, "daily", "parquet")
    trail = (await owner_api.get("/audit")).text
    assert "Figures exported" in trail
    page = await owner_api.get("/exports")
    assert "provider_host" in page.text
    assert "BilledCost" in page.text


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"to": str(TODAY)}, "may not end after"),
        ({"from": "yesterday"}, "is not a date"),
        ({"dataset": "everything"}, "There are: events, daily, costs"),
        ({"format": "xlsx"}, "There are: csv, ndjson, parquet"),
        ({"from": str(YESTERDAY), "to": str(TODAY - timedelta(days=5))}, "begins after it ends"),
    ],
)
async def test_what_cannot_be_exported_is_named(owner_api: httpx.AsyncClient, asked: dict[str, str], says: str) -> None:
    answer = await owner_api.get("/exports/file", params=asked)
    assert answer.status_code == 400
    assert says in answer.text


async def test_an_empty_ledger_gives_files_with_columns_and_no_rows(owner_api: httpx.AsyncClient) -> None:
    for dataset in Dataset:
        assert rows_of(await take(owner_api, dataset, "csv")) == []
        assert (await take(owner_api, dataset, "ndjson")).text == ""
        table = pq.read_table(io.BytesIO((await take(owner_api, dataset, "parquet")).content))
        assert table.num_rows == 0
        assert table.num_columns > 5
    assert {form.media_type for form in Format} > {"application/x-ndjson"}
