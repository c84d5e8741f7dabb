"""Scheduled exports by the API: the page's rules, places that are tried first, and writes that can be sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.server.api.conftest import get

from toktra.server.app import create_app
from toktra.server.jobs.worker import work_off
from toktra.server.settings import ServerSettings
from toktra.server.web.access import Role

if TYPE_CHECKING:
    from tests.server.api.conftest import MakeKey
    from tests.server.conftest import Urls

DAY = datetime.now(UTC).date() - timedelta(days=3)
NEW: dict[str, Any] = {
    "dataset": "daily",
    "rhythm": "daily",
    "starts_on": str(DAY),
    "place": {"kind": "folder", "folder": "finance"},
}
BUCKET = {
    "kind": "s3",
    "bucket": "figures",
    "region": "us-east-1",
    "endpoint": "http://127.0.0.1:1",
    "access_key_id": "AKIAEXAMPLE",
    "secret_access_key": "never-to-be-seen",
}


@pytest.fixture
def settings(urls: Urls, tmp_path: Path) -> ServerSettings:
    (tmp_path / "out").mkdir()
    return ServerSettings(
        database_url=urls.app,
        privacy_database_url=urls.privacy,
        data=tmp_path / "data",
        export_directory=tmp_path / "out",
        exports_to_private=True,
        run_jobs=False,
    )


@pytest.fixture
async def api(settings: ServerSettings) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, with a folder for exports."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as api:
        yield api


async def post(api: httpx.AsyncClient, path: str, key: dict[str, str], status: int = 200, body: Any = None) -> Any:
    answer = await api.post(f"/v1{path}", json=body, headers=key)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_one_from_its_setting_up_to_its_end(
    owner_api: httpx.AsyncClient, key: dict[str, str], settings: ServerSettings, rows: Any
) -> None:
    made = await owner_api.post("/v1/scheduled-exports", json=NEW, headers=key)
    assert made.status_code == 201, made.text
    export = made.json()
    path = f"/scheduled-exports/{export['schedule_id']}"
    assert made.headers["location"] == f"/v1{path}"
    assert (export["state"], export["format"], export["wait_days"]) == ("open", "csv", 3)
    assert export["newest_run"]["state"] == "waiting"
    assert "Folder finance" in (await owner_api.get("/exports/scheduled")).text
    assert (await post(owner_api, f"{path}/pause", key))["state"] == "paused"
    await work_off(settings)
    assert (await post(owner_api, f"{path}/resume", key))["state"] == "open"
    await work_off(settings)
    run = (await get(owner_api, path, key))["newest_run"]
    assert (run["state"], run["attempts"], run["sent_as"]["dataset"]) == ("delivered", 1, "daily")
    assert run["sent_as"]["place"]["folder"] == "finance"
    changed = await post(owner_api, f"{path}/change", key, body={"format": "ndjson", "wait_days": 1})
    assert (changed["dataset"], changed["format"], changed["rhythm"]) == ("daily", "ndjson", "daily")
    await work_off(settings)
    assert sorted(one.name for one in (settings.export_directory or Path()).glob("finance/*")) == [
        f"toktra-north-daily-{DAY}.csv",
        f"toktra-north-daily-{DAY + timedelta(days=1)}.ndjson",
        f"toktra-north-daily-{DAY + timedelta(days=2)}.ndjson",
    ]
    for _ in range(2):
        assert (await post(owner_api, f"{path}/end", key))["state"] == "ended"
    for what, body in (("change", {}), ("pause", None), ("resume", None), (f"runs/{DAY}/again", None)):
        assert (await post(owner_api, f"{path}/{what}", key, 409, body))["type"].endswith("conflict")
    trail = await get(owner_api, "/audit", key, limit=200)
    tags = [one["tag"] for one in trail["items"] if one["tag"].startswith("export-schedule:")]
    assert [tag.partition(":")[2] for tag in tags] == ["ended", "changed", "resumed", "paused", "made"]
    [change] = [one for one in trail["items"] if one["tag"] == "export-schedule:changed"]
    assert (change["actor"], change["before"]) == ("program", {"format": "csv", "wait_days": 3})


async def test_a_period_that_was_given_up_is_sent_again_and_one_that_was_delivered_is_not(
    api: httpx.AsyncClient, key: dict[str, str], settings: ServerSettings, rows: Any
) -> None:
    path = f"/scheduled-exports/{(await post(api, '/scheduled-exports', key, 201, NEW))['schedule_id']}"
    await rows("update export_run set state = 'failed', fault = 'no-space' returning 1")
    for _ in range(2):
        assert (await post(api, f"{path}/runs/{DAY}/again", key))["state"] == "waiting"
    await work_off(settings)
    [run] = (await get(api, f"{path}/runs", key))["items"]
    assert (run["state"], run["fault"], run["first_day"]) == ("delivered", None, str(DAY))
    assert "not sent twice" in (await post(api, f"{path}/runs/{DAY}/again", key, 409))["detail"]
    await post(api, f"{path}/runs/2020-01-01/again", key, 404)
    assert (await post(api, f"{path}/runs/soon/again", key, 422))["field"] == "first_day"


async def test_what_cannot_be_is_named_and_nothing_is_changed(
    api: httpx.AsyncClient, key: dict[str, str], rows: Any, settings: ServerSettings
) -> None:
    (settings.export_directory or Path()).joinpath("shut").touch()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"dataset": "people"}, "dataset"),
        ({"wait_days": 0}, "wait_days"),
        ({"place": {"kind": "mail"}}, "place.kind"),
        ({"place": {"kind": "folder"}}, "place.folder"),
        ({"place": {"kind": "folder", "folder": "../etc"}}, "place.folder"),
        ({"place": {"kind": "folder", "folder": "shut"}}, "place.folder"),
        ({"place": {**BUCKET, "bucket": "UPPER"}}, "place.bucket"),
        ({"place": {**BUCKET, "secret_access_key": None}}, "place.secret_access_key"),
        ({"place": BUCKET}, "place.endpoint"),
        ({"blocks": True}, "blocks"),
    ]
    for changes, field in [*wrong, ({"starts_on": "2019-01-01"}, "starts_on")]:
        refused = await post(api, "/scheduled-exports", key, 422, {**NEW, **changes})
        assert refused["field"] == field
        assert "never-to-be-seen" not in str(refused)
    assert (await get(api, "/scheduled-exports", key))["items"] == []
    path = f"/scheduled-exports/{(await post(api, '/scheduled-exports', key, 201, NEW))['schedule_id']}"
    before = await rows("select * from export_schedule")
    for changes, field in [*wrong, ({"place": {**BUCKET, "access_key_id": None, "secret_access_key": None}},
                                    "place.access_key_id")]:  # fmt: skip
        assert (await post(api, f"{path}/change", key, 422, changes))["field"] == field
    assert await rows("select * from export_schedule") == before
    assert await rows("select 1 from audit_entry where tag = 'export-schedule:changed'") == []


async def test_the_same_write_is_done_once_and_its_place_is_not_tried_again(
    api: httpx.AsyncClient, key: dict[str, str], rows: Any, settings: ServerSettings
) -> None:
    ours = {**key, "idempotency-key": "costs-1"}
    answers = await asyncio.gather(
        *(api.post("/v1/scheduled-exports", json=NEW, headers=ours) for _ in range(3)), return_exceptions=False
    )
    assert {one.status_code for one in answers} == {201}
    assert len({one.text for one in answers}) == 1
    (settings.export_directory or Path()).rename(settings.data_directory / "gone")
    again = await api.post("/v1/scheduled-exports", json=NEW, headers=ours)
    assert again.text == answers[0].text
    assert len(await rows("select 1 from export_schedule")) == 1
    other = await post(api, "/scheduled-exports", key, 422, NEW)
    assert other["field"] == "place.kind"
    assert (await post(api, "/scheduled-exports", ours, 422, {**NEW, "format": "ndjson"}))["type"].endswith(
        "idempotency-key-reused"
    )


async def test_lists_go_on(api: httpx.AsyncClient, key: dict[str, str]) -> None:
    days_back = {**NEW, "starts_on": str(DAY - timedelta(days=4))}
    made = {(await post(api, "/scheduled-exports", key, 201, days_back))["schedule_id"] for _ in range(3)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = await get(api, "/scheduled-exports", key, limit=2, cursor=cursor)
        seen += [one["schedule_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == sorted(made)
    path = f"/scheduled-exports/{seen[0]}/runs"
    first = await get(api, path, key, limit=3)
    rest = await get(api, path, key, limit=3, cursor=first["next_cursor"])
    days = [one["first_day"] for one in first["items"] + rest["items"]]
    assert days == [str(DAY - timedelta(days=back)) for back in range(5)]
    assert rest["next_cursor"] is None
    assert (await get(api, path, key, 422, cursor="x"))["field"] == "cursor"


async def test_one_organisation_knows_nothing_of_anothers_and_finance_only_reads(
    api: httpx.AsyncClient, key: dict[str, str], key_of: MakeKey, rows: Any, other_tenant: Any, urls: Urls
) -> None:
    made = await post(api, "/scheduled-exports", key, 201, NEW)
    path = f"/scheduled-exports/{made['schedule_id']}"
    finance = await key_of(Role.FINANCE)
    assert (await get(api, path, finance))["schedule_id"] == made["schedule_id"]
    await post(api, f"{path}/end", finance, 403)
    import psycopg

    with psycopg.connect(urls.superuser) as connection:
        connection.execute("delete from export_run")
        connection.execute("update export_schedule set tenant_id = %s, created_by = null", [other_tenant.tenant_id])
    await get(api, path, key, 404)
    await post(api, f"{path}/end", key, 404)
    assert (await get(api, "/scheduled-exports", key))["items"] == []
