"""The administrators' devices pages: what they show, by day only, and revoking."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from toktra.server.web import figures

if TYPE_CHECKING:
    from tests.server.conftest import SignedDevice

Rows = Callable[..., list[tuple[object, ...]]]
Enrol = Callable[..., Awaitable["SignedDevice"]]

REPORTED = "update device set last_report_on = %s where hostname = %s"


def ago(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


def main(page: httpx.Response) -> str:
    assert page.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text.partition("<main")[2]))


@pytest.fixture
async def fleet(enrol: Enrol, rows: Rows) -> list[SignedDevice]:
    """One that reported yesterday, one silent for nine days, one that never reported, one enrolled today."""
    devices = [await enrol(hostname=name, platform=platform) for name, platform in
               (("desk-a", "linux"), ("desk-b", "macos"), ("desk-c", "windows"), ("desk-d", "linux"))]  # fmt: skip
    rows("update device set enrolled_at = now() - interval '40 days' where hostname <> 'desk-d'")
    rows(REPORTED, ago(1), "desk-a")
    rows(REPORTED, ago(10), "desk-b")
    return devices


async def test_every_device_says_its_day_and_silence_is_no_zero(
    site: httpx.AsyncClient, fleet: list[SignedDevice]
) -> None:
    del fleet
    page = main(await site.get("/devices"))
    assert "4 enrolled" in page
    assert "1 reported yesterday" in page
    assert re.search(r"desk-a .*?yesterday – desk-b", page)
    assert re.search(r"desk-b .*?silent for 9 days – desk-c", page)
    assert re.search(r"desk-c .*?never.*?silent for 39 days – desk-d", page)
    assert re.search(r"desk-d .*?first day not over", page)


async def test_todays_reports_change_nothing_on_any_page_or_file(
    site: httpx.AsyncClient, fleet: list[SignedDevice]
) -> None:
    """Whoever loads the pages again and again must not learn when a device begins to report."""
    places = [
        "/devices?sort=report",
        "/devices?reporting=yesterday",
        "/devices?reporting=silent",
        "/devices?reporting=never",
        "/devices.csv",
        *(f"/devices/{device.enrolled.device}" for device in fleet),
    ]
    for device in fleet:  # the first batch ever names an account: that is said once, and is before what is tried here
        await device.send(device.batch(1, 1))
    rows_before = [(await site.get(place)).text for place in places]
    for device in fleet:
        assert (await device.send(device.batch(2, 3))).status_code == 200
    assert [(await site.get(place)).text for place in places] == rows_before


async def test_the_first_report_ever_shows_no_day(site: httpx.AsyncClient, fleet: list[SignedDevice]) -> None:
    await fleet[1].send(fleet[1].batch(1, 1))
    page = main(await site.get("/devices"))
    assert "silent for 9 days" in page
    assert "today" not in page.replace("today’s", "")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "abcd"),
        ("reporting=yesterday", "a"),
        ("reporting=silent", "bc"),
        ("reporting=never", "cd"),
        ("reporting=revoked", ""),
        ("system=linux", "ad"),
        ("q=DESK-B", "b"),
        ("q=%25", ""),
        ("sort=-device", "dcba"),
        ("sort=report", "bacd"),
        ("sort=-report", "abcd"),
        ("sort=system", "adbc"),
    ],
)
async def test_filters_and_order(site: httpx.AsyncClient, fleet: list[SignedDevice], query: str, names: str) -> None:
    del fleet
    assert "".join(re.findall(r">desk-([a-d])</a>", (await site.get(f"/devices?{query}")).text)) == names


@pytest.mark.parametrize("query", ["sort=privacy", "reporting=private", "system=beos", "sort=last_seq"])
async def test_there_is_no_order_or_filter_by_privacy_or_minutes(site: httpx.AsyncClient, query: str) -> None:
    assert (await site.get(f"/devices?{query}")).status_code == 400


async def test_no_minute_of_any_device_is_on_its_pages(site: httpx.AsyncClient, fleet: list[SignedDevice]) -> None:
    await fleet[0].send(fleet[0].batch(1, 1))
    for place in ("/devices", f"/devices/{fleet[0].enrolled.device}", "/devices.csv"):
        text = (await site.get(place)).text
        content = text.partition("<main")[2] or text
        assert not re.search(r"\d\d:\d\d", content), place


async def test_people_and_departments_of_a_device(
    site: httpx.AsyncClient, fleet: list[SignedDevice], rows: Rows
) -> None:
    await fleet[0].send(fleet[0].batch(1, 1, user="ada"))
    await fleet[0].send(fleet[0].batch(2, 1, user="bob"))
    rows("update person set department = 'Sales', display_name = 'Ada' where display_name like 'ada on%%'")
    rows("update person set department = 'Research', display_name = 'Bob' where display_name like 'bob on%%'")
    page = main(await site.get("/devices?department=Sales"))
    assert "Ada, Bob Research, Sales" in page
    assert "1–1 of 1 device" in page
    assert "desk-a" in main(await site.get("/devices?q=bob"))


async def test_revoking_is_at_once_and_recorded(site: httpx.AsyncClient, device: SignedDevice, rows: Rows) -> None:
    assert (await device.send(device.batch(1, 1))).status_code == 200
    place = f"/devices/{device.enrolled.device}"
    answer = await site.post(f"{place}/revoke")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{place}?said=revoked")
    refused = await device.send(device.batch(2, 1))
    assert refused.status_code == 403
    assert "revoked" in refused.json()["detail"]
    assert "This device is revoked" in main(await site.get(answer.headers["location"]))
    assert "desk-1" not in main(await site.get("/devices"))
    assert "desk-1" in main(await site.get("/devices?reporting=revoked"))
    assert (await site.post(f"{place}/revoke")).status_code == 303, "safe to repeat"
    revoked = rows("select after ->> 'device', after ? 'hostname' from audit_entry where tag = 'device:revoked'")
    assert revoked == [(str(device.enrolled.device), False)]
    assert rows("select count(*) from usage_event") == [(1,)]


async def test_another_sites_form_revokes_nothing(site: httpx.AsyncClient, device: SignedDevice) -> None:
    place = f"/devices/{device.enrolled.device}/revoke"
    assert (await site.post(place, headers={"origin": "https://evil.example"})).status_code == 403
    assert (await device.send(device.batch(1, 1))).status_code == 200


async def test_unknown_devices_do_not_exist(site: httpx.AsyncClient) -> None:
    for device in (uuid4(), "nonsense"):
        assert (await site.get(f"/devices/{device}")).status_code == 404
        assert (await site.post(f"/devices/{device}/revoke")).status_code == 404
        assert (await site.post(f"/devices/{device}/accounts", data={"account": "a"})).status_code == 404


async def test_the_download_has_days_and_no_formulas(site: httpx.AsyncClient, enrol: Enrol, rows: Rows) -> None:
    await enrol(hostname="=cmd|calc")
    rows("update device set enrolled_at = now() - interval '20 days'")
    rows(REPORTED, ago(3), "=cmd|calc")
    answer = await site.get("/devices.csv")
    _header, line = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert line == ["'=cmd|calc", "", "", "Linux", "1.0", ago(20), ago(3), "enrolled"]


async def test_a_hostname_is_text_on_the_page(site: httpx.AsyncClient, enrol: Enrol) -> None:
    device = await enrol(hostname="<script>alert(1)</script>")
    for place in ("/devices", f"/devices/{device.enrolled.device}"):
        assert "<script>alert" not in (await site.get(place)).text


async def test_the_day_is_said_as_everywhere(site: httpx.AsyncClient, fleet: list[SignedDevice]) -> None:
    day = datetime.now(UTC).date() - timedelta(days=10)
    page = (await site.get(f"/devices/{fleet[1].enrolled.device}")).text
    assert figures.day(day) in page
